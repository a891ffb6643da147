/* SPDX-License-Identifier: Apache-2.0 */
#include "node/routes.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/log.h"
#include "node/netlink.h"
#include "node/rt.h"
#include "node/slot.h"

/* One end: the pod's namespace or the node's. */
struct end {
	const char *name;
	enum rt_kind kind;
	struct nl_sock *sock; /* NULL: this end is left alone */
	struct prefixes present;
};

struct routes {
	const struct site *site;
	struct end pod, node;
	struct slot slot;
	struct slot_view others;  /* as of the last routes_apply */
	bool former_left;         /* routes of the former metric have to stay for now */
	struct prefixes reserves; /* prefixes that other living pods of the node have routes for */
};

static const int families[] = {AF_INET, AF_INET6};

/* What happens in the pod follows from what happens on the node. */
static void log_route(const char *event, const struct end *end, const struct rt *r, const char *why)
{
	char net[IPNET_TEXT], via[IPADDR_TEXT];

	log_write(end->kind == RT_LOCAL ? LOG_DEBUG : LOG_INFO, event,
		LOG_FIELDS(LOG_STR("in", end->name), LOG_STR("prefix", ipnet_format(net, &r->dst)),
			LOG_STR("via", r->gateway.family ? ipaddr_format(via, &r->gateway) : NULL),
			LOG_UINT("metric", r->metric), LOG_STR("why", why)));
}

/* The first failure is the one to report. */
static void keep_first(struct err *first, const struct err *e)
{
	if (!first->code)
		*first = *e;
}

static bool is_own_gateway(const struct routes *r, const struct rt *rt)
{
	const struct ipaddr *pod = dual_of(&r->site->pod, rt->dst.addr.family);

	return pod && ipaddr_equal(pod, &rt->gateway);
}

enum owner { OURS, FORMERLY_OURS, OTHERS, NOBODYS };

/*
 * `model` is how our routes of this family look. Without an interface it is not known now by which
 * one the node reaches us, so that a route by any may be right.
 */
static enum owner owner_of(
	const struct routes *r, const struct end *end, const struct rt *rt, const struct rt *model)
{
	if (end->kind == RT_LOCAL)
		return OURS;
	if (rt->metric == r->slot.metric)
		return is_own_gateway(r, rt) && (!model->ifindex || rt->ifindex == model->ifindex)
			       ? OURS
			       : NOBODYS;
	if (is_own_gateway(r, rt))
		return rt->metric == r->slot.former ? FORMERLY_OURS : NOBODYS;
	return rt->metric <= SLOT_MAX && r->others.held[rt->metric] ? OTHERS : NOBODYS;
}

/* False when that failed. */
static bool remove_route(
	struct end *end, const struct rt *rt, const char *event, const char *why, struct err *first)
{
	struct err e = {0};

	if (rt_delete(end->sock, end->kind, rt, &e) < 0) {
		keep_first(first, &e);
		return false;
	}
	log_route(event, end, rt, why);
	return true;
}

/* Removes what is not wanted, and notes what is there. */
static void sort_out(struct routes *r, struct end *end, const struct rt_list *found,
	const struct rt *model, const struct prefixes *wanted, struct err *first)
{
	for (size_t i = 0; i < found->n_items; i++) {
		const struct rt *rt = &found->items[i];
		enum owner owner = owner_of(r, end, rt, model);

		if (owner == OTHERS)
			prefixes_add(&r->reserves, &rt->dst);
		else if (owner == NOBODYS)
			remove_route(
				end, rt, "route.purged", "left by a dead pod or process", first);
		else if (owner == FORMERLY_OURS)
			continue;
		else if (!prefixes_has(wanted, &rt->dst))
			remove_route(end, rt, "route.removed", NULL, first);
		else
			prefixes_add(&end->present, &rt->dst);
	}
}

static void add_missing(
	struct end *end, const struct rt *model, const struct prefixes *wanted, struct err *first)
{
	for (size_t i = 0; i < wanted->n_items; i++) {
		struct rt rt = *model;
		struct err e = {0};

		rt.dst = wanted->items[i];
		if (rt.dst.addr.family != model->dst.addr.family ||
			prefixes_has(&end->present, &rt.dst))
			continue;
		if (rt_add(end->sock, end->kind, &rt, &e) < 0) {
			keep_first(first, &e);
			continue;
		}
		prefixes_add(&end->present, &rt.dst);
		log_route("route.added", end, &rt, NULL);
	}
}

