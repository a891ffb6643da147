/* SPDX-License-Identifier: Apache-2.0 */
#include "node/ways.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/sorted.h"
#include "loop/loop.h"
#include "node/fib.h"
#include "node/netlink.h"
#include "node/rt.h"

enum {
	SLICE = 10 * 1000, /* usec that questions may hold the loop */
	TURN = 256,        /* asked about each second: all that most nodes have */
	READS = 64,        /* of news, in one turn of the loop */
	NEWS_BYTES = 1024 * 1024,
};

struct way {
	struct ipaddr vip;
	enum way_state { WAY_UNASKED, WAY_GOOD, WAY_ELSEWHERE } state;
	bool due;    /* to be asked about */
	bool silent; /* the kernel did not answer */
};

struct ways {
	const struct site *site;
	struct nl_sock *questions, *news;
	sd_event_source *io, *timer;
	void (*changed)(void *ud);
	void *ud;
	struct way *items; /* sorted by VIP */
	size_t n_items;
	size_t next;  /* whose turn it is */
	bool any_due; /* perhaps */
	bool unknown; /* it was said that the kernel does not answer */
};

static int cmp_way(const void *addr, const void *item)
{
	const struct way *one = item;

	return ipaddr_cmp(addr, &one->vip);
}

static size_t first_in(const struct ways *w, const struct ipnet *net)
{
	return sorted_place(&net->addr, w->items, w->n_items, sizeof *w->items, cmp_way);
}

static bool is_in(const struct ways *w, size_t i, const struct ipnet *net)
{
	return i < w->n_items && ipnet_contains(net, &w->items[i].vip);
}

static void log_diverted(const struct way *way, const struct fib_answer *found)
{
	char net[IPNET_TEXT], to[FIB_TEXT];
	const struct ipnet vip = ipnet_of(&way->vip);

	log_warn("vip.diverted", LOG_STR("prefix", ipnet_format(net, &vip)),
		LOG_STR("wins", fib_format(to, found)), LOG_STR("effect", "not announced"),
		LOG_STR("remedy", "remove it from the node, or raise its metric; "
				  "`ip route get fibmatch VIP` there shows what wins"));
}

static void log_restored(const struct way *way)
{
	char net[IPNET_TEXT];
	const struct ipnet vip = ipnet_of(&way->vip);

	log_info("vip.restored", LOG_STR("prefix", ipnet_format(net, &vip)),
		LOG_STR("next", "announced again"));
}

static bool is_good(const struct ways *w, const struct way *way, const struct fib_answer *found)
{
	const struct ipaddr *pod = dual_of(&w->site->pod, way->vip.family);

	if (found->error || found->type != RTN_UNICAST)
		return false;
	return found->protocol == RT_PROTOCOL || (pod && ipaddr_equal(pod, &found->gateway));
}

/* What is not known is not wrong: the newest decision stands, and a VIP without one is good. */
static void on_silence(struct ways *w, struct way *way, const struct err *e)
{
	way->silent = true;
	if (way->state == WAY_UNASKED)
		way->state = WAY_GOOD;
	if (!w->unknown)
		log_warn("way.unknown", LOG_ERR(e),
			LOG_STR("effect", "what was known of the node's routes stands"),
			LOG_STR("next", "the node's kernel is asked again"));
	w->unknown = true;
}

/* Whether more is known than before. */
static bool ask(struct ways *w, struct way *way)
{
	struct fib_answer found;
	struct err e = {0};
	enum way_state before = way->state;

	way->due = false;
	if (fib_ask(&found, w->questions, &way->vip, &e) < 0) {
		on_silence(w, way, &e);
		return way->state != before;
	}
	way->silent = false;
	way->state = is_good(w, way, &found) ? WAY_GOOD : WAY_ELSEWHERE;
	if (way->state == before)
		return false;
	if (way->state == WAY_ELSEWHERE)
		log_diverted(way, &found);
	else if (before == WAY_ELSEWHERE)
		log_restored(way);
	return true;
}

static void end_silence(struct ways *w)
{
	if (!w->unknown)
		return;
	for (size_t i = 0; i < w->n_items; i++)
		if (w->items[i].silent)
			return;
	w->unknown = false;
	log_info("way.known");
}

/* For one slice; the rest is left to the timer. */
static bool ask_due(struct ways *w)
{
	uint64_t end = loop_clock() + SLICE;
	bool changed = false;

	if (!w->any_due)
		return false;
	for (size_t i = 0; i < w->n_items; i++) {
		if (!w->items[i].due)
			continue;
		if (loop_clock() >= end) {
			loop_timer_arm(w->timer, 0);
			return changed;
		}
		changed |= ask(w, &w->items[i]);
	}
	w->any_due = false;
	end_silence(w);
	return changed;
}

static void on_time(void *ud)
{
	struct ways *w = ud;

	if (ask_due(w))
		w->changed(w->ud);
}

static void make_due(struct ways *w, size_t i)
{
	w->items[i].due = true;
	w->any_due = true;
}

static void make_all_due(struct ways *w)
{
	for (size_t i = 0; i < w->n_items; i++)
		make_due(w, i);
}

static void ask_soon(const struct ways *w)
{
	if (w->any_due)
		loop_timer_arm(w->timer, 0);
}

/* In the main table nothing shorter wins over our routes, and a router has very much of that. */
static bool may_win(const struct rtmsg *rtm, const struct ipnet *dst)
{
	return rtm->rtm_protocol != RT_PROTOCOL &&
	       (rtm->rtm_table != RT_TABLE_MAIN || dst->len == ipaddr_bits(&dst->addr));
}

