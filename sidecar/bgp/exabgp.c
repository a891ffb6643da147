/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "bgp/exabgp_api.h"
#include "bgp/exabgp_conf.h"
#include "bgp/relay.h"
#include "bgp/sessions.h"
#include "loop/backoff.h"
#include "loop/child.h"
#include "loop/loop.h"

enum {
	BATCH = 256, /* commands sent before their answers are waited for */
	/* Bytes of them: what a socket has room for. */
	BATCH_SIZE = 64 * 1024 + ORDERS_OF_ROUTE * EXABGP_API_COMMAND_SIZE,
	ANSWER_TIMEOUT = 10 * 1000 * 1000,
	PULSE = 3 * 1000 * 1000, /* without a command until one is sent that does nothing */
	LOSS_TIMEOUT = 1000 * 1000,
	STOP_TIMEOUT = 2 * 1000 * 1000,
	/* exabgp asks a silent peer ever less often, once a minute at last; a new one is keen. */
	SESSION_TIMEOUT = 30 * 1000 * 1000,
	START_TIMEOUT = 120 * 1000 * 1000, /* Python on a busy node takes its time */
	BACKOFF_MIN = 500 * 1000,
	BACKOFF_MAX = 30 * 1000 * 1000,
};

/* What a command that was sent is about. */
struct command {
	struct ipnet net;
	bool announces, settles;
	bool stays;           /* with `settles`: peers have `settled` then, else nobody has it */
	struct route settled; /* with a reference */
};

struct exabgp {
	sd_event *loop;
	const struct config *config;
	const struct site *site;
	char *program, *conf_path;
	struct child *child; /* NULL while it waits to be started again */
	struct relay *relay; /* lives as long as the child */
	struct sessions *sessions;
	sd_event_source *start_timer, *answer_timer, *pulse_timer, *kill_timer, *session_timer;
	struct backoff backoff;
	uint64_t started_at;
	struct exabgp_api_peers peers;
	struct routes_out wanted, taken; /* taken: what this exabgp said it announces */
	struct prefixes heard;           /* of `taken`, by peers whose session is up */
	struct command sent[BATCH];      /* answered in this order, one answer each */
	size_t n_sent, n_answered;
	bool pulse; /* what was sent is one command that does nothing */
	enum { EXABGP_API_AWAITED, EXABGP_API_OPEN, EXABGP_API_LOST } api;
	bool stopping;
	struct exabgp_ops ops;
	void *ud;
	char batch[BATCH_SIZE];
};

DEFINE_CLEANUP(struct exabgp *, exabgp_free);

/*
 * Whatever is wrong with it, a new one has a known state. Nothing more is asked of this one; what
 * follows is done by on_child_exit.
 */
static void kill_child(struct exabgp *x, const char *why)
{
	struct err e = {0};

	if (x->stopping)
		return;
	x->api = EXABGP_API_LOST;
	loop_timer_stop(x->answer_timer);
	loop_timer_stop(x->pulse_timer);
	log_warn("exabgp.killed", LOG_STR("why", why), LOG_STR("next", "it is started again"));
	child_signal(x->child, SIGKILL, &e);
}

static void forget_sent(struct exabgp *x)
{
	for (size_t i = 0; i < x->n_sent && !x->pulse; i++)
		attributes_unref(x->sent[i].settled.attributes);
	x->n_sent = x->n_answered = 0;
	x->pulse = false;
}

static size_t write_command(struct exabgp *x, char *buf, const struct order *o)
{
	struct command *c = &x->sent[x->n_sent++];

	*c = (struct command){
		.net = o->route.net, .announces = o->announces, .settles = o->settles};
	if (o->settled) {
		c->stays = true;
		c->settled = *o->settled;
		attributes_ref(c->settled.attributes);
	}
	return o->announces ? exabgp_api_announce(buf, &o->route, &x->peers)
			    : exabgp_api_withdraw(buf, &o->route, &x->peers);
}

/*
 * Commands that bring exabgp nearer to what is wanted, withdrawals first; returns their length. All
 * of a route's are in one batch.
 */
static size_t build_batch(struct exabgp *x)
{
	struct order orders[BATCH];
	size_t n = orders_build(orders, BATCH, &x->taken, &x->wanted, x->peers.external), len = 0;

	forget_sent(x);
	for (size_t i = 0; i < n; i++) {
		bool begins = i == 0 || orders[i - 1].settles;

		if (begins && len + ORDERS_OF_ROUTE * EXABGP_API_COMMAND_SIZE > BATCH_SIZE)
			break;
		len += write_command(x, x->batch + len, &orders[i]);
	}
	return len;
}