/* After those of the new metric have come, so that packets always find one. */
static void remove_former(struct routes *r, struct end *end, const struct rt_list *found,
	const struct rt *model, const struct prefixes *wanted, struct err *first)
{
	for (size_t i = 0; i < found->n_items; i++) {
		const struct rt *rt = &found->items[i];
		bool replaced = prefixes_has(&end->present, &rt->dst);

		if (owner_of(r, end, rt, model) != FORMERLY_OURS)
			continue;
		if ((prefixes_has(wanted, &rt->dst) && !replaced) ||
			!remove_route(end, rt, "route.removed", "has a lower metric now", first))
			r->former_left = true;
	}
}

static bool wants_family(const struct prefixes *wanted, int family)
{
	for (size_t i = 0; i < wanted->n_items; i++)
		if (wanted->items[i].addr.family == family)
			return true;
	return false;
}

/* How our routes of this family look at this end. */
static int make_model(
	struct rt *ret, const struct routes *r, const struct end *end, int family, struct err *e)
{
	const struct ipaddr *pod = dual_of(&r->site->pod, family);
	struct rt model = {.dst.addr.family = family};
	int n = 0;

	if (end->kind == RT_VIA) {
		model.metric = r->slot.metric;
		if (!pod)
			return err_set(e, EAFNOSUPPORT, "the pod has no address of this family");
		model.gateway = *pod;
		n = rt_interface_to(&model.ifindex, end->sock, pod, e);
	}
	if (n == 0)
		*ret = model;
	return n;
}

/* The routes cannot be read now: they are most likely as they were. */
static void assume_unchanged(
	struct end *end, int family, const struct prefixes *before, const struct prefixes *wanted)
{
	for (size_t i = 0; i < before->n_items; i++)
		if (before->items[i].addr.family == family &&
			prefixes_has(wanted, &before->items[i]))
			prefixes_add(&end->present, &before->items[i]);
}

static void apply_family(struct routes *r, struct end *end, int family,
	const struct prefixes *before, const struct prefixes *wanted, struct err *first)
{
	CLEANUP_RT_LIST struct rt_list found = {0};
	struct rt model = {.dst.addr.family = family};
	struct err e = {0};
	bool usable = make_model(&model, r, end, family, &e) == 0;

	if (!usable && wants_family(wanted, family))
		keep_first(first, &e);
	if (rt_dump(&found, end->sock, end->kind, family, &e) < 0) {
		keep_first(first, &e);
		assume_unchanged(end, family, before, wanted);
		r->former_left = true;
		return;
	}
	sort_out(r, end, &found, &model, wanted, first);
	if (usable)
		add_missing(end, &model, wanted, first);
	remove_former(r, end, &found, &model, wanted, first);
}

static void apply_end(
	struct routes *r, struct end *end, const struct prefixes *wanted, struct err *first)
{
	CLEANUP_PREFIXES struct prefixes before = end->present;
	struct err e = {0};

	end->present = (struct prefixes){0};
	if (!end->sock) {
		end->present = prefixes_copy(wanted);
		return;
	}
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		apply_family(r, end, families[i], &before, wanted, &e);
	if (e.code) {
		err_wrap(&e, "routes in the %s's network namespace", end->name);
		keep_first(first, &e);
	}
}

static struct prefixes ready_of(const struct routes *r, const struct prefixes *node)
{
	CLEANUP_PREFIXES struct prefixes in_node = prefixes_common(node, &r->node.present);

	return prefixes_common(&in_node, &r->pod.present);
}

static void look_at_slots(struct routes *r)
{
	const char *why = "makes room for pods to come, and keeps the order";

	if (!r->node.sock)
		return;
	slot_look(&r->others, &r->slot);
	r->former_left = false;
	if (r->others.contested)
		why = "another pod has claimed the same one";
	if (slot_move(&r->slot, &r->others))
		log_info("slot.moved", LOG_UINT("from", r->slot.former),
			LOG_UINT("to", r->slot.metric), LOG_STR("why", why));
}

