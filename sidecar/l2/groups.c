/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/groups.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/log.h"

struct groups {
	int fd;
	struct wire *wire;
	struct group *items; /* sorted; those that we are in */
	size_t n_items;
	bool told; /* that one could not be joined */
};

struct groups *groups_new(int fd, struct wire *wire)
{
	struct groups *g = xnew0(struct groups);

	g->fd = fd;
	g->wire = wire;
	return g;
}

static int cmp(const void *a, const void *b)
{
	const struct group *one = a, *other = b;

	if (one->index != other->index)
		return one->index < other->index ? -1 : 1;
	return ipaddr_cmp(&one->addr, &other->addr);
}

static int change(const struct groups *g, const struct group *one, int option)
{
	const struct ipv6_mreq want = {
		.ipv6mr_multiaddr = one->addr.v6, .ipv6mr_interface = (unsigned)one->index};

	return setsockopt(g->fd, IPPROTO_IPV6, option, &want, sizeof want) < 0 ? -errno : 0;
}

static int take_frames(const struct groups *g, const struct group *one, bool takes)
{
	const struct mac to = mac_of_group(&one->addr);

	return wire_take_frames(g->wire, one->index, &to, takes);
}

static void on_failure(struct groups *g, int code, bool by_frames)
{
	struct err e = {0};

	if (g->told)
		return;
	err_errno(&e, code, "joining the multicast group of an IPv6 VIP");
	log_warn("l2.unjoined", LOG_ERR(&e),
		LOG_STR("effect", by_frames ? "switches that snoop MLD may not send us questions"
					    : "questions for IPv6 VIPs may not come here"),
		LOG_STR("remedy",
			code == ENOMEM ? "raise the node's sysctl net.core.optmem_max" : NULL),
		LOG_STR("next", "it is tried again when VIPs or interfaces change; said once"));
	g->told = true;
}

/* Whether we are in it now. */
static bool join(struct groups *g, struct group *one)
{
	int r = change(g, one, IPV6_JOIN_GROUP);

	if (r == 0 || r == -EADDRINUSE)
		return true;
	one->by_frames = take_frames(g, one, true) == 0;
	on_failure(g, -r, one->by_frames);
	return one->by_frames;
}

/* What the kernel had no room for, or the interface no IPv6, may have it now. */
static struct group retry(const struct groups *g, const struct group *one)
{
	struct group now = *one;

	if (one->by_frames && change(g, one, IPV6_JOIN_GROUP) == 0) {
		take_frames(g, one, false);
		now.by_frames = false;
	}
	return now;
}

/* Of an interface that is gone nothing is left. */
static void leave(struct groups *g, const struct group *one)
{
	if (one->by_frames)
		take_frames(g, one, false);
	else
		change(g, one, IPV6_LEAVE_GROUP);
}

static size_t without_duplicates(struct group items[], size_t n)
{
	size_t kept = 0;

	qsort(items, n, sizeof *items, cmp);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || cmp(&items[kept - 1], &items[i]) != 0)
			items[kept++] = items[i];
	return kept;
}

void groups_set(struct groups *g, struct group wanted[], size_t n)
{
	size_t n_wanted = n ? without_duplicates(wanted, n) : 0, n_now = 0, at = 0;
	struct group *now = xcalloc(n_wanted, sizeof *now);

	for (size_t i = 0; i < n_wanted; i++) {
		while (at < g->n_items && cmp(&g->items[at], &wanted[i]) < 0)
			leave(g, &g->items[at++]);
		if (at < g->n_items && cmp(&g->items[at], &wanted[i]) == 0)
			now[n_now++] = retry(g, &g->items[at++]);
		else if (join(g, &wanted[i]))
			now[n_now++] = wanted[i];
	}
	while (at < g->n_items)
		leave(g, &g->items[at++]);
	free(g->items);
	g->items = now;
	g->n_items = n_now;
}

struct groups *groups_free(struct groups *g)
{
	if (!g)
		return NULL;
	groups_set(g, NULL, 0);
	closep(&g->fd);
	free(g->items);
	free(g);
	return NULL;
}
