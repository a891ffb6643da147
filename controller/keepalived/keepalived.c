/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/keepalived.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "keepalived/stopped.h"
#include "loop/backoff.h"
#include "loop/child.h"
#include "loop/loop.h"

enum {
	RESTART_MIN = 100 * 1000,       /* usec */
	RESTART_MAX = 30 * 1000 * 1000, /* usec */
	KILL_AFTER = 2 * 1000 * 1000,   /* usec between SIGTERM and SIGKILL */
	LOOK_EACH = 2 * 1000 * 1000,    /* usec between two looks whether it was stopped */
};

struct keepalived {
	sd_event *loop;
	sd_event_source *start_timer, *kill_timer, *look_timer;
	struct keepalived_ops ops;
	void *ud;
	struct child *child;
	char *program, *state_dir, *conf_path, *pid_path, *checkers_pid_path;
	struct backoff backoff;
	uint64_t started_at, starts;
	pid_t stopped; /* the process that was, at the last look; 0: none */
	bool up, reading, reload_wanted, restarting;
};

DEFINE_CLEANUP(struct keepalived *, keepalived_free);

static void send_signal(struct keepalived *k, int sig)
{
	struct err e = {0};

	if (k->child && child_signal(k->child, sig, &e) < 0 && e.code != ESRCH)
		log_warn("keepalived.signal_failed", LOG_INT("signal", sig), LOG_ERR(&e));
}

static void become_up(struct keepalived *k)
{
	k->up = true;
	log_info("keepalived.up", LOG_INT("pid", child_pid(k->child)),
		LOG_MSEC("after_ms", loop_now(k->loop) - k->started_at));
}

/* At its start, it may have read the file that another one took the place of since. */
static void on_ready(struct keepalived *k)
{
	k->reading = false;
	if (!k->up)
		become_up(k);
	if (k->reload_wanted)
		keepalived_reload(k);
	else
		k->ops.on_loaded(k->ud);
}

static void on_line(void *ud, const char *text)
{
	struct keepalived *k = ud;
	const struct keepalived_line line = keepalived_line_parse(text);

	if (*line.text)
		log_write(line.chatter ? LOG_DEBUG : LOG_INFO, "keepalived.log",
			LOG_FIELDS(LOG_STR("msg", line.text)));
	if (line.kind == KEEPALIVED_READY)
		on_ready(k);
	else if (line.kind == KEEPALIVED_READING)
		k->reading = true;
	else if (line.kind != KEEPALIVED_OTHER)
		k->ops.on_word(k->ud, &line);
}

static void on_end(void *ud, int status)
{
	struct keepalived *k = ud;
	bool told = k->restarting;
	uint64_t delay = told ? 0 : backoff_next(&k->backoff, loop_now(k->loop) - k->started_at);
	char text[64];

	k->child = child_free(k->child);
	k->up = k->reading = k->restarting = false;
	loop_timer_stop(k->kill_timer);
	loop_timer_stop(k->look_timer);
	log_write(told ? LOG_INFO : LOG_ERROR, "keepalived.exited",
		LOG_FIELDS(LOG_STR("status", child_status_text(text, status)),
			LOG_STR("forwarding", "the kernel's table stays"),
			LOG_MSEC("restart_in_ms", delay)));
	loop_timer_arm(k->start_timer, delay);
	if (!told)
		k->ops.on_died(k->ud, loop_now(k->loop) - k->started_at);
}

static void on_start_time(void *ud)
{
	keepalived_start(ud);
}

static void on_kill_time(void *ud)
{
	send_signal(ud, SIGKILL);
}

/* Nothing but SIGKILL reaches it; the kernel's table stays. */
static void end_stopped(struct keepalived *k)
{
	log_error("keepalived.hangs", LOG_INT("pid", k->stopped), LOG_STR("why", "it was stopped"),
		LOG_STR("next", "it is started anew"));
	k->restarting = true;
	send_signal(k, SIGKILL);
}

/* Twice the same: somebody who stops it for a moment may go on. */
static void on_look_time(void *ud)
{
	struct keepalived *k = ud;
	pid_t stopped = stopped_find(child_pid(k->child), k->checkers_pid_path);
	bool is_second = stopped && stopped == k->stopped;

	k->stopped = stopped;
	loop_timer_arm(k->look_timer, LOOK_EACH);
	if (is_second && !k->restarting)
		end_stopped(k);
}

