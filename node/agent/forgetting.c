/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/forgetting.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/conntrack.h"
#include "loop/loop.h"

enum { N_FAMILIES = 2 };
static const int families[N_FAMILIES] = {AF_INET, AF_INET6};

struct forgetting {
	sd_event_source *timer;
	struct netlink *netlink; /* its own: a question lasts for turns of the loop */
	struct plan *wanted;     /* what the next search is for */
	/* The search under way: */
	struct plan *gone; /* NULL: there is none */
	bool *spared;      /* of its entries, which have come back meanwhile */
	size_t n_asked;    /* families */
	bool asking;
	struct connection *found;
	size_t n_found, n_deleted;
	bool full; /* there may be more of them */
	/* Since it was idle: */
	bool failed; /* which was said */
	uint64_t began, n_done;
	uint64_t total;
};

static void on_time(void *ud);

int forgetting_new(struct forgetting **ret, sd_event *loop, struct err *e)
{
	CLEANUP(forgetting_freep) struct forgetting *f = xnew0(struct forgetting);
	int r = netlink_open(&f->netlink, NETLINK_NETFILTER, e);

	if (r == 0)
		r = loop_timer_new(&f->timer, loop, on_time, f, e);
	if (r < 0)
		return r;
	f->wanted = xnew0(struct plan);
	*ret = steal(f);
	return 0;
}

/* Of the search. */
static void reset(struct forgetting *f)
{
	f->gone = plan_free(f->gone);
	free(steal(f->spared));
	free(steal(f->found));
	f->n_asked = f->n_found = f->n_deleted = 0;
	f->asking = f->full = false;
}

struct forgetting *forgetting_free(struct forgetting *f)
{
	if (!f)
		return NULL;
	reset(f);
	plan_free(f->wanted);
	netlink_close(f->netlink);
	sd_event_source_disable_unref(f->timer);
	free(f);
	return NULL;
}

static void on_connection(void *ud, const struct nlmsghdr *h)
{
	struct forgetting *f = ud;
	struct connection one;

	if (f->full || !conntrack_read(&one, f->gone, h) || f->spared[one.entry])
		return;
	if (f->n_found == FORGETTING_MAX) {
		f->full = true;
		return;
	}
	if ((f->n_found & (f->n_found - 1)) == 0)
		f->found =
			xreallocarray(f->found, f->n_found ? 2 * f->n_found : 1, sizeof *f->found);
	f->found[f->n_found++] = one;
}

static void want(struct forgetting *f, const struct plan *more)
{
	struct plan *all = plan_plus(f->wanted, more);

	plan_free(f->wanted);
	f->wanted = all;
}

static void begin(struct forgetting *f)
{
	f->gone = f->wanted;
	f->wanted = xnew0(struct plan);
	f->spared = xcalloc(f->gone->n_entries, sizeof *f->spared);
}

static bool has_family(const struct plan *p, int family)
{
	/* They are sorted by it. */
	return p->entries[0].pod.family == family ||
	       p->entries[p->n_entries - 1].pod.family == family;
}

/* Asks about the next family, or reads on. */
static int look(struct forgetting *f, struct err *e)
{
	bool ended = false;
	int family, r;

	if (f->asking) {
		r = netlink_more(&ended, f->netlink, e);
		f->asking = r == 0 && !ended;
		return r;
	}
	family = families[f->n_asked++];
	if (!has_family(f->gone, family))
		return 0;
	r = netlink_begin(f->netlink, conntrack_question(family), on_connection, f, e);
	f->asking = r == 0;
	return r;
}

static int delete_next(struct forgetting *f, struct err *e)
{
	const struct connection *one = &f->found[f->n_deleted++];
	int r;

	if (f->spared[one->entry])
		return 0;
	r = conntrack_delete(f->netlink, f->gone, one, e);
	if (r == 0)
		f->n_done++, f->total++;
	return r;
}

/* The search is over; `again`: it is to be done once more. */
static void end(struct forgetting *f, bool again)
{
	size_t n = 0;

	for (size_t i = 0; i < f->gone->n_entries; i++)
		if (again && !f->spared[i])
			f->gone->entries[n++] = f->gone->entries[i];
	f->gone->n_entries = n;
	want(f, f->gone);
	reset(f);
}

/* One small step. 1: there is more to be done. */
static int step(struct forgetting *f, struct err *e)
{
	int r = 0;

	if (!f->gone && f->wanted->n_entries == 0)
		return 0;
	if (!f->gone)
		begin(f);
	else if (f->asking || (f->n_asked < N_FAMILIES && !f->full))
		r = look(f, e);
	else if (f->n_deleted < f->n_found)
		r = delete_next(f, e);
	else
		end(f, f->full);
	return r < 0 ? r : 1;
}

/* What was deleted stays so. */
static void fail(struct forgetting *f, const struct err *e)
{
	if (!f->failed)
		log_warn("node.connections_stay", LOG_ERR(e),
			LOG_STR("effect", "UDP flows may stay on pods that are gone"),
			LOG_STR("next", "tried again within 5 s"));
	f->failed = true;
	end(f, true);
}

static void on_time(void *ud)
{
	struct forgetting *f = ud;
	uint64_t start = loop_clock();
	struct err e = {0};
	int r;

	do
		r = step(f, &e);
	while (r > 0 && loop_clock() - start < FORGETTING_SLICE);
	if (r != 0) {
		if (r < 0)
			fail(f, &e);
		loop_timer_arm(f->timer, r < 0 ? FORGETTING_RETRY : 0);
		return;
	}
	if (f->n_done > 0)
		log_debug("node.connections_forgotten", LOG_UINT("connections", f->n_done),
			LOG_MSEC("took_ms", loop_clock() - f->began));
	f->failed = false;
	f->n_done = 0;
}

/* What the search under way is for no more. */
static void spare(struct forgetting *f, const struct plan *now)
{
	CLEANUP(plan_freep) struct plan *still = plan_minus(f->gone, now);

	for (size_t i = 0, j = 0; i < f->gone->n_entries; i++)
		if (j < still->n_entries &&
			plan_entry_cmp(&f->gone->entries[i], &still->entries[j]) == 0 &&
			f->gone->entries[i].target == still->entries[j].target)
			j++;
		else
			f->spared[i] = true;
}

void forgetting_put(struct forgetting *f, const struct plan *before, const struct plan *now)
{
	CLEANUP(plan_freep) struct plan *gone = plan_minus(before, now);
	struct plan *still = plan_minus(f->wanted, now);

	plan_free(f->wanted);
	f->wanted = still;
	want(f, gone);
	if (f->gone)
		spare(f, now);
	if (f->wanted->n_entries == 0 || loop_timer_armed(f->timer))
		return;
	f->began = loop_clock();
	loop_timer_arm(f->timer, 0);
}

size_t forgetting_left(const struct forgetting *f)
{
	return f->wanted->n_entries + (f->gone ? f->gone->n_entries : 0);
}

uint64_t forgetting_done(const struct forgetting *f)
{
	return f->total;
}
