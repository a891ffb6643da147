/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/vrrp_child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "base/str.h"
#include "loop/backoff.h"
#include "loop/child.h"
#include "loop/loop.h"
#include "vrrp/pod_interface.h"
#include "vrrp/share.h"
#include "vrrp/vrrp_conf.h"
#include "vrrp/vrrp_files.h"
#include "vrrp/vrrp_word.h"

enum {
	PULSES_MISSED = 3,               /* of l2.interval, until it counts as silent */
	KILL_SILENT = 5 * 1000 * 1000,   /* from then on */
	KILL_MUTE = 2 * 1000 * 1000,     /* after its first share, if it has never answered */
	KILL_ENDING = 2 * 1000 * 1000,   /* after SIGTERM; it takes a second */
	READ_TIMEOUT = 10 * 1000 * 1000, /* for its file, at a start or a reload */
	/* Of l2.interval, between two reloads, each of which lets those who wait for a master's
	 * advertisements wait anew: it has to be longer than they wait. */
	RELOAD_GAP = 5,
	BACKOFF_MIN = 200 * 1000,
	BACKOFF_MAX = 30 * 1000 * 1000,
	IMPAIRED = -127,
};

struct vrrp_child {
	sd_event *loop;
	const struct config *config;
	struct vrrp_child_ops ops;
	void *ud;
	struct mustache *template;
	char *conf_path, *pid_path, *vrrp_pid_path;
	char *text; /* of its file, as it shall be; NULL: it is not to run */
	struct child *child;
	int words_fd;
	sd_event_source *words_io, *start_timer, *kill_timer, *read_timer, *gap_timer, *pulse_timer,
		*silence_timer;
	struct vrrp_words words;
	struct backoff backoff;
	uint64_t started_at;
	uint32_t masters;            /* as it has said */
	uint32_t impaired, written;  /* written: as the files have it */
	int pulse;                   /* as its file has it */
	bool ending;                 /* it was told to */
	bool up;                     /* it has answered since its start */
	bool silent;                 /* it has, but does so no more */
	bool reading;                /* its file, since its start or SIGHUP */
	bool outdated;               /* it has read another text than ours */
	bool unreadable, unwritable; /* the log has said so */
};

bool vrrp_child_is_there(const struct vrrp_child *k)
{
	return k->child != NULL;
}

uint32_t vrrp_child_owned(const struct vrrp_child *k)
{
	return k->up && !k->silent && !k->ending ? k->masters : 0;
}

static void send_signal(struct vrrp_child *k, int sig)
{
	struct err e = {0};

	if (k->child && child_signal(k->child, sig, &e) < 0 && e.code != ESRCH)
		log_warn("vrrp.signal_failed", LOG_INT("signal", sig), LOG_ERR(&e));
}

static void kill_child(struct vrrp_child *k, const char *why)
{
	log_warn("vrrp.killed", LOG_STR("why", why), LOG_STR("next", "it is started again"));
	send_signal(k, SIGKILL);
}

static void on_kill_time(void *ud)
{
	struct vrrp_child *k = ud;

	if (k->ending)
		send_signal(k, SIGKILL);
	else
		kill_child(k, "it does not answer");
}

static void on_read_time(void *ud)
{
	kill_child(ud, "it does not read its file");
}

static void answered(struct vrrp_child *k)
{
	bool was_up = k->up, was_silent = k->silent;

	k->up = true;
	k->silent = false;
	loop_timer_arm(k->silence_timer, PULSES_MISSED * k->config->l2.interval);
	if (was_silent)
		log_info("vrrp.answers", LOG_STR("next", "what it owns is ours again"));
	if (was_silent || !was_up)
		loop_timer_stop(k->kill_timer);
	if (!was_up)
		k->ops.on_up(k->ud);
}

/* What one has that does not answer is nobody's: others believe that it is served. */
static void own(struct vrrp_child *k, uint32_t share)
{
	if (!k->up && !k->masters)
		loop_timer_arm(k->kill_timer, KILL_MUTE);
	k->masters |= share;
}

