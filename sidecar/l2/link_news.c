/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/link_news.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "loop/backoff.h"
#include "loop/loop.h"
#include "node/netlink.h"

enum {
	READS = 64, /* of news, in one turn of the loop */
	NEWS_BYTES = 1024 * 1024,
	DUMP_TRIES = 5,
	FIRST_PAUSE = 200 * 1000, /* usec */
	LAST_PAUSE = 30 * 1000 * 1000,
};

struct link_news {
	struct nl_sock *questions, *news;
	sd_event_source *io, *timer;
	struct backoff backoff;
	void (*on_change)(void *ud);
	void *ud;
	struct links links;
	bool unknown; /* the kernel did not tell them, and that was said */
};

static bool is_usable(unsigned flags)
{
	return (flags & IFF_UP) && (flags & IFF_RUNNING) && !(flags & IFF_NOARP);
}

/* Other families have messages of their own about the same link. */
static bool note_link(struct links *l, struct nlmsghdr *h)
{
	const struct ifinfomsg *m = nlmsg_data(h);
	const struct nlattr *name = nlmsg_find_attr(h, sizeof *m, IFLA_IFNAME);
	const struct nlattr *mac = nlmsg_find_attr(h, sizeof *m, IFLA_ADDRESS);
	struct link one = {.index = m->ifi_index, .usable = is_usable(m->ifi_flags)};

	if (m->ifi_family != AF_UNSPEC)
		return false;
	if (h->nlmsg_type == RTM_DELLINK)
		return links_drop(l, one.index);
	if (m->ifi_type != ARPHRD_ETHER || !name || !mac || nla_len(mac) != MAC_BYTES)
		return false;
	nla_strlcpy(one.name, name, sizeof one.name);
	memcpy(one.mac.bytes, nla_data(mac), MAC_BYTES);
	return links_put(l, &one);
}

/* Where the other end has an address of its own, it is the other end's network. */
static bool note_address(struct links *l, struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = nlmsg_data(h);
	const struct nlattr *in = nlmsg_find_attr(h, sizeof *m, IFA_ADDRESS);
	const struct nlattr *own = nlmsg_find_attr(h, sizeof *m, IFA_LOCAL);
	struct network n = {.index = (int)m->ifa_index};
	int bytes = m->ifa_family == AF_INET ? 4 : 16;
	struct ipaddr address;

	if ((m->ifa_family != AF_INET && m->ifa_family != AF_INET6) || !in ||
		nla_len(in) != bytes || (own && nla_len(own) != bytes))
		return false;
	n.address = ipaddr_from_bytes(m->ifa_family, nla_data(own ? own : in));
	/* A network of one address holds no VIP, and link-local ones are at every interface. */
	if (m->ifa_prefixlen == 0 || m->ifa_prefixlen >= 8 * bytes ||
		!ipaddr_is_unicast(&n.address))
		return false;
	address = ipaddr_from_bytes(m->ifa_family, nla_data(in));
	n.net = ipnet_around(&address, m->ifa_prefixlen);
	return h->nlmsg_type == RTM_NEWADDR ? links_put_network(l, &n) : links_drop_network(l, &n);
}

/* Whether it changes anything. */
static bool note(struct links *l, struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return nlmsg_valid_hdr(h, sizeof(struct ifinfomsg)) && note_link(l, h);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return nlmsg_valid_hdr(h, sizeof(struct ifaddrmsg)) && note_address(l, h);
	default:
		return false;
	}
}

static void on_answer(void *ud, struct nlmsghdr *h)
{
	note(ud, h);
}

/* Counters of each link would be most of what is read. */
static struct nl_msg *ask_for_links(void)
{
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg all = {.ifi_family = AF_UNSPEC};

	if (!m || nlmsg_append(m, &all, sizeof all, NLMSG_ALIGNTO) < 0 ||
		nla_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
		mem_exhausted();
	return m;
}

static struct nl_msg *ask_for_addresses(void)
{
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};

	if (!m || nlmsg_append(m, &all, sizeof all, NLMSG_ALIGNTO) < 0)
		mem_exhausted();
	return m;
}

static int read_once(struct links *ret, struct nl_sock *s, struct err *e)
{
	CLEANUP_LINKS struct links l = {0};
	int r = netlink_ask(s, ask_for_links(), on_answer, &l, e);

	if (r == 0)
		r = netlink_ask(s, ask_for_addresses(), on_answer, &l, e);
	if (r < 0)
		return r;
	*ret = links_steal(&l);
	return 0;
}