static void hear_anew(struct exabgp *x)
{
	prefixes_done(&x->heard);
	x->heard = routes_out_of(&x->taken, sessions_up_set(x->sessions));
}

static void tell_change(struct exabgp *x)
{
	hear_anew(x);
	x->ops.on_change(x->ud);
}

static bool is_idle(const struct exabgp *x)
{
	return x->n_answered == x->n_sent;
}

static void send_changes(struct exabgp *x)
{
	struct err e = {0};
	size_t len;

	if (x->api != EXABGP_API_OPEN || !is_idle(x))
		return;
	len = build_batch(x);
	if (len == 0)
		return;
	loop_timer_arm(x->answer_timer, ANSWER_TIMEOUT);
	if (relay_send(x->relay, x->batch, len, &e) < 0)
		kill_child(x, e.msg);
}

/* One that was stopped, or is stuck, would else be noticed by the next change only. */
static void on_pulse_time(void *ud)
{
	struct exabgp *x = ud;
	struct err e = {0};

	if (x->api != EXABGP_API_OPEN || !is_idle(x))
		return;
	forget_sent(x);
	x->n_sent = 1;
	x->pulse = true;
	loop_timer_arm(x->answer_timer, ANSWER_TIMEOUT);
	if (relay_send(x->relay, EXABGP_API_NOTHING, strlen(EXABGP_API_NOTHING), &e) < 0)
		kill_child(x, e.msg);
}

static void on_refusal(struct exabgp *x, const struct command *c)
{
	char net[IPNET_TEXT];

	log_error("exabgp.refused", LOG_STR("what", c->announces ? "announce" : "withdraw"),
		LOG_STR("prefix", ipnet_format(net, &c->net)), LOG_STR("why", "see exabgp.log"));
	kill_child(x, "it refused a command, so what it announces is not what it shall");
}

/* Between the commands of one route it is as before, or as it will be. */
static void take(struct exabgp *x, const struct command *c)
{
	if (c->settles)
		routes_out_note(&x->taken, &c->net, c->stays ? &c->settled : NULL);
}

/* All that was sent is answered. */
static void on_idle(struct exabgp *x)
{
	bool was_pulse = x->pulse;

	forget_sent(x);
	loop_timer_stop(x->answer_timer);
	loop_timer_arm(x->pulse_timer, PULSE);
	send_changes(x);
	if (!was_pulse)
		tell_change(x);
}

/* Any answer to a command that does nothing is a sign of life. */
static void on_answer(struct exabgp *x, bool ok)
{
	const struct command *c = &x->sent[x->n_answered];

	if (x->api != EXABGP_API_OPEN || is_idle(x))
		return;
	if (!ok && !x->pulse) {
		on_refusal(x, c);
		return;
	}
	if (!x->pulse)
		take(x, c);
	x->n_answered++;
	if (is_idle(x))
		on_idle(x);
}

static void on_api_line(void *ud, const char *line)
{
	struct exabgp *x = ud;
	struct exabgp_api_event ev;
	struct err e = {0};
	uint64_t now = loop_now(x->loop);

	if (exabgp_api_parse(&ev, line, &e) < 0) {
		log_debug("exabgp.unreadable", LOG_ERR(&e), LOG_STR("line", line));
		return;
	}
	switch (ev.kind) {
	case EXABGP_API_DONE:
	case EXABGP_API_ERROR:
		on_answer(x, ev.kind == EXABGP_API_DONE);
		break;
	case EXABGP_API_PEER_UP:
		sessions_up(x->sessions, &ev.peer, now);
		tell_change(x);
		break;
	case EXABGP_API_PEER_DOWN:
		if (sessions_down(x->sessions, &ev.peer, ev.reason, now) &&
			sessions_n_up(x->sessions) == 0)
			loop_timer_arm(x->session_timer, SESSION_TIMEOUT);
		tell_change(x);
		break;
	case EXABGP_API_OTHER:
		break;
	}
}