static void on_word(void *ud, const struct vrrp_word *word)
{
	struct vrrp_child *k = ud;
	uint32_t share = (uint32_t)1 << word->share;

	if (word->kind == VRRP_OWNS)
		own(k, share);
	else if (word->kind == VRRP_YIELDS)
		k->masters &= ~share;
	else if (word->kind == VRRP_PULSE)
		answered(k);
	else if (word->kind == VRRP_UNREADABLE && !k->unreadable)
		log_warn("vrrp.unreadable", LOG_STR("what", "a word of keepalived's"),
			LOG_STR("next", "it is passed over; this is said once"));
	k->unreadable |= word->kind == VRRP_UNREADABLE;
}

/* False: there was nothing. */
static bool read_words(struct vrrp_child *k)
{
	char text[4096];
	ssize_t n = read(k->words_fd, text, sizeof text);

	if (n <= 0)
		return false;
	if (k->child && !k->ending)
		vrrp_words_read(&k->words, text, (size_t)n, on_word, k);
	return true;
}

static void follow_words(struct vrrp_child *k)
{
	uint32_t before = vrrp_child_owned(k);

	while (read_words(k))
		;
	if (vrrp_child_owned(k) != before)
		k->ops.on_change(k->ud);
}

static int on_words(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	(void)source;
	(void)fd;
	(void)events;
	loop_doing(LOOP_HERE("on_words"));
	follow_words(ud);
	return 0;
}

/* Unless it was us who had no time. */
static void on_silence(void *ud)
{
	struct vrrp_child *k = ud;
	uint32_t before = vrrp_child_owned(k);

	follow_words(k);
	if (loop_timer_armed(k->silence_timer) || !k->up || k->silent)
		return;
	k->silent = true;
	loop_timer_arm(k->kill_timer, KILL_SILENT);
	log_warn("vrrp.silent", LOG_STR("effect", "others take its shares; none is ours"));
	if (before)
		k->ops.on_change(k->ud);
}

static void note_written(struct vrrp_child *k, int result, const struct err *e)
{
	if (result < 0 && !k->unwritable)
		log_warn("vrrp.unwritable", LOG_ERR(e),
			LOG_STR("next", "it is tried again; this is said once"));
	k->unwritable = result < 0;
}

/* Those that its files do not have yet. */
static int write_priorities(struct vrrp_child *k, uint32_t shares, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < SHARES; i++) {
		uint32_t share = (uint32_t)1 << i;

		if (!(shares & share))
			continue;
		r = vrrp_files_set_share(k->config, i, (k->impaired & share) ? IMPAIRED : 0, e);
		if (r == 0)
			k->written = (k->written & ~share) | (k->impaired & share);
	}
	return r;
}

static int write_pulse(struct vrrp_child *k, struct err *e)
{
	int next = k->pulse == 1 ? 2 : 1, r = vrrp_files_set_pulse(k->config, next, e);

	if (r == 0)
		k->pulse = next;
	return r;
}

static void on_pulse_time(void *ud)
{
	struct vrrp_child *k = ud;
	struct err e = {0};
	int r = write_priorities(k, k->impaired ^ k->written, &e);

	if (r == 0)
		r = write_pulse(k, &e);
	note_written(k, r, &e);
	loop_timer_arm(k->pulse_timer, k->config->l2.interval);
}

static void reload(struct vrrp_child *k)
{
	struct err e = {0};
	int r = fs_write_atomic(k->conf_path, k->text, strlen(k->text), &e);

	loop_timer_arm(k->gap_timer, RELOAD_GAP * k->config->l2.interval);
	note_written(k, r, &e);
	if (r < 0)
		return;
	k->outdated = false;
	k->reading = true;
	loop_timer_arm(k->read_timer, READ_TIMEOUT);
	send_signal(k, SIGHUP);
	log_info("vrrp.followed");
}

/* A signal is lost on one that has not read its file yet. */
static void reload_if_due(struct vrrp_child *k)
{
	if (k->child && !k->ending && k->outdated && !k->reading && !loop_timer_armed(k->gap_timer))
		reload(k);
}

static void on_gap_time(void *ud)
{
	reload_if_due(ud);
}

