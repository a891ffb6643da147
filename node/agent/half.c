/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/half.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/reach.h"
#include "base/log.h"
#include "host/counter.h"
#include "host/device.h"
#include "host/gue.h"
#include "host/kept.h"
#include "loop/loop.h"
#include "table/script.h"
#include "table/second.h"

enum {
	MTU = 1500,
	MTU_MIN = 576, /* a smaller one is a mistake of somebody's (RFC 791) */
	TCP_HEADER = 20,
	GUE_HEADERS = 8 + 4,           /* with UDP's */
	WAYS_FRESH = 60 * 1000 * 1000, /* usec; all are asked for then, which takes milliseconds */
};

struct half {
	int family;
	const struct hands *hands;
	struct forgetting *forgetting;
	struct content *content; /* what the kernel was given last; NULL: nothing yet */
	bool holds;              /* and it has that, as far as we know */
	unsigned mss;            /* in the table */
	unsigned mtu;            /* to pods; 0: not known yet */
	uint16_t gue_port;       /* in the table */
	char gue_error[ERR_MSG_SIZE];
	struct ways ways;
	uint64_t ways_since; /* when all of them were asked for */
	struct reach reach;  /* of what the kernel was given last */
	struct ipaddr own;   /* as last told */
	uint32_t generation; /* of all of nftables, when it was looked at */
	bool checked;        /* and found right */
	bool unread;         /* it could not be looked at, which was said */
	struct half_stats stats;
};

struct half *half_new(int family, const struct hands *hands, struct forgetting *forgetting)
{
	struct half *h = xnew0(struct half);

	h->family = family;
	h->hands = hands;
	h->forgetting = forgetting;
	return h;
}

struct half *half_free(struct half *h)
{
	if (!h)
		return NULL;
	content_free(h->content);
	ways_done(&h->ways);
	free(h);
	return NULL;
}

/* What a pod may tell a client: its own packets come without the outer header, but the client's
 * have it. What is not known now is as it was. */
static unsigned find_mss(struct half *h, const struct plan *plan)
{
	unsigned header = h->family == AF_INET ? 20 : 40;
	unsigned outer = header + (plan->gue ? GUE_HEADERS : 0);

	if (h->reach.mtu >= MTU_MIN)
		h->mtu = h->reach.mtu;
	return (h->mtu ? h->mtu : MTU) - outer - header - TCP_HEADER;
}

static int ensure_device(const struct half *h, struct err *e)
{
	bool changed;
	int r = device_ensure(&changed, h->hands->route, h->family, e);

	if (r == 0 && changed)
		log_info("node.device_made", LOG_STR("device", script_device(h->family)),
			LOG_STR("address", script_address(h->family)));
	return r;
}

/* What is the same as before is not said again. */
static void note_gue(struct half *h, const struct plan *plan, const struct err *e)
{
	if (strcmp(h->gue_error, e->msg) == 0)
		return;
	if (!e->code)
		log_info("node.gue_repaired", LOG_STR("device", script_device(h->family)));
	else if (plan->gue)
		log_warn("node.gue_failed", LOG_ERR(e),
			LOG_STR("effect",
				"load balancers that use GUE reach the pods of this node by NAT"),
			LOG_STR("next", "tried again within 5 s"));
	else
		log_info("node.gue_failed", LOG_ERR(e),
			LOG_STR("effect", "none: no Service is forwarded by GUE"));
	memcpy(h->gue_error, e->msg, sizeof h->gue_error);
}

/* Behind the device, whose address it has. */
static void ensure_gue(struct half *h, const struct plan *plan)
{
	struct err e = {0};
	bool changed;

	if (gue_ensure(&changed, h->hands->generic, h->family, plan->gue_port, &e) == 0 && changed)
		log_info("node.gue_opened", LOG_STR("device", script_device(h->family)),
			LOG_UINT("port", plan->gue_port));
	note_gue(h, plan, &e);
}

/* Where nobody wants it, a kernel without it is not asked to load the module all the time. */
static void check_gue(struct half *h)
{
	if (!h->gue_error[0] || h->content->plan->gue)
		ensure_gue(h, h->content->plan);
}

/* A table that an older version has made otherwise cannot be filled as it is. */
static int fill(struct half *h, const struct content *c, struct err *e)
{
	CLEANUP_FREE char *over = script_fill(h->family, c, h->mss, SCRIPT_OVER), *anew = NULL;

	if (nftables_run(h->hands->nftables, over, e) == 0)
		return 0;
	*e = (struct err){0};
	anew = script_fill(h->family, c, h->mss, SCRIPT_ANEW);
	return nftables_run(h->hands->nftables, anew, e);
}

