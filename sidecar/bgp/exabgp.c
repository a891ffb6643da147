/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/log.h"
#include "bgp/conf_check.h"
#include "bgp/exabgp_api.h"
#include "bgp/exabgp_conf.h"
#include "bgp/moves.h"
#include "bgp/relay.h"
#include "bgp/sessions.h"
#include "doc/jsonx.h"
#include "loop/backoff.h"
#include "loop/child.h"
#include "loop/loop.h"

enum {
	BATCH = 256, /* commands sent before their answers are waited for */
	/* Bytes of them: what a socket has room for. */
	BATCH_SIZE = 64 * 1024 + ORDERS_OF_ROUTE * EXABGP_API_COMMAND_SIZE,
	ANSWER_TIMEOUT = 10 * 1000 * 1000,
	PULSE_TIME = 3 * 1000 * 1000, /* without a command until one is sent that does nothing */
	LOSS_TIMEOUT = 1000 * 1000,
	STOP_TIMEOUT = 2 * 1000 * 1000,
	SESSION_TIMEOUT = 30 * 1000 * 1000, /* until a peer that is not up is told of */
	/*
	 * exabgp asks a peer that is lost ever less often, in the end once a minute, and does not
	 * forget that when it is back. One that it does not know yet it asks after 0, 1, 3 and 6 s.
	 */
	RENEWAL_FIRST = 2 * 1000 * 1000,
	RENEWAL = 8 * 1000 * 1000,
	RENEWAL_ROUTES = 1000, /* for as many more it is made as much more rarely */
	RENEWAL_LATER = 1000 * 1000,
	/*
	 * Between the end of a session and the next one of the same peer: a router may be busy
	 * with the end, as FRR 8.4 was once, 50 ms afterwards.
	 */
	STEP_PAUSE = 1000 * 1000,
	START_TIMEOUT = 120 * 1000 * 1000, /* Python on a busy node takes its time */
	BACKOFF_MIN = 500 * 1000,
	BACKOFF_MAX = 30 * 1000 * 1000,
	CHECK_AGAIN = 5 * 1000 * 1000, /* after one that was killed */
};

/* What a command that was sent is about. */
struct command {
	struct ipnet net;
	bool announces, settles;
	bool stays;           /* with `settles`: peers have `settled` then, else nobody has it */
	struct route settled; /* with a reference */
};

/* What was sent and is not yet answered. */
enum sent { ROUTES, PULSE, RELOAD, LIST };

/* What kago.yaml says of BGP sessions. */
struct plan {
	struct exabgp_api_peers peers;
	json_t *view; /* of exabgp.conf */
};

struct exabgp {
	sd_event *loop;
	const struct config *config;
	const struct site *site;
	struct mustache *template;
	char *program, *conf_path, *next_path;
	struct plan plan;  /* in use: that of `sessions`, `wanted` and `taken` */
	struct plan next;  /* view NULL: there is none */
	bool next_is_good; /* exabgp takes it */
	struct conf_check *check;
	json_t *step; /* the file that exabgp reads; NULL: it has that of `plan` */
	bool pauses;  /* before the last step: sessions that were up are made anew */
	struct ipaddr listed[LIMIT_BGP_PEERS];
	size_t n_listed;
	char refused[ERR_MSG_SIZE]; /* why kago.yaml is not in use; "": it is */
	struct child *child;        /* NULL while it waits to be started again */
	struct relay *relay;        /* lives as long as the child */
	struct sessions *sessions;
	sd_event_source *start_timer, *answer_timer, *pulse_timer, *kill_timer, *session_timer,
		*check_timer, *renewal_timer, *step_timer;
	struct backoff backoff;
	uint64_t started_at;
	struct routes_out wanted, taken; /* taken: what this exabgp said it announces */
	peer_set untold;                 /* by whom it is told once their sessions are up */
	struct routes_out due;           /* `wanted` without these */
	struct prefixes heard;           /* of `taken`, by peers whose session is up */
	struct command sent[BATCH];      /* answered in this order, one answer each */
	size_t n_sent, n_answered;
	enum sent what;
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
	for (size_t i = 0; i < x->n_sent && x->what == ROUTES; i++)
		attributes_unref(x->sent[i].settled.attributes);
	x->n_sent = x->n_answered = 0;
	x->what = ROUTES;
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
	return o->announces ? exabgp_api_announce(buf, &o->route, &x->plan.peers)
			    : exabgp_api_withdraw(buf, &o->route, &x->plan.peers);
}