static void on_line(void *ud, const char *line)
{
	struct vrrp_child *k = ud;
	const char *text = str_skip_date(line);

	/* It says so at each pulse. */
	if (!*text || str_has_prefix(text, "(" VRRP_CONF_PULSE ") Changing effective priority"))
		return;
	log_write(
		*text == '(' ? LOG_DEBUG : LOG_INFO, "vrrp.log", LOG_FIELDS(LOG_STR("msg", text)));
	if (!str_has_prefix(text, "Startup complete") && !str_has_prefix(text, "Reload complete"))
		return;
	k->reading = false;
	loop_timer_stop(k->read_timer);
	reload_if_due(k);
}

static void stop_timers(struct vrrp_child *k)
{
	loop_timer_stop(k->start_timer);
	loop_timer_stop(k->kill_timer);
	loop_timer_stop(k->read_timer);
	loop_timer_stop(k->gap_timer);
	loop_timer_stop(k->pulse_timer);
	loop_timer_stop(k->silence_timer);
}

static void on_exit_of_child(void *ud, int status)
{
	struct vrrp_child *k = ud;
	bool told = k->ending;
	uint64_t delay = told ? 0 : backoff_next(&k->backoff, loop_now(k->loop) - k->started_at);
	char text[64];

	k->child = child_free(k->child);
	k->up = k->silent = k->ending = false;
	stop_timers(k);
	log_write(told ? LOG_INFO : LOG_WARN, "vrrp.ended",
		LOG_FIELDS(LOG_STR("status", child_status_text(text, status)),
			LOG_STR("effect", "no share is ours by VRRP")));
	if (k->text)
		loop_timer_arm(k->start_timer, delay);
	k->ops.on_end(k->ud);
}

static int start_child(struct vrrp_child *k, struct err *e)
{
	/* Without a new VRRP process in the place of one that has died: its end is ours to see. */
	const char *const argv[] = {k->config->l2.program, "--dont-fork", "--log-console",
		"--log-detail", "--vrrp", "--no_bfd", "--dont-respawn", "--use-file", k->conf_path,
		"--pid", k->pid_path, "--vrrp_pid", k->vrrp_pid_path, NULL};
	const char *const writable[] = {k->config->l2.state_dir, NULL};
	const struct confine confine = {NULL, writable};
	const struct child_ops ops = {
		.on_line = on_line, .on_exit = on_exit_of_child, .confine = &confine};

	return child_start(&k->child, k->loop, argv, &ops, k, e);
}

static int launch(struct vrrp_child *k, struct err *e)
{
	int r = fs_write_atomic(k->conf_path, k->text, strlen(k->text), e);

	/* A pid file of a predecessor that was killed makes keepalived refuse to start. */
	unlink(k->pid_path);
	unlink(k->vrrp_pid_path);
	if (r == 0)
		r = write_priorities(k, UINT32_MAX, e);
	if (r == 0)
		r = write_pulse(k, e);
	/* Last words of the one before. */
	while (read_words(k))
		;
	k->words = (struct vrrp_words){0};
	k->masters = 0;
	k->outdated = false;
	k->reading = true;
	return r < 0 ? r : start_child(k, e);
}

static void on_start_time(void *ud)
{
	struct vrrp_child *k = ud;
	struct err e = {0};

	k->started_at = loop_now(k->loop);
	if (launch(k, &e) < 0) {
		uint64_t delay = backoff_next(&k->backoff, 0);

		log_error("vrrp.start_failed", LOG_ERR(&e), LOG_STR("effect", "no share is ours"),
			LOG_MSEC("next_start_in_ms", delay));
		loop_timer_arm(k->start_timer, delay);
		return;
	}
	loop_timer_arm(k->kill_timer, READ_TIMEOUT);
	loop_timer_arm(k->read_timer, READ_TIMEOUT);
	loop_timer_arm(k->pulse_timer, k->config->l2.interval);
	log_info("vrrp.started", LOG_INT("pid", child_pid(k->child)));
}

static int make_text(
	char **ret, const struct vrrp_child *k, const struct roster *roster, struct err *e)
{
	CLEANUP_FREE char *interface = NULL;
	int r = pod_interface_of(&interface, &roster->own, e);

	return r < 0 ? r : vrrp_conf_text(ret, k->template, k->config, roster, interface, e);
}