/* Consumes `next`. */
static void adopt(struct half *h, struct content *next)
{
	content_free(h->content);
	h->content = next;
	h->holds = true;
	h->gue_port = next->plan->gue_port;
	ensure_gue(h, next->plan);
	h->checked = false;
	h->stats.n_pods = next->ids.n_items;
	h->stats.n_entries = next->plan->n_entries;
	h->stats.last_change = (uint64_t)loop_date();
}

/* Takes over what the kernel has, whoever put it there. */
static int take_over(struct half *h, const struct plan *plan, const struct ipnet sources[],
	size_t n_sources, struct err *e)
{
	CLEANUP(content_freep) struct content *next = NULL;
	struct kept kept = {0};
	int r = kept_read(&kept, h->hands->netfilter, h->family, e);

	if (r < 0)
		return r;
	r = content_build(&next, h->family, plan, sources, n_sources, &kept.ids, e);
	if (r == 0 && h->family == AF_INET6 && content_is_empty(next) && kept.n_rules == 0) {
		kept_done(&kept);
		return 0;
	}
	if (r == 0)
		r = ensure_device(h, e);
	if (r == 0) {
		h->mss = find_mss(h, next->plan);
		r = fill(h, next, e);
	}
	if (r == 0) {
		log_info("node.table_filled", LOG_STR("device", script_device(h->family)),
			LOG_UINT("found", kept.plan->n_entries),
			LOG_UINT("entries", next->plan->n_entries), LOG_UINT("mss", h->mss));
		forgetting_put(h->forgetting, kept.plan, next->plan);
		if (h->content)
			forgetting_put(h->forgetting, h->content->plan, next->plan);
		adopt(h, steal(next));
	}
	kept_done(&kept);
	return r;
}

/* 1: there was something to change. */
static int change(struct half *h, const struct content *next, struct err *e)
{
	unsigned mss = find_mss(h, next->plan);
	CLEANUP_FREE char *text = script_change(h->family, h->content, next);
	CLEANUP_FREE char *rule = mss == h->mss ? NULL : script_mss(h->family, mss), *all = NULL;
	int r;

	if (next->plan->gue_port != h->gue_port) {
		h->mss = mss;
		r = fill(h, next, e);
		return r < 0 ? r : 1;
	}
	if (!text && !rule)
		return 0;
	all = xasprintf("%s%s", rule ? rule : "", text ? text : "");
	r = nftables_run(h->hands->nftables, all, e);
	if (r < 0)
		return r;
	h->mss = mss;
	return 1;
}

static int put(struct half *h, const struct plan *plan, const struct ipnet sources[],
	size_t n_sources, struct err *e)
{
	CLEANUP(content_freep) struct content *next = NULL;
	uint64_t start = loop_clock();
	int r;

	if (!h->holds)
		return take_over(h, plan, sources, n_sources, e);
	r = content_build(&next, h->family, plan, sources, n_sources, &h->content->ids, e);
	if (r == 0)
		r = change(h, next, e);
	if (r < 0) {
		/* Somebody has changed it: what there is has to be seen. */
		h->holds = false;
		*e = (struct err){0};
		return take_over(h, plan, sources, n_sources, e);
	}
	if (r == 0)
		return 0;
	h->stats.n_changes++;
	log_debug("node.table_changed", LOG_STR("device", script_device(h->family)),
		LOG_UINT("entries", next->plan->n_entries),
		LOG_MSEC("took_ms", loop_clock() - start));
	forgetting_put(h->forgetting, h->content->plan, next->plan);
	adopt(h, steal(next));
	return 0;
}

/* What is the same as before is not said again. */
static void note_own(struct half *h)
{
	const struct reach *reach = &h->reach;
	char addr[IPADDR_TEXT];

	if (ipaddr_equal(&h->own, &reach->own))
		return;
	h->own = reach->own;
	if (reach->n_own > 0)
		log_info("node.host_endpoints", LOG_UINT("endpoints", reach->n_own),
			LOG_STR("first", ipaddr_format(addr, &reach->own)),
			LOG_STR("reason",
				"their address is one of the node's own, as with hostNetwork"),
			LOG_STR("effect",
				"no tunnel leads to them; load balancers use NAT if our Lease has "
				"that address (HOST_IPS)"));
}

static struct plan *find_ways(struct half *h, const struct plan *plan)
{
	uint64_t now = loop_clock();
	struct plan *some;

	if (now - h->ways_since > WAYS_FRESH) {
		ways_done(&h->ways);
		h->ways_since = now;
	}
	h->reach = reach_of(&some, &h->ways, plan, h->family, h->hands->route);
	return some;
}