static void on_api_open(void *ud)
{
	struct exabgp *x = ud;

	/* A second one in the life of one exabgp: nobody knows what it still knows. */
	if (x->api == EXABGP_API_LOST)
		return;
	x->api = EXABGP_API_OPEN;
	log_debug("exabgp.connected");
	loop_timer_arm(x->session_timer, SESSION_TIMEOUT);
	loop_timer_arm(x->pulse_timer, PULSE);
	send_changes(x);
}

static void on_api_close(void *ud, const char *why)
{
	struct exabgp *x = ud;

	/* Most likely it ends itself. */
	log_debug("exabgp.disconnected", LOG_STR("why", why));
	x->api = EXABGP_API_LOST;
	loop_timer_arm(x->answer_timer, LOSS_TIMEOUT);
}

static void on_no_answer(void *ud)
{
	kill_child(ud, "its API does not answer");
}

static void on_no_session(void *ud)
{
	struct exabgp *x = ud;
	struct err e = {0};

	if (x->stopping || !x->child)
		return;
	sessions_log_waiting(x->sessions,
		sessions_n_up(x->sessions) > 0 ? "exabgp keeps trying" : "exabgp is started again");
	if (sessions_n_up(x->sessions) == 0)
		child_signal(x->child, SIGKILL, &e);
}

/* exabgp prints a line end of its own between messages. */
static void on_log_line(void *ud, const char *line)
{
	(void)ud;
	if (line[0])
		log_info("exabgp.log", LOG_STR("msg", line));
}

static void forget_child(struct exabgp *x)
{
	x->child = child_free(x->child);
	x->relay = relay_free(x->relay);
	x->api = EXABGP_API_AWAITED;
	forget_sent(x);
	routes_out_done(&x->taken);
	loop_timer_stop(x->answer_timer);
	loop_timer_stop(x->pulse_timer);
	loop_timer_stop(x->kill_timer);
	loop_timer_stop(x->session_timer);
}

static void on_child_exit(void *ud, int status)
{
	struct exabgp *x = ud;
	char text[64];
	uint64_t now = loop_now(x->loop), delay;

	child_status_text(text, status);
	forget_child(x);
	sessions_all_down(x->sessions, "exabgp ended", now);
	if (x->stopping) {
		log_info("exabgp.stopped", LOG_STR("status", text));
		x->ops.on_stopped(x->ud);
		return;
	}
	tell_change(x);
	delay = backoff_next(&x->backoff, now - x->started_at);
	log_warn("exabgp.ended", LOG_STR("status", text),
		LOG_STR("effect", "its sessions closed, which withdraws every route"),
		LOG_MSEC("next_start_in_ms", delay));
	loop_timer_arm(x->start_timer, delay);
}

static const struct relay_ops relay_ops = {on_api_open, on_api_line, on_api_close};

/* It knows the passwords in its own file and no others. Our program is its API process. */
static int start_child(struct exabgp *x, struct err *e)
{
	const char *const argv[] = {x->config->bgp.program, x->conf_path, NULL};
	const char *const readable[] = {x->program, NULL};
	const char *const writable[] = {x->config->bgp.state_dir, NULL};
	const struct confine confine = {readable, writable};
	const struct child_ops child_ops = {.on_line = on_log_line,
		.on_exit = on_child_exit,
		.powerless = true,
		.confine = &confine};

	return child_start(&x->child, x->loop, argv, &child_ops, x, e);
}

static int launch(struct exabgp *x, struct err *e)
{
	int r = relay_listen(&x->relay, x->loop, &relay_ops, x, e);

	if (r == 0)
		r = start_child(x, e);
	if (r < 0) {
		x->relay = relay_free(x->relay);
		return r;
	}
	x->started_at = loop_now(x->loop);
	loop_timer_arm(x->session_timer, START_TIMEOUT);
	log_info("exabgp.started", LOG_INT("pid", child_pid(x->child)),
		LOG_UINT("peers", x->config->bgp.n_peers));
	return 0;
}

static void on_start_time(void *ud)
{
	struct exabgp *x = ud;
	struct err e = {0};
	uint64_t delay;

	if (launch(x, &e) == 0)
		return;
	delay = backoff_next(&x->backoff, 0);
	log_error("exabgp.start_failed", LOG_ERR(&e), LOG_MSEC("next_start_in_ms", delay));
	loop_timer_arm(x->start_timer, delay);
}