/* *ret_changed, whether they are other than before. */
static int read_all(bool *ret_changed, struct link_news *n, struct err *e)
{
	CLEANUP_LINKS struct links found = {0};
	struct links before;
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++)
		r = read_once(&found, n->questions, e);
	if (r < 0)
		return err_wrap(e, "reading the node's interfaces");
	*ret_changed = !links_equal(&n->links, &found);
	before = n->links;
	n->links = found;
	found = before;
	return 0;
}

static void on_failure(struct link_news *n, const struct err *e)
{
	loop_timer_arm(n->timer, backoff_next(&n->backoff, 0));
	if (!n->unknown)
		log_warn("links.unknown", LOG_ERR(e),
			LOG_STR("effect", "what was known of the node's interfaces stands"),
			LOG_STR("next", "the node's kernel is asked again"));
	n->unknown = true;
}

/* Whether anything is other than before. */
static bool read_anew(struct link_news *n)
{
	bool changed = false;
	struct err e = {0};

	if (read_all(&changed, n, &e) < 0) {
		on_failure(n, &e);
		return false;
	}
	loop_timer_stop(n->timer);
	n->backoff.last = 0;
	if (n->unknown)
		log_info("links.known");
	n->unknown = false;
	return changed;
}

static void on_time(void *ud)
{
	struct link_news *n = ud;

	if (read_anew(n))
		n->on_change(n->ud);
}

struct turn {
	struct links *links;
	bool changed;
};

static int on_news(struct nl_msg *msg, void *ud)
{
	struct turn *turn = ud;

	turn->changed |= note(turn->links, nlmsg_hdr(msg));
	return NL_OK;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct link_news *n = ud;
	struct turn turn = {&n->links, false};
	int r = 0;

	loop_doing(LOOP_HERE("on_readable"));
	(void)source;
	(void)fd;
	(void)events;
	nl_socket_modify_cb(n->news, NL_CB_VALID, NL_CB_CUSTOM, on_news, &turn);
	for (size_t i = 0; r >= 0 && i < READS; i++)
		r = nl_recvmsgs_default(n->news);
	/* More came than it can hold, and what was lost may have concerned any. */
	if (r < 0 && r != -NLE_AGAIN)
		turn.changed |= read_anew(n);
	if (turn.changed)
		n->on_change(n->ud);
	return 0;
}

static int listen_to_news(struct link_news *n, sd_event *loop, int *fd, struct err *e)
{
	int r = netlink_adopt(&n->news, fd, NETLINK_ROUTE, e);

	if (r < 0)
		return r;
	nl_socket_disable_seq_check(n->news);
	nl_socket_set_buffer_size(n->news, NEWS_BYTES, 0);
	r = nl_socket_add_memberships(
		n->news, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0);
	if (r == 0)
		r = nl_socket_set_nonblocking(n->news);
	if (r < 0)
		return err_set(e, EIO, "following the node's interfaces: %s", nl_geterror(r));
	r = sd_event_add_io(loop, &n->io, nl_socket_get_fd(n->news), EPOLLIN, on_readable, n);
	return r < 0 ? err_errno(e, -r, "following the node's interfaces") : 0;
}

int link_news_open(struct link_news **ret, sd_event *loop, struct sockets *node,
	void (*on_change)(void *ud), void *ud, struct err *e)
{
	CLEANUP(link_news_closep) struct link_news *n = xnew0(struct link_news);
	bool changed;
	int r = loop_timer_new(&n->timer, loop, on_time, n, e);

	n->backoff = (struct backoff){.min = FIRST_PAUSE, .max = LAST_PAUSE};
	n->on_change = on_change;
	n->ud = ud;
	if (r == 0)
		r = netlink_adopt(&n->questions, &node->fds[SOCKETS_LINKS], NETLINK_ROUTE, e);
	if (r == 0)
		r = listen_to_news(n, loop, &node->fds[SOCKETS_LINK_NEWS], e);
	/* After that, so that nothing is missed between. */
	if (r == 0)
		r = read_all(&changed, n, e);
	if (r == 0)
		*ret = steal(n);
	return r;
}

struct link_news *link_news_close(struct link_news *n)
{
	if (!n)
		return NULL;
	sd_event_source_disable_unref(n->io);
	sd_event_source_disable_unref(n->timer);
	netlink_close(n->questions);
	netlink_close(n->news);
	links_done(&n->links);
	free(n);
	return NULL;
}

const struct links *link_news_links(const struct link_news *n)
{
	return &n->links;
}