int half_put(struct half *h, const struct plan *plan, const struct ipnet sources[],
	size_t n_sources, struct err *e)
{
	CLEANUP(plan_freep) struct plan *some = find_ways(h, plan);
	int r;

	note_own(h);
	h->stats.n_wanted = some->n_entries;
	r = put(h, some, sources, n_sources, e);
	h->stats.n_failures += r < 0;
	return r;
}

/* Routes may have come. */
static int look_for_ways(struct half *h, struct err *e)
{
	CLEANUP(plan_freep) struct plan *some = find_ways(h, h->content->plan);

	return put(h, some, h->content->sources, h->content->n_sources, e);
}

static int repair(struct half *h, struct err *e)
{
	int r;

	log_warn("node.table_lost", LOG_STR("device", script_device(h->family)),
		LOG_STR("reason", "somebody has changed or removed it"),
		LOG_STR("next", "it is made anew"));
	h->stats.n_repairs++;
	r = fill(h, h->content, e);
	h->checked = false;
	return r;
}

/* That it cannot be looked at says nothing of it. What is the same as before is not said again. */
static int note_look(struct half *h, int r, struct err *e)
{
	if (r == -EAGAIN && !h->unread)
		log_warn("node.not_read", LOG_STR("device", script_device(h->family)), LOG_ERR(e),
			LOG_STR("effect", "none: what the kernel was given stands"),
			LOG_STR("next", "it is looked at again within 5 s"));
	h->unread = r == -EAGAIN;
	if (r != -EAGAIN)
		return r;
	h->checked = false;
	*e = (struct err){0};
	return 0;
}

static int check_table(struct half *h, struct err *e)
{
	struct kept kept = {0};
	uint32_t generation = 0;
	bool right;
	int r = kept_generation(&generation, h->hands->netfilter, e);

	if (r < 0 || (h->checked && generation == h->generation))
		return r;
	r = kept_read(&kept, h->hands->netfilter, h->family, e);
	if (r < 0)
		return r;
	right = kept_is(&kept, h->content);
	kept_done(&kept);
	h->generation = generation;
	h->checked = right;
	return right ? 0 : repair(h, e);
}

bool half_takes_gue(const struct half *h)
{
	return !h->gue_error[0];
}

int half_check(struct half *h, struct err *e)
{
	int r;

	if (!h->holds)
		return 0;
	r = ensure_device(h, e);
	if (r == 0) {
		check_gue(h);
		r = check_table(h, e);
	}
	if (r == 0 && h->reach.unsure)
		r = look_for_ways(h, e);
	r = note_look(h, r, e);
	h->holds = r == 0;
	h->stats.n_failures += r < 0;
	return r;
}

struct half_stats half_stats(const struct half *h)
{
	return h->stats;
}

static int look_at_counters(struct half_sight *ret, int family, struct netlink *n, struct err *e)
{
	int r = counter_read(&ret->n_refused, n, family, SCRIPT_TABLE, SCRIPT_REFUSED, e);

	if (r == 0)
		r = counter_read(&ret->n_dropped, n, family, SCRIPT_TABLE, SCRIPT_DROPPED, e);
	if (r == 0 && family == AF_INET)
		r = counter_read(&ret->n_onward, n, family, SECOND_TABLE, SECOND_ONWARD, e);
	return r;
}

int half_look(struct half_sight *ret, int family, const struct hands *hands, struct err *e)
{
	struct kept kept = {0};
	int r = device_is_ready(&ret->device, &ret->n_received, hands->route, family, e);

	if (r == 0)
		r = gue_look(&ret->gue_port, hands->generic, family, e);
	if (r == 0)
		r = look_at_counters(ret, family, hands->netfilter, e);
	if (r == 0)
		r = kept_read(&kept, hands->netfilter, family, e);
	if (r < 0)
		return r;
	ret->table = kept.n_rules == SCRIPT_RULES;
	ret->n_pods = kept.ids.n_items;
	ret->n_entries = kept.plan ? kept.plan->n_entries : 0;
	ret->n_vips = kept.n_vips;
	kept_done(&kept);
	return 0;
}

int half_remove(int family, const struct hands *hands, struct err *e)
{
	CLEANUP_FREE char *text = script_remove(family);
	struct err other = {0};
	int r = nftables_run(hands->nftables, text, e);
	int port = gue_remove(hands->generic, family, r < 0 ? &other : e), device;

	r = r < 0 ? r : port;
	device = device_remove(hands->route, family, r < 0 ? &other : e);
	return r < 0 ? r : device;
}
