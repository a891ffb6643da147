/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp_child.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "loop/backoff.h"
#include "loop/child.h"
#include "loop/loop.h"

enum {
	STOP_TIMEOUT = 2 * 1000 * 1000,
	BACKOFF_MIN = 500 * 1000,
	BACKOFF_MAX = 30 * 1000 * 1000,
};

struct exabgp_child {
	sd_event *loop;
	const struct config *config;
	const char *program, *conf_path;
	struct child *process; /* NULL while it waits to be started again */
	sd_event_source *start_timer, *kill_timer;
	struct backoff backoff;
	uint64_t started_at;
	struct exabgp_child_ops ops;
	void *ud;
};

/* exabgp prints a line end of its own between messages. */
static void on_log_line(void *ud, const char *line)
{
	(void)ud;
	if (line[0])
		log_info("exabgp.log", LOG_STR("msg", line));
}

static void on_process_end(void *ud, int status)
{
	struct exabgp_child *c = ud;
	char text[64];
	uint64_t delay;

	child_status_text(text, status);
	c->process = child_free(c->process);
	loop_timer_stop(c->kill_timer);
	if (!c->ops.on_end(c->ud, text))
		return;
	delay = backoff_next(&c->backoff, loop_now(c->loop) - c->started_at);
	log_warn("exabgp.ended", LOG_STR("status", text),
		LOG_STR("effect", "its sessions closed, which withdraws every route"),
		LOG_MSEC("next_start_in_ms", delay));
	loop_timer_arm(c->start_timer, delay);
}

/* It knows the passwords in its own file and no others. Our program is its API process. */
int exabgp_child_start(struct exabgp_child *c, size_t n_peers, struct err *e)
{
	const char *const argv[] = {c->config->bgp.program, c->conf_path, NULL};
	const char *const readable[] = {c->program, NULL};
	const char *const writable[] = {c->config->bgp.state_dir, NULL};
	const struct confine confine = {readable, writable};
	const struct child_ops child_ops = {.on_line = on_log_line,
		.on_exit = on_process_end,
		.powerless = true,
		.confine = &confine};
	int r = child_start(&c->process, c->loop, argv, &child_ops, c, e);

	if (r < 0)
		return r;
	c->started_at = loop_now(c->loop);
	log_info("exabgp.started", LOG_INT("pid", child_pid(c->process)),
		LOG_UINT("peers", n_peers));
	return 0;
}

static void on_start_time(void *ud)
{
	struct exabgp_child *c = ud;
	struct err e = {0};
	uint64_t delay;

	if (c->ops.launch(c->ud, &e) == 0)
		return;
	delay = backoff_next(&c->backoff, 0);
	log_error("exabgp.start_failed", LOG_ERR(&e), LOG_MSEC("next_start_in_ms", delay));
	loop_timer_arm(c->start_timer, delay);
}

static void on_stop_time(void *ud)
{
	struct exabgp_child *c = ud;
	struct err e = {0};

	log_warn("exabgp.killed", LOG_STR("why", "it did not stop in time"));
	child_signal(c->process, SIGKILL, &e);
}

/*
 * exabgp 4.2 and 5.0 read these. The user is ours: its default, nobody or exabgp, need not exist in
 * a container. The named pipes of its command line tool are of no use here.
 */
static void set_environment(const struct config *c)
{
	const struct passwd *user = getpwuid(geteuid());

	setenv("exabgp_daemon_user", user ? user->pw_name : "root", 1);
	setenv("exabgp_daemon_drop", "false", 1);
	setenv("exabgp_api_cli", "false", 1);
	setenv("exabgp_api_ack", "true", 1);
	setenv("exabgp_log_destination", "stdout", 1);
	setenv("exabgp_log_short", "true", 1);
	/* It looks its own name up before it does anything, which a dead resolver makes long. */
	setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
	setenv("exabgp_log_level", c->log.level == LOG_DEBUG ? "INFO" : "WARNING", 1);
}

int exabgp_child_new(struct exabgp_child **ret, sd_event *loop, const struct config *config,
	const char *program, const char *conf_path, const struct exabgp_child_ops *ops, void *ud,
	struct err *e)
{
	CLEANUP(exabgp_child_freep) struct exabgp_child *c = xnew0(struct exabgp_child);
	int r;

	c->loop = loop;
	c->config = config;
	c->program = program;
	c->conf_path = conf_path;
	c->ops = *ops;
	c->ud = ud;
	c->backoff = (struct backoff){.min = BACKOFF_MIN, .max = BACKOFF_MAX};
	r = loop_timer_new(&c->start_timer, loop, on_start_time, c, e);
	if (r == 0)
		r = loop_timer_new(&c->kill_timer, loop, on_stop_time, c, e);
	if (r < 0)
		return r;
	set_environment(config);
	if (!confine_is_possible())
		log_warn("exabgp.unconfined", LOG_STR("why", "the kernel has no Landlock"),
			LOG_STR("effect", "exabgp may read all files of this container"));
	*ret = steal(c);
	return 0;
}

struct exabgp_child *exabgp_child_free(struct exabgp_child *c)
{
	if (!c)
		return NULL;
	child_free(c->process);
	sd_event_source_disable_unref(c->start_timer);
	sd_event_source_disable_unref(c->kill_timer);
	free(c);
	return NULL;
}

void exabgp_child_start_soon(struct exabgp_child *c)
{
	if (!c->process && !loop_timer_armed(c->start_timer))
		loop_timer_arm(c->start_timer, 0);
}

bool exabgp_child_runs(const struct exabgp_child *c)
{
	return c->process != NULL;
}

void exabgp_child_kill(struct exabgp_child *c, const char *why)
{
	struct err e = {0};

	if (!c->process)
		return;
	log_warn("exabgp.killed", LOG_STR("why", why), LOG_STR("next", "it is started again"));
	child_signal(c->process, SIGKILL, &e);
}

void exabgp_child_stop(struct exabgp_child *c)
{
	struct err e = {0};

	loop_timer_stop(c->start_timer);
	if (!c->process)
		return;
	loop_timer_arm(c->kill_timer, STOP_TIMEOUT);
	child_signal(c->process, SIGTERM, &e);
}
