/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bfd.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "bfd/bird_conf.h"
#include "bfd/bird_line.h"
#include "loop/backoff.h"
#include "loop/child.h"
#include "loop/loop.h"

enum {
	ASK_SOON = 100 * 1000, /* while it has not opened its socket yet */
	ASK_INTERVAL = 1000 * 1000,
	ANSWER_TIMEOUT = 3 * 1000 * 1000,
	START_TIMEOUT = 20 * 1000 * 1000,
	/* Routers take the routes away meanwhile, or have done so, or know nothing of BFD. */
	BACKOFF_MIN = 200 * 1000,
	BACKOFF_MAX = 30 * 1000 * 1000,
};

struct bfd {
	sd_event *loop;
	const struct config *config;
	const struct site *site;
	char *folder, *conf_path, *socket_path;
	struct child *child;    /* NULL while it waits to be started again */
	struct bird_line *line; /* NULL while there is none */
	sd_event_source *start_timer, *ask_timer, *answer_timer;
	struct backoff backoff;
	uint64_t started_at;
	bool unreadable; /* its answers; the log has said so */
	bool outdated;   /* it may run with other peers than there are */
	bool failed;     /* to tell it of them; the log has said so */
	char *text;      /* of bird.conf, as it is */
	struct bfd_session *sessions;
	size_t n_sessions;
	void (*on_change)(void *ud);
	void *ud;
};

static void log_change(const struct bfd_session *s, enum bfd_state before, uint64_t now)
{
	char peer[IPADDR_TEXT];

	ipaddr_format(peer, &s->peer);
	if (s->state == BFD_UP)
		log_info("bfd.up", LOG_STR("peer", peer));
	else if (before == BFD_UP)
		log_warn("bfd.down", LOG_STR("peer", peer),
			LOG_STR("state", bfd_state_name(s->state)),
			LOG_UINT("was_up_s", (now - s->since) / 1000000),
			LOG_STR("effect", "its router takes our routes away, if BGP is up"));
}

/* Whether it is another one. */
static bool set_state(struct bfd_session *s, enum bfd_state state, uint64_t now)
{
	enum bfd_state before = s->state;

	if (before == state)
		return false;
	s->state = state;
	log_change(s, before, now);
	s->since = now;
	return true;
}

static enum bfd_state state_of(const struct bird_sessions *said, const struct ipaddr *peer)
{
	for (size_t i = 0; said && i < said->n_items; i++)
		if (ipaddr_equal(&said->items[i].peer, peer))
			return said->items[i].state;
	return BFD_UNKNOWN;
}

/* NULL: nothing is known. */
static void set_states(struct bfd *b, const struct bird_sessions *said)
{
	uint64_t now = loop_now(b->loop);
	bool changed = false;

	for (size_t i = 0; i < b->n_sessions; i++) {
		struct bfd_session *s = &b->sessions[i];

		if (set_state(s, state_of(said, &s->peer), now))
			changed = true;
	}
	if (changed)
		b->on_change(b->ud);
}

static void on_answer(void *ud, const char *text, size_t len)
{
	struct bfd *b = ud;
	struct bird_sessions said = {0};
	struct err e = {0};
	int r = bird_api_sessions(&said, text, len, &e);

	loop_timer_stop(b->answer_timer);
	loop_timer_arm(b->ask_timer, ASK_INTERVAL);
	if (r < 0 && !b->unreadable)
		log_warn("bfd.unreadable", LOG_ERR(&e),
			LOG_STR("effect", "how sessions are is not known; they go on"));
	b->unreadable = r < 0;
	set_states(b, r < 0 ? NULL : &said);
}

static void hang_up(struct bfd *b)
{
	b->line = bird_line_close(b->line);
}

static void on_end(void *ud, const char *why)
{
	struct bfd *b = ud;

	log_debug("bird.disconnected", LOG_STR("why", why));
	hang_up(b);
	loop_timer_arm(b->ask_timer, ASK_SOON);
}