int vrrp_child_run(struct vrrp_child *k, const struct roster *roster, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	int r = make_text(&text, k, roster, e);

	if (r < 0 || str_equal(k->text, text))
		return r;
	free(k->text);
	k->text = steal(text);
	k->outdated = true;
	if (!k->child && !loop_timer_armed(k->start_timer))
		loop_timer_arm(k->start_timer, 0);
	reload_if_due(k);
	return 0;
}

void vrrp_child_impair(struct vrrp_child *k, uint32_t shares)
{
	struct err e = {0};
	int r;

	k->impaired = shares;
	if (!k->child)
		return;
	r = write_priorities(k, k->impaired ^ k->written, &e);
	note_written(k, r, &e);
}

void vrrp_child_end(struct vrrp_child *k)
{
	free(k->text);
	k->text = NULL;
	if (k->ending)
		return;
	stop_timers(k);
	if (!k->child)
		return;
	k->ending = true;
	loop_timer_arm(k->kill_timer, KILL_ENDING);
	send_signal(k, SIGTERM);
}

static int make_timers(struct vrrp_child *k, struct err *e)
{
	const struct {
		sd_event_source **timer;
		void (*on_time)(void *ud);
		const char *what;
	} timers[] = {
		{&k->start_timer, on_start_time, LOOP_HERE("on_start_time")},
		{&k->kill_timer, on_kill_time, LOOP_HERE("on_kill_time")},
		{&k->read_timer, on_read_time, LOOP_HERE("on_read_time")},
		{&k->gap_timer, on_gap_time, LOOP_HERE("on_gap_time")},
		{&k->pulse_timer, on_pulse_time, LOOP_HERE("on_pulse_time")},
		{&k->silence_timer, on_silence, LOOP_HERE("on_silence")},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof timers / sizeof timers[0]; i++)
		r = loop_timer_new_named(
			timers[i].timer, k->loop, timers[i].on_time, timers[i].what, k, e);
	return r;
}

static int watch_words(struct vrrp_child *k, struct err *e)
{
	int r = vrrp_files_words(&k->words_fd, k->config, e);

	if (r < 0)
		return r;
	r = sd_event_add_io(k->loop, &k->words_io, k->words_fd, EPOLLIN, on_words, k);
	return r < 0 ? err_errno(e, -r, "watching what VRRP says") : 0;
}

int vrrp_child_new(struct vrrp_child **ret, sd_event *loop, const struct config *c,
	const struct vrrp_child_ops *ops, void *ud, struct err *e)
{
	CLEANUP(vrrp_child_freep) struct vrrp_child *k = xnew0(struct vrrp_child);
	int r;

	*k = (struct vrrp_child){.loop = loop, .config = c, .ops = *ops, .ud = ud, .words_fd = -1};
	k->backoff = (struct backoff){.min = BACKOFF_MIN, .max = BACKOFF_MAX};
	k->conf_path = vrrp_conf_path(c, "vrrp.conf");
	k->pid_path = vrrp_conf_path(c, "keepalived.pid");
	k->vrrp_pid_path = vrrp_conf_path(c, "vrrp.pid");
	r = mustache_load(&k->template, c->l2.template_path, e);
	if (r == 0)
		r = make_timers(k, e);
	if (r == 0)
		r = watch_words(k, e);
	if (r < 0)
		return r;
	*ret = steal(k);
	return 0;
}

struct vrrp_child *vrrp_child_free(struct vrrp_child *k)
{
	if (!k)
		return NULL;
	child_free(k->child);
	sd_event_source_disable_unref(k->words_io);
	sd_event_source_disable_unref(k->start_timer);
	sd_event_source_disable_unref(k->kill_timer);
	sd_event_source_disable_unref(k->read_timer);
	sd_event_source_disable_unref(k->gap_timer);
	sd_event_source_disable_unref(k->pulse_timer);
	sd_event_source_disable_unref(k->silence_timer);
	closep(&k->words_fd);
	mustache_free(k->template);
	free(k->text);
	free(k->conf_path);
	free(k->pid_path);
	free(k->vrrp_pid_path);
	free(k);
	return NULL;
}
