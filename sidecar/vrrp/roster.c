/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/roster.h"

#include <stdlib.h>
#include <string.h>

static bool is_peer(const struct ipaddr *addr, const struct ipaddr *own)
{
	return addr->family == own->family && !ipaddr_equal(addr, own);
}

static size_t count_peers(const struct ipaddr *own, const struct ipaddr addrs[], size_t n_addrs)
{
	size_t n = 0;

	for (size_t i = 0; i < n_addrs; i++)
		n += is_peer(&addrs[i], own);
	return n;
}

static int by_address(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

/* Each once, as keepalived wants it. */
static void settle(struct roster *r)
{
	size_t n = 0;

	if (r->n_peers == 0)
		return;
	qsort(r->peers, r->n_peers, sizeof *r->peers, by_address);
	for (size_t i = 0; i < r->n_peers; i++)
		if (n == 0 || !ipaddr_equal(&r->peers[n - 1], &r->peers[i]))
			r->peers[n++] = r->peers[i];
	r->n_peers = n;
}

static struct ipaddr choose_own(const struct dual *pod, const struct ipaddr addrs[], size_t n_addrs)
{
	const struct ipaddr *const own[] = {&pod->v4, &pod->v6};
	const struct ipaddr *listed = NULL;

	for (size_t i = 0; i < 2; i++) {
		if (own[i]->family == 0 || (n_addrs > 0 && !ipaddrs_have(addrs, n_addrs, own[i])))
			continue;
		if (count_peers(own[i], addrs, n_addrs) > 0)
			return *own[i];
		if (!listed)
			listed = own[i];
	}
	return listed ? *listed : (struct ipaddr){0};
}

struct roster roster_of(const struct dual *pod, const struct ipaddr addrs[], size_t n_addrs)
{
	struct roster r = {.own = choose_own(pod, addrs, n_addrs)};

	if (r.own.family == 0)
		return r;
	r.peers = xcalloc(n_addrs, sizeof *r.peers);
	for (size_t i = 0; i < n_addrs; i++)
		if (is_peer(&addrs[i], &r.own))
			r.peers[r.n_peers++] = addrs[i];
	settle(&r);
	return r;
}

void roster_done(struct roster *r)
{
	free(r->peers);
	*r = (struct roster){0};
}

void roster_add_peer(struct roster *r, const struct ipaddr *addr)
{
	r->peers = xreallocarray(r->peers, r->n_peers + 1, sizeof *r->peers);
	r->peers[r->n_peers++] = *addr;
	settle(r);
}

bool roster_equal(const struct roster *a, const struct roster *b)
{
	return ipaddr_equal(&a->own, &b->own) &&
	       ipaddrs_equal(a->peers, a->n_peers, b->peers, b->n_peers);
}

bool roster_is_alone(const struct roster *r)
{
	return r->own.family != 0 && r->n_peers == 0;
}