int routes_apply(struct prefixes *ret_ready, struct routes *r, const struct prefixes *local,
	const struct prefixes *node, struct err *e)
{
	struct err first = {0};

	prefixes_done(&r->reserves);
	look_at_slots(r);
	apply_end(r, &r->pod, local, &first);
	apply_end(r, &r->node, node, &first);
	if (!r->former_left)
		slot_settle(&r->slot);
	*ret_ready = ready_of(r, node);
	if (first.code)
		*e = first;
	return -first.code;
}

static int change(struct end *end, const struct rt *rt, bool add, struct err *e)
{
	int n = add ? rt_add(end->sock, end->kind, rt, e) : rt_delete(end->sock, end->kind, rt, e);

	if (n < 0)
		return n;
	if (add)
		prefixes_add(&end->present, &rt->dst);
	else
		prefixes_remove(&end->present, &rt->dst);
	log_route(add ? "route.added" : "route.removed", end, rt, NULL);
	return 0;
}

/* Adds or removes our routes for these. */
static int change_all(const struct routes *r, struct end *end, const struct prefixes *nets,
	bool add, struct err *e)
{
	struct rt rt = {0};
	int n = 0;

	for (size_t i = 0; n == 0 && i < nets->n_items; i++) {
		const struct ipnet *net = &nets->items[i];

		if (net->addr.family != rt.dst.addr.family)
			n = make_model(&rt, r, end, net->addr.family, e);
		rt.dst = *net;
		if (n == 0)
			n = change(end, &rt, add, e);
	}
	return n;
}

static int adjust_end(
	const struct routes *r, struct end *end, const struct prefixes *wanted, struct err *e)
{
	CLEANUP_PREFIXES struct prefixes out = prefixes_minus(&end->present, wanted, SIZE_MAX);
	CLEANUP_PREFIXES struct prefixes in = prefixes_minus(wanted, &end->present, SIZE_MAX);
	int n;

	if (!end->sock) {
		prefixes_done(&end->present);
		end->present = prefixes_copy(wanted);
		return 0;
	}
	n = change_all(r, end, &out, false, e);
	if (n == 0)
		n = change_all(r, end, &in, true, e);
	return n;
}

int routes_adjust(struct prefixes *ret_ready, struct routes *r, const struct prefixes *local,
	const struct prefixes *node, struct err *e)
{
	int n = adjust_end(r, &r->pod, local, e);

	if (n == 0)
		n = adjust_end(r, &r->node, node, e);
	if (n == 0)
		*ret_ready = ready_of(r, node);
	return n;
}

const struct prefixes *routes_reserves(const struct routes *r)
{
	return &r->reserves;
}

bool routes_has_reserve(const struct routes *r, const struct ipnet *net)
{
	return prefixes_has(&r->reserves, net);
}

const struct slot_view *routes_others(const struct routes *r)
{
	return &r->others;
}

uint32_t routes_metric(const struct routes *r)
{
	return r->node.sock ? r->slot.metric : 0;
}

static int open_node(struct routes *r, struct sockets *node, struct err *e)
{
	int n = netlink_adopt(&r->node.sock, &node->fds[SOCKETS_ROUTES], NETLINK_ROUTE, e);

	return n < 0 ? n : slot_take(&r->slot, node, e);
}

int routes_open(struct routes **ret, struct sockets *node, const struct site *p, struct err *e)
{
	CLEANUP(routes_closep) struct routes *r = xnew0(struct routes);
	int n;

	r->site = p;
	r->pod = (struct end){.name = "pod", .kind = RT_LOCAL};
	r->node = (struct end){.name = "node", .kind = RT_VIA};
	r->slot = SLOT_NONE;
	n = netlink_open(&r->pod.sock, NETLINK_ROUTE, e);
	if (n == 0 && sockets_has(node, SOCKETS_ROUTES))
		n = open_node(r, node, e);
	if (n < 0)
		return n;
	*ret = steal(r);
	return 0;
}

struct routes *routes_close(struct routes *r)
{
	if (!r)
		return NULL;
	netlink_close(r->pod.sock);
	netlink_close(r->node.sock);
	prefixes_done(&r->pod.present);
	prefixes_done(&r->node.present);
	prefixes_done(&r->reserves);
	slot_release(&r->slot);
	free(r);
	return NULL;
}
