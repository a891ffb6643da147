/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "bgp/dialog.h"
#include "bgp/exabgp_child.h"
#include "bgp/exabgp_conf.h"
#include "bgp/following.h"
#include "bgp/passwords.h"
#include "bgp/told.h"
#include "loop/loop.h"

enum { START_TIMEOUT = 120 * 1000 * 1000 }; /* Python on a busy node takes its time */

struct exabgp {
	sd_event *loop;
	const struct config *config;
	struct passwords *passwords;
	struct mustache *template;
	char *program, *conf_path, *next_path;
	struct exabgp_child *child;
	struct dialog *dialog;
	struct sessions *sessions;
	struct told told;
	struct following *following;
	sd_event_source *session_timer;
	bool stopping;
	struct exabgp_ops ops;
	void *ud;
};

DEFINE_CLEANUP(struct exabgp *, exabgp_free);

static size_t n_peers(const struct exabgp *x)
{
	return exabgp_peers(x)->n_items;
}

static void hear_anew(struct exabgp *x)
{
	told_hear(&x->told, sessions_up_set(x->sessions));
}

static void tell_change(struct exabgp *x)
{
	hear_anew(x);
	x->ops.on_change(x->ud);
}

/* Once it has the peers in use. */
static void send_changes(struct exabgp *x)
{
	if (dialog_is_free(x->dialog) && !following_is_under_way(x->following))
		dialog_tell(x->dialog, &x->told.taken, &x->told.due, exabgp_peers(x));
}

static void on_settled(void *ud, const struct ipnet *net, const struct route *now)
{
	struct exabgp *x = ud;

	routes_out_note(&x->told.taken, net, now);
}

static void on_answered(void *ud, enum dialog_topic topic)
{
	struct exabgp *x = ud;

	if (topic == DIALOG_RELOAD && !following_on_read(x->following))
		return;
	if (!following_go_on(x->following))
		send_changes(x);
	if (topic == DIALOG_ROUTES)
		tell_change(x);
}

/* A new one has a known state; what follows is done by on_end. */
static void on_broken(void *ud, const char *why)
{
	struct exabgp *x = ud;

	if (!x->stopping)
		exabgp_child_kill(x->child, why);
}

static void on_open(void *ud)
{
	struct exabgp *x = ud;

	loop_timer_arm(x->session_timer, SESSIONS_TIMEOUT);
	following_on_open(x->following);
	if (!following_go_on(x->following))
		send_changes(x);
}

static void on_peer_up(struct exabgp *x, const struct ipaddr *peer, uint64_t now)
{
	sessions_up(x->sessions, peer, now);
	if (x->told.untold) {
		told_hold_back(&x->told, x->told.untold & ~sessions_up_set(x->sessions));
		send_changes(x);
	}
	tell_change(x);
}

static void on_peer_down(struct exabgp *x, const struct exabgp_api_event *ev, uint64_t now)
{
	if (sessions_down(x->sessions, &ev->peer, ev->reason, now)) {
		following_on_lost(x->following);
		if (sessions_n_up(x->sessions) == 0)
			loop_timer_arm(x->session_timer, SESSIONS_TIMEOUT);
	}
	tell_change(x);
}

static void on_session(void *ud, const struct exabgp_api_event *ev)
{
	struct exabgp *x = ud;
	uint64_t now = loop_now(x->loop);

	if (ev->kind == EXABGP_API_PEER_UP)
		on_peer_up(x, &ev->peer, now);
	else if (ev->kind == EXABGP_API_PEER_DOWN)
		on_peer_down(x, ev, now);
	else
		sessions_called(x->sessions, &ev->peer, now);
}

static void on_no_session(void *ud)
{
	struct exabgp *x = ud;

	if (x->stopping || !exabgp_child_runs(x->child))
		return;
	if (dialog_is_awaited(x->dialog)) {
		exabgp_child_kill(x->child, "it did not start in time");
		return;
	}
	sessions_log_waiting(x->sessions, "exabgp asks every few seconds");
	if (sessions_n_up(x->sessions) == 0)
		loop_timer_arm(x->session_timer, SESSIONS_TIMEOUT);
}

static bool on_end(void *ud, const char *status)
{
	struct exabgp *x = ud;

	dialog_end(x->dialog);
	following_on_end(x->following);
	told_forget(&x->told);
	loop_timer_stop(x->session_timer);
	sessions_all_down(x->sessions, "exabgp ended", loop_now(x->loop));
	if (!x->stopping) {
		tell_change(x);
		following_go_on(x->following);
		if (n_peers(x) > 0)
			return true;
	}
	log_info("exabgp.stopped", LOG_STR("status", status));
	if (x->stopping)
		x->ops.on_stopped(x->ud);
	return false;
}

static int launch(void *ud, struct err *e)
{
	struct exabgp *x = ud;
	const struct peering *peering = following_peering(x->following);
	int r = exabgp_conf_write(x->conf_path, x->template, peering->view, e);

	if (r == 0)
		r = dialog_listen(x->dialog, e);
	if (r == 0)
		r = exabgp_child_start(x->child, peering->peers.n_items, e);
	if (r < 0)
		dialog_end(x->dialog);
	else
		loop_timer_arm(x->session_timer, START_TIMEOUT);
	return r;
}

static void log_off(void)
{
	log_warn("bgp.off", LOG_STR("why", "no peer is configured"),
		LOG_STR("effect", "routes are set, nothing is announced"));
}