static void on_stop_time(void *ud)
{
	struct exabgp *x = ud;
	struct err e = {0};

	log_warn("exabgp.killed", LOG_STR("why", "it did not stop in time"));
	child_signal(x->child, SIGKILL, &e);
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

static int create_timers(struct exabgp *x, struct err *e)
{
	const struct {
		sd_event_source **timer;
		void (*on_time)(void *ud);
	} timers[] = {
		{&x->start_timer, on_start_time},
		{&x->answer_timer, on_no_answer},
		{&x->pulse_timer, on_pulse_time},
		{&x->kill_timer, on_stop_time},
		{&x->session_timer, on_no_session},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof timers / sizeof timers[0]; i++)
		r = loop_timer_new(timers[i].timer, x->loop, timers[i].on_time, x, e);
	return r;
}

static struct exabgp_api_peers peers_of(const struct config *c)
{
	struct exabgp_api_peers peers = {c->bgp.peers, c->bgp.n_peers, c->bgp.as, 0};

	for (size_t i = 0; i < c->bgp.n_peers; i++)
		if (c->bgp.peers[i].as != c->bgp.as)
			peers.external |= (peer_set)1 << i;
	return peers;
}

int exabgp_start(struct exabgp **ret, sd_event *loop, const struct config *c, const struct site *p,
	const struct exabgp_ops *ops, void *ud, struct err *e)
{
	CLEANUP(exabgp_freep) struct exabgp *x = xnew0(struct exabgp);
	int r;

	x->loop = loop;
	x->config = c;
	x->site = p;
	x->ops = *ops;
	x->ud = ud;
	x->backoff = (struct backoff){.min = BACKOFF_MIN, .max = BACKOFF_MAX};
	x->sessions = sessions_new(c);
	x->peers = peers_of(c);
	x->program = realpath("/proc/self/exe", NULL);
	if (!x->program)
		return err_errno(e, errno, "finding our own program");
	r = create_timers(x, e);
	if (r == 0)
		r = exabgp_conf_write(&x->conf_path, c, p, x->program, e);
	if (r < 0)
		return r;
	set_environment(c);
	if (!confine_is_possible())
		log_warn("exabgp.unconfined", LOG_STR("why", "the kernel has no Landlock"),
			LOG_STR("effect", "exabgp may read all files of this container"));
	if (c->bgp.n_peers > 0)
		r = launch(x, e);
	else
		log_warn("bgp.off", LOG_STR("why", "no peer is configured"),
			LOG_STR("effect", "routes are set, nothing is announced"));
	if (r < 0)
		return r;
	*ret = steal(x);
	return 0;
}

void exabgp_announce(struct exabgp *x, const struct routes_out *wanted)
{
	routes_out_done(&x->wanted);
	x->wanted = routes_out_copy(wanted);
	send_changes(x);
}

const struct sessions *exabgp_all_sessions(const struct exabgp *x)
{
	return x->sessions;
}

const struct routes_out *exabgp_taken(const struct exabgp *x)
{
	return &x->taken;
}

size_t exabgp_sessions(const struct exabgp *x)
{
	return sessions_n_up(x->sessions);
}

bool exabgp_is_heard(const struct exabgp *x)
{
	return sessions_n_up(x->sessions) > 0 && (is_idle(x) || x->pulse) &&
	       routes_out_equal(&x->taken, &x->wanted);
}

const struct prefixes *exabgp_heard(const struct exabgp *x)
{
	return &x->heard;
}

void exabgp_stop(struct exabgp *x)
{
	struct err e = {0};

	x->stopping = true;
	loop_timer_stop(x->start_timer);
	if (!x->child) {
		x->ops.on_stopped(x->ud);
		return;
	}
	loop_timer_arm(x->kill_timer, STOP_TIMEOUT);
	child_signal(x->child, SIGTERM, &e);
}

struct exabgp *exabgp_free(struct exabgp *x)
{
	if (!x)
		return NULL;
	child_free(x->child);
	relay_free(x->relay);
	sessions_free(x->sessions);
	sd_event_source_disable_unref(x->start_timer);
	sd_event_source_disable_unref(x->answer_timer);
	sd_event_source_disable_unref(x->pulse_timer);
	sd_event_source_disable_unref(x->kill_timer);
	sd_event_source_disable_unref(x->session_timer);
	forget_sent(x);
	routes_out_done(&x->wanted);
	routes_out_done(&x->taken);
	prefixes_done(&x->heard);
	free(x->program);
	free(x->conf_path);
	free(x);
	return NULL;
}