static void on_route_news(struct ways *w, struct nlmsghdr *h)
{
	const struct rtmsg *rtm = nlmsg_data(h);
	const struct nlattr *to = nlmsg_find_attr(h, sizeof *rtm, RTA_DST);
	struct ipnet dst = {.addr.family = rtm->rtm_family, .len = rtm->rtm_dst_len};

	if (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6)
		return;
	if (to && (unsigned)nla_len(to) == ipaddr_bits(&dst.addr) / 8)
		dst.addr = ipaddr_from_bytes(rtm->rtm_family, nla_data(to));
	if (!may_win(rtm, &dst))
		return;
	for (size_t i = first_in(w, &dst); is_in(w, i, &dst); i++)
		make_due(w, i);
}

static int on_news(struct nl_msg *msg, void *ud)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct ways *w = ud;

	if (h->nlmsg_type == RTM_NEWRULE || h->nlmsg_type == RTM_DELRULE)
		make_all_due(w);
	else if ((h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE) &&
		 nlmsg_valid_hdr(h, sizeof(struct rtmsg)))
		on_route_news(w, h);
	return NL_OK;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct ways *w = ud;
	int r = 0;

	(void)source;
	(void)fd;
	(void)events;
	for (size_t i = 0; r >= 0 && i < READS; i++)
		r = nl_recvmsgs_default(w->news);
	/* More came than it can hold, and what was lost may have concerned any. */
	if (r < 0 && r != -NLE_AGAIN)
		make_all_due(w);
	ask_soon(w);
	return 0;
}

static int open_news(struct ways *w, sd_event *loop, int *fd, struct err *e)
{
	int r = netlink_adopt(&w->news, fd, NETLINK_ROUTE, e);

	if (r < 0)
		return r;
	nl_socket_disable_seq_check(w->news);
	nl_socket_modify_cb(w->news, NL_CB_VALID, NL_CB_CUSTOM, on_news, w);
	nl_socket_set_buffer_size(w->news, NEWS_BYTES, 0);
	r = nl_socket_add_memberships(w->news, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, 0);
	if (r == 0)
		r = nl_socket_set_nonblocking(w->news);
	if (r < 0)
		return err_set(e, EIO, "following the node's routes: %s", nl_geterror(r));
	r = sd_event_add_io(loop, &w->io, nl_socket_get_fd(w->news), EPOLLIN, on_readable, w);
	return r < 0 ? err_errno(e, -r, "following the node's routes") : 0;
}

int ways_open(struct ways **ret, sd_event *loop, struct sockets *node, const struct site *site,
	void (*changed)(void *ud), void *ud, struct err *e)
{
	CLEANUP(ways_closep) struct ways *w = NULL;
	int r;

	if (!sockets_has(node, SOCKETS_QUESTIONS))
		return 0;
	w = xnew0(struct ways);
	w->site = site;
	w->changed = changed;
	w->ud = ud;
	r = loop_timer_new(&w->timer, loop, on_time, w, e);
	if (r == 0)
		r = netlink_adopt(&w->questions, &node->fds[SOCKETS_QUESTIONS], NETLINK_ROUTE, e);
	if (r == 0)
		r = open_news(w, loop, &node->fds[SOCKETS_NEWS], e);
	if (r == 0)
		*ret = steal(w);
	return r;
}

struct ways *ways_close(struct ways *w)
{
	if (!w)
		return NULL;
	sd_event_source_disable_unref(w->io);
	sd_event_source_disable_unref(w->timer);
	netlink_close(w->questions);
	netlink_close(w->news);
	free(w->items);
	free(w);
	return NULL;
}

/* What is known of it, if something is. `at` starts at 0, and VIPs come in ascending order. */
static struct way way_of(const struct ways *w, size_t *at, const struct ipaddr *vip)
{
	while (*at < w->n_items && ipaddr_cmp(&w->items[*at].vip, vip) < 0)
		++*at;
	return *at < w->n_items && ipaddr_equal(&w->items[*at].vip, vip)
		       ? w->items[*at]
		       : (struct way){.vip = *vip, .state = WAY_UNASKED, .due = true};
}

bool ways_watch(struct ways *w, const struct prefixes *routed)
{
	struct way *items;
	size_t n = 0, at = 0;

	if (!w)
		return false;
	items = xcalloc(routed->n_items, sizeof *items);
	for (size_t i = 0; i < routed->n_items; i++) {
		const struct ipnet *net = &routed->items[i];

		if (net->len != ipaddr_bits(&net->addr))
			continue;
		items[n] = way_of(w, &at, &net->addr);
		w->any_due |= items[n++].due;
	}
	free(w->items);
	w->items = items;
	w->n_items = n;
	return ask_due(w);
}

void ways_ask_some(struct ways *w)
{
	for (size_t i = 0; w && i < TURN && i < w->n_items; i++) {
		w->next = (w->next + 1) % w->n_items;
		make_due(w, w->next);
	}
	if (w)
		ask_soon(w);
}

struct vips ways_usable(const struct ways *w, const struct vips *v)
{
	struct vips copy = {xcalloc(v->n_items, sizeof *copy.items), v->n_items};
	size_t at = 0;

	for (size_t i = 0; i < v->n_items; i++) {
		copy.items[i] = v->items[i];
		if (w && copy.items[i].usable)
			copy.items[i].usable = way_of(w, &at, &v->items[i].addr).state == WAY_GOOD;
	}
	return copy;
}

bool ways_divert(const struct ways *w, const struct ipnet *net)
{
	if (!w)
		return false;
	for (size_t i = first_in(w, net); is_in(w, i, net); i++)
		if (w->items[i].state == WAY_ELSEWHERE)
			return true;
	return false;
}
