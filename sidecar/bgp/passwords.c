/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/passwords.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/log.h"
#include "config/password.h"
#include "loop/file_watch.h"

struct password {
	const struct passwords *owner;
	char *path;
	char *encoded;            /* NULL: there was never one */
	struct err why;           /* it is not what the file says now; code 0: it is */
	struct file_watch *watch; /* NULL: there is none to be had */
};

struct passwords {
	sd_event *loop;
	struct password *items[LIMIT_BGP_PEERS];
	size_t n_items;
	void (*on_change)(void *ud);
	void *ud;
};

static struct password *password_free(struct password *one)
{
	if (!one)
		return NULL;
	file_watch_free(one->watch);
	free(one->path);
	free(one->encoded);
	free(one);
	return NULL;
}

/* Once for each reason; of a file that never held one, who wants to use it tells. */
static void keep(struct password *one, const struct err *why)
{
	if (one->encoded && strcmp(one->why.msg, why->msg) != 0)
		log_warn("bgp.password_kept", LOG_ERR(why),
			LOG_STR("effect", "the password before is used"),
			LOG_STR("next", "it is read when it can be"));
	one->why = *why;
}

/* Returns whether there is another one. */
static bool take(struct password *one, char *encoded)
{
	bool is_other = !one->encoded || strcmp(one->encoded, encoded) != 0;

	if (one->why.code)
		log_info("bgp.password_read", LOG_STR("file", one->path));
	one->why = (struct err){0};
	free(one->encoded);
	one->encoded = encoded;
	return is_other;
}

static bool look(struct password *one)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	if (password_read(&text, &len, one->path, &e) == 0)
		return take(one, base64_encode(text, len));
	keep(one, &e);
	return false;
}

/* By the path and not the text: that is what a start does, with all its messages. */
static void on_read(void *ud, const char *text, size_t len)
{
	struct password *one = ud;

	(void)text;
	(void)len;
	if (look(one))
		one->owner->on_change(one->owner->ud);
}

static void on_lost(void *ud, const struct err *why)
{
	keep(ud, why);
}

static struct password *password_new(const struct passwords *owner, const char *path)
{
	static const struct file_watch_ops ops = {on_read, on_lost};
	struct password *one = xnew0(struct password);
	struct err e = {0};

	one->owner = owner;
	one->path = xstrdup(path);
	look(one);
	if (file_watch_new(&one->watch, owner->loop, path, PASSWORD_FILE_MAX, &ops, one, &e) < 0)
		log_warn("bgp.password_unwatched", LOG_ERR(&e),
			LOG_STR("effect", "its changes are in use after one of kago.yaml"));
	return one;
}

struct passwords *passwords_new(sd_event *loop, void (*on_change)(void *ud), void *ud)
{
	struct passwords *p = xnew0(struct passwords);

	p->loop = loop;
	p->on_change = on_change;
	p->ud = ud;
	return p;
}

static void free_all(struct password *items[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		password_free(items[i]);
}

struct passwords *passwords_free(struct passwords *p)
{
	if (!p)
		return NULL;
	free_all(p->items, p->n_items);
	free(p);
	return NULL;
}

static struct password **find(struct password *items[], size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (items[i] && strcmp(items[i]->path, path) == 0)
			return &items[i];
	return NULL;
}

/* Takes over the one of `path` that is among `before`. */
static struct password *renew(
	const struct passwords *p, struct password *before[], size_t n, const char *path)
{
	struct password **known = find(before, n, path);

	if (!known)
		return password_new(p, path);
	look(*known);
	return steal(*known);
}

void passwords_follow(struct passwords *p, const struct config_peer *peers, size_t n_peers)
{
	struct password *before[LIMIT_BGP_PEERS];
	size_t n_before = p->n_items;

	memcpy(before, p->items, sizeof before);
	p->n_items = 0;
	for (size_t i = 0; i < n_peers; i++) {
		const char *path = peers[i].password_file;

		if (path && !find(p->items, p->n_items, path))
			p->items[p->n_items++] = renew(p, before, n_before, path);
	}
	free_all(before, n_before);
}

int passwords_find(const char **ret, const struct passwords *p, const char *path, struct err *e)
{
	for (size_t i = 0; i < p->n_items; i++) {
		const struct password *one = p->items[i];

		if (strcmp(one->path, path) != 0)
			continue;
		if (!one->encoded)
			return err_set(e, one->why.code, "%s", one->why.msg);
		*ret = one->encoded;
		return 0;
	}
	return err_set(e, ENOENT, "%s is not followed", path);
}