/*
 * Commands that bring exabgp nearer to what is wanted, withdrawals first; returns their length. All
 * of a route's are in one batch.
 */
static size_t build_batch(struct exabgp *x)
{
	struct order orders[BATCH];
	size_t n = orders_build(orders, BATCH, &x->taken, &x->due, x->plan.peers.external), len = 0;

	forget_sent(x);
	for (size_t i = 0; i < n; i++) {
		bool begins = i == 0 || orders[i - 1].settles;

		if (begins && len + ORDERS_OF_ROUTE * EXABGP_API_COMMAND_SIZE > BATCH_SIZE)
			break;
		len += write_command(x, x->batch + len, &orders[i]);
	}
	return len;
}

/* Places of peers, but for these. */
static void places_without(int ret[LIMIT_BGP_PEERS], peer_set peers)
{
	for (size_t i = 0; i < LIMIT_BGP_PEERS; i++)
		ret[i] = (peers & (peer_set)1 << i) ? PEER_GONE : (int)i;
}

static void set_due(struct exabgp *x, peer_set untold)
{
	int now[LIMIT_BGP_PEERS];

	x->untold = untold;
	places_without(now, untold);
	routes_out_done(&x->due);
	x->due = routes_out_copy(&x->wanted);
	if (untold)
		routes_out_renumber(&x->due, now, x->plan.peers.n_items);
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

/* Whether it has the peers of the plan, and can be told something. */
static bool is_free(const struct exabgp *x)
{
	return x->api == EXABGP_API_OPEN && is_idle(x) && !x->step;
}

static void send_changes(struct exabgp *x)
{
	struct err e = {0};
	size_t len;

	if (!is_free(x))
		return;
	len = build_batch(x);
	if (len == 0)
		return;
	loop_timer_arm(x->answer_timer, ANSWER_TIMEOUT);
	if (relay_send(x->relay, x->batch, len, &e) < 0)
		kill_child(x, e.msg);
}

/* One command that is no route. */
static void send_one(struct exabgp *x, enum sent what, const char *command)
{
	struct err e = {0};

	forget_sent(x);
	x->n_sent = 1;
	x->what = what;
	loop_timer_arm(x->answer_timer, ANSWER_TIMEOUT);
	if (relay_send(x->relay, command, strlen(command), &e) < 0)
		kill_child(x, e.msg);
}

/* One that was stopped, or is stuck, would else be noticed by the next change only. */
static void on_pulse_time(void *ud)
{
	struct exabgp *x = ud;

	if (x->api == EXABGP_API_OPEN && is_idle(x))
		send_one(x, PULSE, EXABGP_API_NOTHING);
}

/* The step that is to be taken. */
static void send_reload(struct exabgp *x)
{
	struct err e = {0};

	if (exabgp_conf_write(x->conf_path, x->template, x->step, &e) < 0)
		kill_child(x, e.msg);
	else
		send_one(x, RELOAD, EXABGP_API_RELOAD);
}

static void plan_done(struct plan *p)
{
	json_decref(p->view);
	*p = (struct plan){0};
}

static void log_moves(const struct moves *m)
{
	log_info("bgp.followed", LOG_UINT("sessions_kept", m->n_kept),
		LOG_UINT("made_anew", m->n_changed), LOG_UINT("added", m->n_added),
		LOG_UINT("removed", m->n_removed));
}

/*
 * From here on the next plan counts, whatever becomes of exabgp: a new one would start with it. The
 * one that runs has to read x->step, if that is there.
 */
static void change_plan(struct exabgp *x)
{
	CLEANUP_MOVES struct moves m = moves_find(x->plan.view, x->next.view);
	size_t n_before = x->plan.peers.n_items;
	bool is_other = m.n_changed + m.n_added + m.n_removed > 0;

	sessions_follow(x->sessions, x->next.peers.items, x->next.peers.n_items, loop_now(x->loop));
	routes_out_renumber(&x->taken, m.now, n_before);
	routes_out_renumber(&x->wanted, m.now, n_before);
	plan_done(&x->plan);
	x->plan = x->next;
	x->next = (struct plan){0};
	set_due(x, 0);
	/* What changes goes first and comes then: 4.2 cannot change each part of a peer. */
	if (is_other && x->child) {
		x->pauses = m.n_changed > 0;
		x->step = json_incref(x->pauses ? m.kept : x->plan.view);
		loop_timer_arm(x->session_timer, SESSION_TIMEOUT);
		loop_timer_arm(x->renewal_timer, RENEWAL);
	}
	if (is_other)
		log_moves(&m);
}

static void stop_for_want_of_peers(struct exabgp *x)
{
	struct err e = {0};

	log_warn("bgp.off", LOG_STR("why", "no peer is configured"),
		LOG_STR("effect", "routes are set, nothing is announced"));
	loop_timer_stop(x->start_timer);
	x->api = EXABGP_API_LOST;
	if (!x->child)
		return;
	loop_timer_arm(x->kill_timer, STOP_TIMEOUT);
	child_signal(x->child, SIGTERM, &e);
}

/* The next plan, if there is one and exabgp can be told now. Returns whether it is being told. */
static bool follow_next(struct exabgp *x)
{
	bool can_be_told = !x->child || is_free(x);

	if (!x->next.view || !x->next_is_good || !can_be_told || x->stopping)
		return false;
	change_plan(x);
	if (x->plan.peers.n_items == 0)
		stop_for_want_of_peers(x);
	else if (!x->child && !loop_timer_armed(x->start_timer))
		loop_timer_arm(x->start_timer, 0);
	if (x->step && x->api == EXABGP_API_OPEN)
		send_reload(x);
	hear_anew(x);
	x->ops.on_peers(x->ud);
	return !is_idle(x);
}

static bool is_listed(const struct exabgp *x, const char *address)
{
	char text[IPADDR_TEXT];

	for (size_t i = 0; i < x->n_listed; i++)
		if (strcmp(ipaddr_format(text, &x->listed[i]), address) == 0)
			return true;
	return false;
}

/* Whether exabgp has the peers of the step, and no others. */
static bool has_taken_step(const struct exabgp *x)
{
	const json_t *peers = json_object_get(x->step, "peers");
	size_t n = json_array_size(peers);

	for (size_t i = 0; i < n; i++)
		if (!is_listed(x, json_string_value(
					  json_object_get(json_array_get(peers, i), "address"))))
			return false;
	return x->n_listed == n;
}

static void on_step_time(void *ud)
{
	struct exabgp *x = ud;

	if (x->api != EXABGP_API_OPEN || !x->step)
		return;
	if (is_idle(x))
		send_reload(x);
	else
		loop_timer_arm(x->step_timer, STEP_PAUSE);
}

/* Returns whether there is another one. */
static bool take_next_step(struct exabgp *x)
{
	bool was_last = json_equal(x->step, x->plan.view);

	json_decref(x->step);
	x->step = was_last ? NULL : json_incref(x->plan.view);
	if (was_last)
		return false;
	forget_sent(x);
	loop_timer_stop(x->answer_timer);
	loop_timer_arm(x->step_timer, x->pauses ? STEP_PAUSE : 0);
	return true;
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
	bool was_routes = x->what == ROUTES;

	forget_sent(x);
	loop_timer_stop(x->answer_timer);
	loop_timer_arm(x->pulse_timer, PULSE_TIME);
	if (!follow_next(x))
		send_changes(x);
	if (was_routes)
		tell_change(x);
}

static void on_route_answer(struct exabgp *x, bool ok)
{
	const struct command *c = &x->sent[x->n_answered];

	if (!ok) {
		on_refusal(x, c);
		return;
	}
	take(x, c);
	x->n_answered++;
	if (is_idle(x))
		on_idle(x);
}

/* 4.2 reads the file after its answer, and carries out the next command after that. */
static void on_reload_answer(struct exabgp *x, bool ok)
{
	x->n_listed = 0;
	if (ok)
		send_one(x, LIST, EXABGP_API_LIST);
	else
		kill_child(x, "it refused to read its configuration anew");
}

static void on_list_answer(struct exabgp *x, bool ok)
{
	if (!ok || !has_taken_step(x))
		kill_child(x, "it did not take its new configuration");
	else if (!take_next_step(x))
		on_idle(x);
}

static void on_answer(struct exabgp *x, bool ok)
{
	if (x->api != EXABGP_API_OPEN || is_idle(x))
		return;
	switch (x->what) {
	case ROUTES:
		on_route_answer(x, ok);
		break;
	case PULSE: /* any answer is a sign of life */
		on_idle(x);
		break;
	case RELOAD:
		on_reload_answer(x, ok);
		break;
	case LIST:
		on_list_answer(x, ok);
		break;
	}
}

/*
 * Makes exabgp forget peers that are lost, so that it asks them as often as new ones. It forgets
 * their routes, too.
 */
static void renew(struct exabgp *x, peer_set lost)
{
	json_t *peers = json_object_get(x->plan.view, "peers"), *kept = jsonx_must(json_array());
	int now[LIMIT_BGP_PEERS];

	places_without(now, lost);
	for (size_t i = 0; i < json_array_size(peers); i++)
		if (now[i] != PEER_GONE)
			jsonx_append(kept, json_incref(json_array_get(peers, i)));
	x->pauses = false;
	x->step = jsonx_must(json_copy(x->plan.view));
	jsonx_set(x->step, "peers", kept);
	routes_out_renumber(&x->taken, now, x->plan.peers.n_items);
	set_due(x, x->untold | lost);
	send_reload(x);
}

static void on_renewal_time(void *ud)
{
	struct exabgp *x = ud;
	peer_set lost = sessions_lost_set(x->sessions, loop_now(x->loop) - SESSION_TIMEOUT);
	uint64_t next = RENEWAL * (1 + x->wanted.n_items / RENEWAL_ROUTES);

	if (x->api != EXABGP_API_OPEN || sessions_n_up(x->sessions) == sessions_count(x->sessions))
		return;
	if (!is_free(x))
		next = RENEWAL_LATER;
	else if (lost)
		renew(x, lost);
	loop_timer_arm(x->renewal_timer, next);
}

/* The next renewal, in time for a peer that was up a moment ago. */
static void on_peer_down(struct exabgp *x, const struct exabgp_api_event *ev, uint64_t now)
{
	if (sessions_down(x->sessions, &ev->peer, ev->reason, now)) {
		loop_timer_arm(x->renewal_timer, RENEWAL_FIRST);
		if (sessions_n_up(x->sessions) == 0)
			loop_timer_arm(x->session_timer, SESSION_TIMEOUT);
	}
	tell_change(x);
}

static void on_peer_up(struct exabgp *x, const struct exabgp_api_event *ev, uint64_t now)
{
	sessions_up(x->sessions, &ev->peer, now);
	if (x->untold) {
		set_due(x, x->untold & ~sessions_up_set(x->sessions));
		send_changes(x);
	}
	tell_change(x);
}

static void on_listed(struct exabgp *x, const struct ipaddr *peer)
{
	if (x->what == LIST && x->n_listed < LIMIT_BGP_PEERS)
		x->listed[x->n_listed++] = *peer;
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
		on_peer_up(x, &ev, now);
		break;
	case EXABGP_API_PEER_CALLED:
		sessions_called(x->sessions, &ev.peer, now);
		break;
	case EXABGP_API_PEER_DOWN:
		on_peer_down(x, &ev, now);
		break;
	case EXABGP_API_PEER_LISTED:
		on_listed(x, &ev.peer);
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
	loop_timer_arm(x->pulse_timer, PULSE_TIME);
	loop_timer_arm(x->renewal_timer, RENEWAL);
	if (!follow_next(x))
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
	if (x->api == EXABGP_API_AWAITED) {
		log_warn("exabgp.killed", LOG_STR("why", "it did not start in time"),
			LOG_STR("next", "it is started again"));
		child_signal(x->child, SIGKILL, &e);
		return;
	}
	sessions_log_waiting(x->sessions, "exabgp asks every few seconds");
	if (sessions_n_up(x->sessions) == 0)
		loop_timer_arm(x->session_timer, SESSION_TIMEOUT);
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
	json_decref(x->step);
	x->step = NULL;
	set_due(x, 0);
	loop_timer_stop(x->renewal_timer);
	loop_timer_stop(x->step_timer);
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
	follow_next(x);
	if (x->plan.peers.n_items == 0) {
		log_info("exabgp.stopped", LOG_STR("status", text));
		return;
	}
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
	int r = exabgp_conf_write(x->conf_path, x->template, x->plan.view, e);

	if (r == 0)
		r = relay_listen(&x->relay, x->loop, &relay_ops, x, e);
	if (r == 0)
		r = start_child(x, e);
	if (r < 0) {
		x->relay = relay_free(x->relay);
		return r;
	}
	x->started_at = loop_now(x->loop);
	loop_timer_arm(x->session_timer, START_TIMEOUT);
	log_info("exabgp.started", LOG_INT("pid", child_pid(x->child)),
		LOG_UINT("peers", x->plan.peers.n_items));
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

static void drop_next(struct exabgp *x)
{
	x->check = conf_check_free(x->check);
	loop_timer_stop(x->check_timer);
	unlink(x->next_path); /* it may hold a password */
	plan_done(&x->next);
	x->next_is_good = false;
}

static void refuse_next(struct exabgp *x, const char *why)
{
	drop_next(x);
	snprintf(x->refused, sizeof x->refused, "%s", why);
	log_error("bgp.refused", LOG_STR("error", why),
		LOG_STR("effect", "the peers and sessions before stand"));
}

static void accept_next(struct exabgp *x)
{
	if (x->refused[0])
		log_info("bgp.accepted", LOG_STR("next", "exabgp is told"));
	x->refused[0] = '\0';
	x->next_is_good = true;
	follow_next(x);
}

static void check_later(struct exabgp *x, const char *why)
{
	log_warn("bgp.unchecked", LOG_STR("why", why),
		LOG_STR("effect", "the peers and sessions before stand"),
		LOG_MSEC("next_check_in_ms", CHECK_AGAIN));
	loop_timer_arm(x->check_timer, CHECK_AGAIN);
}

static void on_verdict(void *ud, enum conf_verdict verdict, const char *why)
{
	struct exabgp *x = ud;
	struct conf_check *check = x->check; /* whose `why` is */

	x->check = NULL;
	unlink(x->next_path);
	if (verdict == CONF_GOOD)
		accept_next(x);
	else if (verdict == CONF_REFUSED)
		refuse_next(x, why);
	else
		check_later(x, why);
	conf_check_free(check);
}

static void on_check_time(void *ud)
{
	struct exabgp *x = ud;
	struct err e = {0};
	int r = exabgp_conf_write(x->next_path, x->template, x->next.view, &e);

	if (r == 0)
		r = conf_check_start(
			&x->check, x->loop, x->config, x->next_path, x->program, on_verdict, x, &e);
	if (r == -EINVAL || r == -EFBIG)
		refuse_next(x, e.msg);
	else if (r < 0)
		check_later(x, e.msg);
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
		{&x->check_timer, on_check_time},
		{&x->renewal_timer, on_renewal_time},
		{&x->step_timer, on_step_time},
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

static int prepare(struct exabgp *x, struct err *e)
{
	const struct config *c = x->config;
	int r;

	x->program = realpath("/proc/self/exe", NULL);
	if (!x->program)
		return err_errno(e, errno, "finding our own program");
	r = exabgp_conf_view(&x->plan.view, c, x->site, x->program, e);
	if (r == 0)
		r = mustache_load(&x->template, c->bgp.template_path, e);
	if (r == 0)
		r = fs_mkdir(c->bgp.state_dir, e);
	if (r == 0)
		r = exabgp_conf_write(x->conf_path, x->template, x->plan.view, e);
	return r;
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
	x->plan.peers = peers_of(c);
	x->sessions = sessions_new(c->bgp.peers, c->bgp.n_peers);
	x->conf_path = xasprintf("%s/exabgp.conf", c->bgp.state_dir);
	x->next_path = xasprintf("%s.next", x->conf_path);
	r = create_timers(x, e);
	if (r == 0)
		r = prepare(x, e);
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

void exabgp_follow(struct exabgp *x)
{
	struct err e = {0};

	if (x->stopping)
		return;
	drop_next(x);
	x->next.peers = peers_of(x->config);
	if (exabgp_conf_view(&x->next.view, x->config, x->site, x->program, &e) < 0)
		refuse_next(x, e.msg);
	else if (x->next.peers.n_items == 0 || json_equal(x->next.view, x->plan.view))
		accept_next(x);
	else
		on_check_time(x);
}

const char *exabgp_why_refused(const struct exabgp *x)
{
	return x->refused;
}

const struct exabgp_api_peers *exabgp_peers(const struct exabgp *x)
{
	return &x->plan.peers;
}

void exabgp_announce(struct exabgp *x, const struct routes_out *wanted)
{
	routes_out_done(&x->wanted);
	x->wanted = routes_out_copy(wanted);
	set_due(x, x->untold);
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
	return sessions_n_up(x->sessions) > 0 && (is_idle(x) || x->what != ROUTES) &&
	       routes_out_equal(&x->taken, &x->due);
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
	sd_event_source_disable_unref(x->check_timer);
	sd_event_source_disable_unref(x->renewal_timer);
	sd_event_source_disable_unref(x->step_timer);
	routes_out_done(&x->due);
	conf_check_free(x->check);
	plan_done(&x->plan);
	plan_done(&x->next);
	json_decref(x->step);
	mustache_free(x->template);
	forget_sent(x);
	routes_out_done(&x->wanted);
	routes_out_done(&x->taken);
	prefixes_done(&x->heard);
	free(x->program);
	free(x->conf_path);
	free(x->next_path);
	free(x);
	return NULL;
}