/* One that hangs keeps its sessions until routers miss its packets, which they do already. */
static void on_no_answer(void *ud)
{
	const struct bfd *b = ud;
	struct err e = {0};

	if (!b->child)
		return;
	log_warn("bird.killed", LOG_STR("why", "it does not answer"),
		LOG_STR("next", "it is started again"));
	child_signal(b->child, SIGKILL, &e);
}

static int write_files(struct bfd *b, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	int r = bird_conf_text(&text, b->config, b->site, e);

	if (r == 0 && b->text && strcmp(text, b->text) == 0)
		return 0;

	if (r == 0)
		r = fs_mkdir(b->config->bgp.state_dir, e);
	if (r == 0)
		r = fs_mkdir(b->folder, e);
	if (r == 0)
		r = fs_write_atomic(b->conf_path, text, strlen(text), e);
	if (r < 0)
		return r;
	free(b->text);
	b->text = steal(text);
	return 0;
}

/* Sessions that are in the old file and in the new one go on. */
static void reload(struct bfd *b)
{
	bool again = b->outdated, failed_before = b->failed;
	struct err e = {0};
	int r = write_files(b, &e);

	if (r == 0)
		r = child_signal(b->child, SIGHUP, &e);
	/* Before it has answered it may not hear a signal yet. */
	b->outdated = r < 0 || !b->line;
	b->failed = r < 0;
	if (r == 0 && (!again || failed_before))
		log_info("bird.followed", LOG_UINT("sessions", b->n_sessions));
	else if (r < 0 && !failed_before)
		log_warn("bird.follow_failed", LOG_ERR(&e),
			LOG_STR("effect", "BFD is with the peers of before; it is tried again"));
}

static int ask(struct bfd *b, struct err *e)
{
	static const struct bird_line_ops ops = {on_answer, on_end};
	int r = 0;

	if (!b->line)
		r = bird_line_open(&b->line, b->loop, b->socket_path, &ops, b, e);
	return r < 0 ? r : bird_line_ask(b->line, BIRD_API_SESSIONS, e);
}

/* The first answer of all may take longer than others: the timer of its start runs. */
static void on_ask_time(void *ud)
{
	struct bfd *b = ud;
	struct err e = {0};

	if (!b->child)
		return;
	if (b->outdated)
		reload(b);
	if (!loop_timer_armed(b->answer_timer))
		loop_timer_arm(b->answer_timer, ANSWER_TIMEOUT);
	if (ask(b, &e) == 0)
		return;
	hang_up(b);
	loop_timer_arm(b->ask_timer, ASK_SOON);
}

static void on_log_line(void *ud, const char *line)
{
	(void)ud;
	if (line[0])
		log_info("bird.log", LOG_STR("msg", line));
}

static void on_child_exit(void *ud, int status)
{
	struct bfd *b = ud;
	char text[64];
	uint64_t delay = backoff_next(&b->backoff, loop_now(b->loop) - b->started_at);

	hang_up(b);
	b->child = child_free(b->child);
	loop_timer_stop(b->ask_timer);
	loop_timer_stop(b->answer_timer);
	set_states(b, NULL);
	if (b->n_sessions == 0)
		return;
	loop_timer_arm(b->start_timer, delay);
	log_warn("bird.ended", LOG_STR("status", child_status_text(text, status)),
		LOG_STR("effect", "routers see BFD go down"), LOG_MSEC("next_start_in_ms", delay));
}

static int start_child(struct bfd *b, struct err *e)
{
	const char *const argv[] = {
		b->config->bgp.bfd.program, "-f", "-c", b->conf_path, "-s", b->socket_path, NULL};
	const char *const writable[] = {b->folder, NULL};
	const struct confine confine = {NULL, writable};
	const struct child_ops ops = {.on_line = on_log_line,
		.on_exit = on_child_exit,
		.powerless = true,
		.no_priority = true,
		.confine = &confine};

	return child_start(&b->child, b->loop, argv, &ops, b, e);
}