int keepalived_new(struct keepalived **ret, sd_event *loop, const char *program,
	const char *conf_path, const char *state_dir, const struct keepalived_ops *own_ops,
	void *ud, struct err *e)
{
	CLEANUP(keepalived_freep) struct keepalived *k = xnew0(struct keepalived);
	int r;

	k->loop = sd_event_ref(loop);
	k->ops = *own_ops;
	k->ud = ud;
	k->program = xstrdup(program);
	k->state_dir = xstrdup(state_dir);
	k->conf_path = xstrdup(conf_path);
	k->pid_path = xasprintf("%s/keepalived.pid", state_dir);
	k->checkers_pid_path = xasprintf("%s/checkers.pid", state_dir);
	k->backoff = (struct backoff){.min = RESTART_MIN, .max = RESTART_MAX};
	r = loop_timer_new(&k->start_timer, loop, on_start_time, k, e);
	if (r >= 0)
		r = loop_timer_new(&k->look_timer, loop, on_look_time, k, e);
	if (r >= 0)
		r = loop_timer_new(&k->kill_timer, loop, on_kill_time, k, e);
	if (r < 0)
		return r;
	if (!confine_is_possible())
		log_warn("keepalived.unconfined", LOG_STR("why", "the kernel has no Landlock"),
			LOG_STR("effect", "keepalived may read all files of this container"));
	*ret = steal(k);
	return 0;
}

/* It has no use for what this container knows of the API server. */
static int launch(struct keepalived *k, const char *const argv[], struct err *e)
{
	const char *const readable[] = {k->conf_path, NULL};
	const char *const writable[] = {k->state_dir, NULL};
	const struct confine confine = {readable, writable};
	const struct child_ops ops = {.on_line = on_line, .on_exit = on_end, .confine = &confine};

	return child_start(&k->child, k->loop, argv, &ops, k, e);
}

void keepalived_start(struct keepalived *k)
{
	const char *const argv[] = {k->program, "--dont-fork", "--log-console", "--log-detail",
		"--check", "--no_bfd", "--dont-release-ipvs", "--use-file", k->conf_path, "--pid",
		k->pid_path, "--checkers_pid", k->checkers_pid_path, NULL};
	struct err e = {0};

	/* A pid file of a predecessor that was killed makes keepalived refuse to start. */
	unlink(k->pid_path);
	unlink(k->checkers_pid_path);
	k->started_at = loop_now(k->loop);
	k->starts++;
	k->reload_wanted = false;
	k->stopped = 0;
	if (launch(k, argv, &e) < 0) {
		uint64_t delay = backoff_next(&k->backoff, 0);

		log_error("keepalived.start_failed", LOG_ERR(&e), LOG_MSEC("retry_in_ms", delay));
		loop_timer_arm(k->start_timer, delay);
		return;
	}
	loop_timer_arm(k->look_timer, LOOK_EACH);
	log_info("keepalived.started", LOG_INT("pid", child_pid(k->child)));
}

void keepalived_reload(struct keepalived *k)
{
	/* Not running: the start will read the file. Running but not up: the signal would be lost.
	 */
	k->reload_wanted = k->child && !k->up;
	if (k->up)
		send_signal(k, SIGHUP);
}

void keepalived_restart(struct keepalived *k)
{
	if (!k->child || k->restarting)
		return;
	k->restarting = true;
	send_signal(k, SIGTERM);
	loop_timer_arm(k->kill_timer, KILL_AFTER);
}

bool keepalived_is_up(const struct keepalived *k)
{
	return k->up;
}

bool keepalived_is_starting(const struct keepalived *k, uint64_t within)
{
	return k->child && !k->up && loop_now(k->loop) - k->started_at < within;
}

bool keepalived_is_reading(const struct keepalived *k)
{
	return k->reading;
}

uint64_t keepalived_starts(const struct keepalived *k)
{
	return k->starts;
}

struct keepalived *keepalived_free(struct keepalived *k)
{
	if (!k)
		return NULL;
	child_free(k->child);
	sd_event_source_disable_unref(k->start_timer);
	sd_event_source_disable_unref(k->kill_timer);
	sd_event_source_disable_unref(k->look_timer);
	sd_event_unref(k->loop);
	free(k->program);
	free(k->state_dir);
	free(k->conf_path);
	free(k->pid_path);
	free(k->checkers_pid_path);
	free(k);
	return NULL;
}
