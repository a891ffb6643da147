/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/following.h"

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "bgp/exabgp_conf.h"
#include "bgp/moves.h"
#include "doc/jsonx.h"
#include "loop/loop.h"

enum {
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
};

struct following {
	sd_event *loop;
	const struct mustache *template;
	const char *conf_path;
	struct following_parts parts;
	struct candidate *candidate;
	struct peering peering; /* in use: that of the sessions and of what they were told */
	json_t *step;           /* the file that exabgp reads; NULL: it has that of `peering` */
	bool pauses;            /* before the last step: sessions that were up are made anew */
	bool stopped;
	sd_event_source *renewal_timer, *step_timer;
	struct following_ops ops;
	void *ud;
};

/* The step that is to be taken. */
static void send_step(struct following *f)
{
	struct err e = {0};

	if (exabgp_conf_write(f->conf_path, f->template, f->step, &e) < 0) {
		dialog_give_up(f->parts.dialog);
		f->ops.on_broken(f->ud, e.msg);
	} else {
		dialog_reload(f->parts.dialog);
	}
}

static void log_moves(const struct moves *m)
{
	log_info("bgp.followed", LOG_UINT("sessions_kept", m->n_kept),
		LOG_UINT("made_anew", m->n_changed), LOG_UINT("added", m->n_added),
		LOG_UINT("removed", m->n_removed));
}

/* What changes goes first and comes then: 4.2 cannot change each part of a peer. */
static void plan_steps(struct following *f, const struct moves *m)
{
	f->pauses = m->n_changed > 0;
	f->step = json_incref(f->pauses ? m->kept : f->peering.view);
	loop_timer_arm(f->renewal_timer, RENEWAL);
}

/*
 * From here on the next ones count, whatever becomes of exabgp: a new one would start with them.
 * The one that runs has to read f->step, if that is there.
 */
static void use_next(struct following *f)
{
	struct peering next = candidate_take(f->candidate);
	CLEANUP_MOVES struct moves m = moves_find(f->peering.view, next.view);
	bool is_other = m.n_changed + m.n_added + m.n_removed > 0;

	sessions_follow(f->parts.sessions, next.peers.items, next.peers.n_items, loop_now(f->loop));
	told_renumber(f->parts.told, m.now, next.peers.n_items);
	peering_done(&f->peering);
	f->peering = next;
	if (is_other && exabgp_child_runs(f->parts.child))
		plan_steps(f, &m);
	if (is_other)
		log_moves(&m);
}

bool following_go_on(struct following *f)
{
	struct dialog *d = f->parts.dialog;
	bool can_be_told = !exabgp_child_runs(f->parts.child) || (dialog_is_free(d) && !f->step);

	if (!candidate_is_good(f->candidate) || !can_be_told || f->stopped)
		return false;
	use_next(f);
	f->ops.on_peers(f->ud);
	if (f->step && dialog_is_free(d))
		send_step(f);
	return !dialog_is_free(d);
}

static bool is_among(const struct ipaddr addrs[], size_t n, const char *address)
{
	char text[IPADDR_TEXT];

	for (size_t i = 0; i < n; i++)
		if (strcmp(ipaddr_format(text, &addrs[i]), address) == 0)
			return true;
	return false;
}

/* Whether exabgp has the peers of the step, and no others. */
static bool has_taken_step(const struct following *f)
{
	const json_t *peers = json_object_get(f->step, "peers");
	size_t n = json_array_size(peers), n_listed;
	const struct ipaddr *listed = dialog_peers(f->parts.dialog, &n_listed);

	for (size_t i = 0; i < n; i++)
		if (!is_among(listed, n_listed,
			    json_string_value(
				    json_object_get(json_array_get(peers, i), "address"))))
			return false;
	return n_listed == n;
}

bool following_on_read(struct following *f)
{
	bool was_last = json_equal(f->step, f->peering.view);

	if (!has_taken_step(f)) {
		dialog_give_up(f->parts.dialog);
		f->ops.on_broken(f->ud, "it did not take its new configuration");
		return false;
	}
	json_decref(f->step);
	f->step = was_last ? NULL : json_incref(f->peering.view);
	if (!was_last)
		loop_timer_arm(f->step_timer, f->pauses ? STEP_PAUSE : 0);
	return was_last;
}