static int launch(struct bfd *b, struct err *e)
{
	int r = write_files(b, e);

	if (r == 0)
		r = start_child(b, e);
	if (r < 0)
		return r;
	b->outdated = false;
	b->started_at = loop_now(b->loop);
	loop_timer_arm(b->answer_timer, START_TIMEOUT);
	loop_timer_arm(b->ask_timer, ASK_SOON);
	log_info("bird.started", LOG_INT("pid", child_pid(b->child)),
		LOG_UINT("sessions", b->n_sessions));
	return 0;
}

static void on_start_time(void *ud)
{
	struct bfd *b = ud;
	struct err e = {0};
	uint64_t delay;

	if (launch(b, &e) == 0)
		return;
	delay = backoff_next(&b->backoff, 0);
	log_error("bird.start_failed", LOG_ERR(&e), LOG_STR("effect", "there is no BFD"),
		LOG_MSEC("next_start_in_ms", delay));
	loop_timer_arm(b->start_timer, delay);
}

static struct bfd_session session_with(
	const struct bfd_session before[], size_t n, const struct ipaddr *peer)
{
	for (size_t i = 0; i < n; i++)
		if (ipaddr_equal(&before[i].peer, peer))
			return before[i];
	return (struct bfd_session){.peer = *peer};
}

/* With the peers as they are; sessions that were there stay as they are. */
static void set_up_sessions(struct bfd *b)
{
	CLEANUP_FREE struct bfd_session *before = b->sessions;
	const struct config *c = b->config;
	size_t n_before = b->n_sessions;

	b->sessions = xcalloc(c->bgp.n_peers, sizeof *b->sessions);
	b->n_sessions = 0;
	for (size_t i = 0; i < c->bgp.n_peers; i++)
		if (bird_conf_has(c, &c->bgp.peers[i]))
			b->sessions[b->n_sessions++] =
				session_with(before, n_before, &c->bgp.peers[i].address);
}

void bfd_follow(struct bfd *b)
{
	struct err e = {0};

	if (!b)
		return;
	set_up_sessions(b);
	b->on_change(b->ud);
	if (!b->child && b->n_sessions > 0 && !loop_timer_armed(b->start_timer))
		loop_timer_arm(b->start_timer, 0);
	if (b->child && b->n_sessions == 0)
		child_signal(b->child, SIGTERM, &e);
	else if (b->child)
		reload(b);
}

int bfd_start(struct bfd **ret, sd_event *loop, const struct config *c, const struct site *p,
	void (*on_change)(void *ud), void *ud, struct err *e)
{
	CLEANUP(bfd_freep) struct bfd *b = xnew0(struct bfd);
	int r;

	*b = (struct bfd){.loop = loop, .config = c, .site = p, .on_change = on_change, .ud = ud};
	b->backoff = (struct backoff){.min = BACKOFF_MIN, .max = BACKOFF_MAX};
	b->folder = xasprintf("%s/bird", c->bgp.state_dir);
	b->conf_path = xasprintf("%s/bird.conf", b->folder);
	b->socket_path = xasprintf("%s/bird.ctl", b->folder);
	set_up_sessions(b);
	r = loop_timer_new(&b->start_timer, loop, on_start_time, b, e);
	if (r == 0)
		r = loop_timer_new(&b->ask_timer, loop, on_ask_time, b, e);
	if (r == 0)
		r = loop_timer_new(&b->answer_timer, loop, on_no_answer, b, e);
	if (r < 0)
		return r;
	if (b->n_sessions > 0)
		loop_timer_arm(b->start_timer, 0);
	*ret = steal(b);
	return 0;
}

size_t bfd_count(const struct bfd *b)
{
	return b ? b->n_sessions : 0;
}

const struct bfd_session *bfd_at(const struct bfd *b, size_t i)
{
	return &b->sessions[i];
}

struct bfd *bfd_free(struct bfd *b)
{
	if (!b)
		return NULL;
	bird_line_close(b->line);
	child_free(b->child);
	sd_event_source_disable_unref(b->start_timer);
	sd_event_source_disable_unref(b->ask_timer);
	sd_event_source_disable_unref(b->answer_timer);
	free(b->sessions);
	free(b->text);
	free(b->folder);
	free(b->conf_path);
	free(b->socket_path);
	free(b);
	return NULL;
}