static void on_peers(void *ud)
{
	struct exabgp *x = ud;

	if (n_peers(x) == 0) {
		log_off();
		dialog_give_up(x->dialog);
		exabgp_child_stop(x->child);
	} else {
		exabgp_child_start_soon(x->child);
	}
	if (following_is_under_way(x->following))
		loop_timer_arm(x->session_timer, SESSIONS_TIMEOUT);
	hear_anew(x);
	x->ops.on_peers(x->ud);
}

static void on_password(void *ud)
{
	const struct exabgp *x = ud;

	following_propose(x->following);
}

static int find_files(struct exabgp *x, const struct config *c, struct err *e)
{
	int r;

	x->conf_path = xasprintf("%s/exabgp.conf", c->bgp.state_dir);
	x->next_path = xasprintf("%s.next", x->conf_path);
	x->program = realpath("/proc/self/exe", NULL);
	if (!x->program)
		return err_errno(e, errno, "finding our own program");
	r = mustache_load(&x->template, c->bgp.template_path, e);
	if (r == 0)
		r = fs_mkdir(c->bgp.state_dir, e);
	return r;
}

static int make_parts(struct exabgp *x, const struct config *c, const struct site *p,
	struct peering *first, struct err *e)
{
	static const struct exabgp_child_ops child_ops = {launch, on_end};
	static const struct dialog_ops dialog_ops = {
		on_open, on_session, on_settled, on_answered, on_broken};
	static const struct following_ops following_ops = {on_peers, on_broken};
	const struct candidate_origin origin = {
		c, p, x->template, x->passwords, x->program, x->next_path};
	struct following_parts parts;
	int r = loop_timer_new(&x->session_timer, x->loop, on_no_session, x, e);

	x->sessions = sessions_new(c->bgp.peers, c->bgp.n_peers);
	x->told.n_peers = c->bgp.n_peers;
	if (r == 0)
		r = exabgp_child_new(
			&x->child, x->loop, c, x->program, x->conf_path, &child_ops, x, e);
	if (r == 0)
		r = dialog_new(&x->dialog, x->loop, &dialog_ops, x, e);
	if (r < 0)
		return r;
	parts = (struct following_parts){x->child, x->dialog, x->sessions, &x->told};
	return following_new(
		&x->following, x->loop, first, &origin, x->conf_path, &parts, &following_ops, x, e);
}

static int start_first(struct exabgp *x, struct err *e)
{
	if (n_peers(x) > 0)
		return launch(x, e);
	log_off();
	return exabgp_conf_write(
		x->conf_path, x->template, following_peering(x->following)->view, e);
}

int exabgp_start(struct exabgp **ret, sd_event *loop, const struct config *c, const struct site *p,
	const struct exabgp_ops *ops, void *ud, struct err *e)
{
	CLEANUP(exabgp_freep) struct exabgp *x = xnew0(struct exabgp);
	CLEANUP(peering_done) struct peering first = {0};
	int r;

	x->loop = loop;
	x->config = c;
	x->passwords = passwords_new(loop, on_password, x);
	passwords_follow(x->passwords, c->bgp.peers, c->bgp.n_peers);
	x->ops = *ops;
	x->ud = ud;
	r = find_files(x, c, e);
	if (r == 0)
		r = peering_make(&first, c, p, x->passwords, x->program, e);
	if (r == 0)
		r = make_parts(x, c, p, &first, e);
	if (r == 0)
		r = start_first(x, e);
	if (r < 0)
		return r;
	*ret = steal(x);
	return 0;
}

void exabgp_follow(struct exabgp *x)
{
	passwords_follow(x->passwords, x->config->bgp.peers, x->config->bgp.n_peers);
	following_propose(x->following);
}

const char *exabgp_why_refused(const struct exabgp *x)
{
	return following_why_refused(x->following);
}

const struct exabgp_api_peers *exabgp_peers(const struct exabgp *x)
{
	return &following_peering(x->following)->peers;
}

void exabgp_announce(struct exabgp *x, const struct routes_out *wanted)
{
	told_want(&x->told, wanted);
	send_changes(x);
}

const struct sessions *exabgp_all_sessions(const struct exabgp *x)
{
	return x->sessions;
}

const struct routes_out *exabgp_taken(const struct exabgp *x)
{
	return &x->told.taken;
}

size_t exabgp_sessions(const struct exabgp *x)
{
	return sessions_n_up(x->sessions);
}

bool exabgp_is_heard(const struct exabgp *x)
{
	return sessions_n_up(x->sessions) > 0 && !dialog_tells_routes(x->dialog) &&
	       told_all(&x->told);
}

const struct prefixes *exabgp_heard(const struct exabgp *x)
{
	return &x->told.heard;
}

void exabgp_stop(struct exabgp *x)
{
	x->stopping = true;
	following_stop(x->following);
	exabgp_child_stop(x->child);
	if (!exabgp_child_runs(x->child))
		x->ops.on_stopped(x->ud);
}

struct exabgp *exabgp_free(struct exabgp *x)
{
	if (!x)
		return NULL;
	following_free(x->following);
	passwords_free(x->passwords);
	exabgp_child_free(x->child);
	dialog_free(x->dialog);
	sessions_free(x->sessions);
	sd_event_source_disable_unref(x->session_timer);
	told_done(&x->told);
	mustache_free(x->template);
	free(x->program);
	free(x->conf_path);
	free(x->next_path);
	free(x);
	return NULL;
}