static void on_step_time(void *ud)
{
	struct following *f = ud;

	if (!dialog_is_open(f->parts.dialog) || !f->step)
		return;
	if (dialog_is_free(f->parts.dialog))
		send_step(f);
	else
		loop_timer_arm(f->step_timer, STEP_PAUSE);
}

/* The file without these peers. */
static json_t *view_without(json_t *view, peer_set lost)
{
	json_t *peers = json_object_get(view, "peers"), *kept = jsonx_must(json_array());
	json_t *rest = jsonx_must(json_copy(view));

	for (size_t i = 0; i < json_array_size(peers); i++)
		if (!(lost & (peer_set)1 << i))
			jsonx_append(kept, json_incref(json_array_get(peers, i)));
	jsonx_set(rest, "peers", kept);
	return rest;
}

/*
 * Makes exabgp forget peers that are lost, so that it asks them as often as new ones. It forgets
 * their routes, too.
 */
static void renew(struct following *f, peer_set lost)
{
	f->pauses = false;
	f->step = view_without(f->peering.view, lost);
	told_lose(f->parts.told, lost);
	send_step(f);
}

static void on_renewal_time(void *ud)
{
	struct following *f = ud;
	const struct following_parts *p = &f->parts;
	peer_set lost = sessions_lost_set(p->sessions, loop_now(f->loop) - SESSIONS_TIMEOUT);
	uint64_t next = RENEWAL * (1 + p->told->wanted.n_items / RENEWAL_ROUTES);

	if (!dialog_is_open(p->dialog) || sessions_n_up(p->sessions) == sessions_count(p->sessions))
		return;
	if (!dialog_is_free(p->dialog) || f->step)
		next = RENEWAL_LATER;
	else if (lost)
		renew(f, lost);
	loop_timer_arm(f->renewal_timer, next);
}

static void on_good(void *ud)
{
	following_go_on(ud);
}

int following_new(struct following **ret, sd_event *loop, struct peering *first,
	const struct candidate_origin *origin, const char *conf_path,
	const struct following_parts *parts, const struct following_ops *ops, void *ud,
	struct err *e)
{
	CLEANUP(following_freep) struct following *f = xnew0(struct following);
	int r;

	f->loop = loop;
	f->peering = peering_take(first);
	f->template = origin->template;
	f->conf_path = conf_path;
	f->parts = *parts;
	f->ops = *ops;
	f->ud = ud;
	r = candidate_new(&f->candidate, loop, origin, on_good, f, e);
	if (r == 0)
		r = loop_timer_new(&f->renewal_timer, loop, on_renewal_time, f, e);
	if (r == 0)
		r = loop_timer_new(&f->step_timer, loop, on_step_time, f, e);
	if (r < 0)
		return r;
	*ret = steal(f);
	return 0;
}

struct following *following_free(struct following *f)
{
	if (!f)
		return NULL;
	candidate_free(f->candidate);
	sd_event_source_disable_unref(f->renewal_timer);
	sd_event_source_disable_unref(f->step_timer);
	peering_done(&f->peering);
	json_decref(f->step);
	free(f);
	return NULL;
}

void following_propose(struct following *f)
{
	if (!f->stopped)
		candidate_propose(f->candidate, &f->peering);
}

void following_stop(struct following *f)
{
	f->stopped = true;
}

const struct peering *following_peering(const struct following *f)
{
	return &f->peering;
}

const char *following_why_refused(const struct following *f)
{
	return candidate_why_refused(f->candidate);
}

bool following_is_under_way(const struct following *f)
{
	return f->step != NULL;
}

void following_on_open(struct following *f)
{
	loop_timer_arm(f->renewal_timer, RENEWAL);
}

void following_on_end(struct following *f)
{
	json_decref(f->step);
	f->step = NULL;
	loop_timer_stop(f->renewal_timer);
	loop_timer_stop(f->step_timer);
}

void following_on_lost(struct following *f)
{
	loop_timer_arm(f->renewal_timer, RENEWAL_FIRST);
}
