/* SPDX-License-Identifier: Apache-2.0 */
#include "follow/follow.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "follow/live.h"
#include "loop/file_watch.h"

struct follow {
	struct follow_origin origin;
	struct config *config;
	struct config_live *live;
	struct file_watch *watch;
	void (*changed)(void *ud);
	void *ud;
	bool refused;
};

static void refuse(struct follow *f, const struct err *why)
{
	f->refused = true;
	log_error("config.refused", LOG_ERR(why),
		LOG_STR("effect", "the configuration before stands"));
}

static void on_key(void *ud, const char *key, bool in_use)
{
	(void)ud;
	log_write(in_use ? LOG_INFO : LOG_WARN, "config.changed",
		LOG_FIELDS(LOG_STR("key", key),
			LOG_STR("effect", in_use ? "in use" : "in use after a restart")));
}

/* An editor may empty a file before it writes it. That would be the defaults: no pools, no peers.
 */
static bool is_blank(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", text[i]))
		i++;
	return i == len;
}

static void log_note(const struct config *c)
{
	if (c->note)
		log_warn("config.note", LOG_STR("note", c->note));
}

/* By the path and not the text: that is what the start does, with all its messages. */
static void on_read(void *ud, const char *text, size_t len)
{
	struct follow *f = ud;
	struct config *next = NULL;
	struct err e = {0};

	if (is_blank(text, len))
		err_set(&e, EINVAL, "%s: is empty; for a configuration of defaults write {}",
			f->origin.path);
	if (e.code || f->origin.load(&next, f->origin.args, &e) < 0) {
		refuse(f, &e);
		return;
	}
	if (f->refused)
		log_info("config.accepted", LOG_STR("file", f->origin.path));
	f->refused = false;
	log_note(next);
	if (!config_live_take(f->live, next, on_key, f))
		return;
	log_setup(f->config->log.level, f->config->log.format);
	f->changed(f->ud);
}

static void on_lost(void *ud, const struct err *why)
{
	refuse(ud, why);
}

struct follow *follow_new(sd_event *loop, const struct follow_origin *origin, struct config *config,
	enum schema_program program, void (*changed)(void *ud), void *ud)
{
	static const struct file_watch_ops ops = {on_read, on_lost};
	struct follow *f = xnew0(struct follow);
	struct err e = {0};

	f->origin = *origin;
	f->config = config;
	f->live = config_live_new(config, program);
	f->changed = changed;
	f->ud = ud;
	log_note(config);
	if (origin->path && file_watch_new(&f->watch, loop, origin->path, LIMIT_DOCUMENT_BYTES,
				    &ops, f, &e) < 0)
		log_warn("config.not_followed", LOG_ERR(&e),
			LOG_STR("effect", "its changes are in use after a restart"));
	return f;
}

struct follow *follow_free(struct follow *f)
{
	if (!f)
		return NULL;
	file_watch_free(f->watch);
	config_live_free(f->live);
	free(f);
	return NULL;
}

struct follow_state follow_state(const struct follow *f)
{
	return (struct follow_state){
		.restart_pending = config_live_pending(f->live) > 0,
		.refused = f->refused,
	};
}
