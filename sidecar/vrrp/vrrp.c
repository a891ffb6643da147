/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/vrrp.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "loop/loop.h"
#include "vrrp/former.h"
#include "vrrp/roster.h"
#include "vrrp/share.h"
#include "vrrp/vrrp_child.h"

enum {
	BEGIN_AFTER = 1000 * 1000, /* we were listed: others know of us by then */
	RETRY = 1000 * 1000,
	/* Of l2.interval: after so long without a master's advertisement a backup is master. */
	ELECTION = 4,
	ELECTION_SLACK = 200 * 1000,
	HOLD_MAX = 3 * 1000 * 1000, /* until keepalived answers */
	SHARES_TEXT = SHARES * 3 + 1,
};

#define ALL_SHARES (((uint32_t)1 << SHARES) - 1)

struct vrrp {
	sd_event *loop;
	const struct config *config;
	const struct site *site;
	struct vrrp_ops ops;
	void *ud;
	struct vrrp_child *child;
	struct roster roster; /* former members among the peers */
	struct formers formers;
	sd_event_source *begin_timer, *hold_timer;
	bool takes_part, begun, stopping;
	bool failed;   /* to run VRRP with the members as they are; the log has said so */
	uint32_t held; /* from when we were alone, until VRRP has said whose they are */
	uint32_t owned;
};

/* "0,3,15" */
static const char *shares_text(char ret_buf[static SHARES_TEXT], uint32_t shares)
{
	size_t len = 0;

	ret_buf[0] = '\0';
	for (unsigned i = 0; i < SHARES; i++)
		if (shares & (uint32_t)1 << i)
			len += (size_t)snprintf(
				ret_buf + len, SHARES_TEXT - len, "%s%u", len ? "," : "", i);
	return ret_buf;
}

static bool is_at_work(const struct vrrp *v)
{
	return v->takes_part && v->begun && !v->stopping;
}

static uint32_t owned_now(const struct vrrp *v)
{
	if (!is_at_work(v))
		return 0;
	return roster_is_alone(&v->roster) ? ALL_SHARES : vrrp_child_owned(v->child) | v->held;
}

static void tell(struct vrrp *v)
{
	uint32_t owned = owned_now(v);
	char text[SHARES_TEXT];

	if (owned == v->owned)
		return;
	v->owned = owned;
	log_info("vrrp.shares", LOG_UINT("n", (uint64_t)__builtin_popcount(owned)),
		LOG_STR("ours", shares_text(text, owned)), LOG_UINT("others", v->roster.n_peers));
	v->ops.on_change(v->ud);
}

static void let_go(struct vrrp *v)
{
	v->held = 0;
	loop_timer_stop(v->hold_timer);
}

/* What we had alone stays ours, for VRRP has no owner of it yet. */
static void run_with_peers(struct vrrp *v)
{
	struct err e = {0};
	int r;

	if (v->held && !loop_timer_armed(v->hold_timer))
		loop_timer_arm(v->hold_timer, HOLD_MAX);
	r = vrrp_child_run(v->child, &v->roster, &e);
	if (r < 0 && !v->failed)
		log_error("vrrp.follow_failed", LOG_ERR(&e),
			LOG_STR("effect", "VRRP goes on as it was, if it runs"),
			LOG_STR("next", "it is tried again each second; this is said once"));
	if (r < 0)
		loop_timer_arm(v->begin_timer, RETRY);
	v->failed = r < 0;
}

static void follow(struct vrrp *v)
{
	if (is_at_work(v) && v->roster.n_peers > 0) {
		run_with_peers(v);
	} else {
		let_go(v);
		if (is_at_work(v))
			v->held = ALL_SHARES;
		vrrp_child_end(v->child);
	}
	tell(v);
}

static void on_begin_time(void *ud)
{
	struct vrrp *v = ud;

	v->begun = true;
	follow(v);
}

static void on_hold_time(void *ud)
{
	struct vrrp *v = ud;

	v->held = 0;
	tell(v);
}

static void on_change(void *ud)
{
	struct vrrp *v = ud;

	v->held &= ~vrrp_child_owned(v->child);
	tell(v);
}

static void on_up(void *ud)
{
	struct vrrp *v = ud;

	if (v->held)
		loop_timer_arm(v->hold_timer, ELECTION * v->config->l2.interval + ELECTION_SLACK);
}

static void on_end(void *ud)
{
	struct vrrp *v = ud;

	if (v->stopping) {
		v->ops.on_stopped(v->ud);
		return;
	}
	if (v->roster.n_peers > 0)
		let_go(v);
	tell(v);
}

void vrrp_set_members(struct vrrp *v, const struct ipaddr addrs[], size_t n_addrs)
{
	CLEANUP_ROSTER struct roster now = roster_of(&v->site->pod, addrs, n_addrs);
	bool was_listed = v->roster.own.family != 0, is_listed = now.own.family != 0;
	struct roster before = v->roster;

	if (is_listed && n_addrs > 0)
		formers_keep(&v->formers, &before, &now, loop_clock());
	if (roster_equal(&before, &now))
		return;
	v->roster = now;
	now = before;
	if (is_listed && !was_listed) {
		loop_timer_arm(v->begin_timer, BEGIN_AFTER);
	} else if (was_listed && !is_listed) {
		loop_timer_stop(v->begin_timer);
		v->begun = false;
		log_warn("vrrp.unlisted", LOG_STR("effect", "no share is ours"),
			LOG_STR("why", "the others do not know of this load balancer any more"));
	}
	follow(v);
}

void vrrp_set_impaired(struct vrrp *v, uint32_t shares)
{
	vrrp_child_impair(v->child, shares & ALL_SHARES);
}

void vrrp_take_part(struct vrrp *v, bool takes_part)
{
	if (v->takes_part == takes_part)
		return;
	v->takes_part = takes_part;
	follow(v);
}

uint32_t vrrp_owned(const struct vrrp *v)
{
	return v->owned;
}

void vrrp_stop(struct vrrp *v)
{
	v->stopping = true;
	follow(v);
	if (!vrrp_child_is_there(v->child))
		v->ops.on_stopped(v->ud);
}

int vrrp_start(struct vrrp **ret, sd_event *loop, const struct config *c, const struct site *site,
	const struct vrrp_ops *ops, void *ud, struct err *e)
{
	static const struct vrrp_child_ops child_ops = {on_change, on_up, on_end};
	CLEANUP(vrrp_freep) struct vrrp *v = xnew0(struct vrrp);
	int r;

	*v = (struct vrrp){.loop = loop, .config = c, .site = site, .ops = *ops, .ud = ud};
	r = loop_timer_new(&v->begin_timer, loop, on_begin_time, v, e);
	if (r == 0)
		r = loop_timer_new(&v->hold_timer, loop, on_hold_time, v, e);
	if (r == 0)
		r = vrrp_child_new(&v->child, loop, c, &child_ops, v, e);
	if (r < 0)
		return r;
	*ret = steal(v);
	return 0;
}

struct vrrp *vrrp_free(struct vrrp *v)
{
	if (!v)
		return NULL;
	vrrp_child_free(v->child);
	sd_event_source_disable_unref(v->begin_timer);
	sd_event_source_disable_unref(v->hold_timer);
	roster_done(&v->roster);
	free(v);
	return NULL;
}
