/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/agents.h"

#include <string.h>

#include "base/hash.h"
#include "lead/heard.h"
#include "lead/lease_addresses.h"

struct agent {
	UT_hash_handle hh;
	char *uid, *version, *node;
	uint64_t renewed; /* on the agents' clock */
	uint64_t duration;
	struct lease_addresses own; /* the node's */
	unsigned kinds;             /* of tunnels, that it takes as it says */
	bool lives;                 /* its Lease is not void */
	bool confirmed;             /* it was seen to renew it, not only to have it */
	bool kept; /* it is void, and counts all the same: most were silent with it */
	char lease[];
};

struct agents {
	struct agent *all;
	struct heard heard;
	uint64_t soonest; /* nobody who lives can be dead before that */
	bool silent;      /* most are silent together, as of the last agents_nodes */
};

struct agents *agents_new(void)
{
	return xnew0(struct agents);
}

static void agent_free(struct agents *all, struct agent *a)
{
	HASH_DEL(all->all, a);
	free(a->uid);
	free(a->version);
	free(a->node);
	lease_addresses_done(&a->own);
	free(a);
}

struct agents *agents_free(struct agents *all)
{
	struct agent *a, *next;

	if (!all)
		return NULL;
	HASH_ITER(hh, all->all, a, next)
		agent_free(all, a);
	free(all);
	return NULL;
}

static struct agent *find(const struct agents *all, const char *lease)
{
	struct agent *a;

	HASH_FIND_STR(all->all, lease, a);
	return a;
}

static struct agent *find_or_add(struct agents *all, const char *lease)
{
	size_t len = strlen(lease);
	struct agent *a = find(all, lease);

	if (a)
		return a;
	a = xcalloc(1, sizeof *a + len + 1);
	memcpy(a->lease, lease, len);
	xreplace(&a->version, "");
	xreplace(&a->node, "");
	HASH_ADD_KEYPTR(hh, all->all, a->lease, len, a);
	return a;
}

/* There may be thousands, of whom somebody is heard all the time. */
static bool bury(struct agents *all)
{
	bool changed = false;

	if (all->heard.clock < all->soonest)
		return false;
	all->soonest = UINT64_MAX;
	for (struct agent *a = all->all; a; a = a->hh.next) {
		uint64_t until = a->renewed + a->duration;

		if (!a->lives)
			continue;
		if (all->heard.clock >= until) {
			a->lives = a->confirmed = false;
			changed = true;
		} else if (until < all->soonest) {
			all->soonest = until;
		}
	}
	return changed;
}

/* True: it says something else, or is known otherwise. */
static bool renew(struct agent *a, const struct lease *l, uint64_t clock, struct err *e)
{
	unsigned kinds = tunnel_kinds_parse(l->tunnels, ' ');
	bool confirmed = *a->version != '\0';
	bool changed = !a->lives || kinds != a->kinds || confirmed != a->confirmed ||
		       strcmp(a->node, l->node) != 0;

	if (lease_addresses_set(&a->own, l->node_ips, e))
		changed = true;
	if (e->code)
		err_wrap(e, "annotation %s", LEASE_NODE_IPS);
	a->kinds = kinds;
	a->confirmed = confirmed;
	a->lives = true;
	a->kept = false;
	a->renewed = clock;
	a->duration = l->duration ? l->duration : AGENTS_DURATION;
	xreplace(&a->uid, l->uid);
	xreplace(&a->version, l->resource_version);
	xreplace(&a->node, l->node);
	return changed;
}

bool agents_seen(
	struct agents *all, const char *lease, const struct lease *l, uint64_t now, struct err *e)
{
	struct agent *a;
	bool changed = false;

	heard_now(&all->heard, now);
	a = find_or_add(all, lease);
	/* The same version again is no renewal: it was listed again. */
	if (strcmp(a->version, l->resource_version) != 0) {
		changed = renew(a, l, all->heard.clock, e);
		if (a->renewed + a->duration < all->soonest)
			all->soonest = a->renewed + a->duration;
	}
	return bury(all) || changed;
}

bool agents_gone(struct agents *all, const char *lease, uint64_t now)
{
	struct agent *a = find(all, lease);

	heard_now(&all->heard, now);
	if (a)
		agent_free(all, a);
	return bury(all) || a;
}

bool agents_heard(struct agents *all, uint64_t now)
{
	heard_now(&all->heard, now);
	return bury(all);
}

static bool is_node(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.")];
}

static bool is_published(const struct agent *a, const struct tunnel_set *published)
{
	return a->kinds && tunnel_set_kinds(published, a->node);
}

/*
 * Agents renew their Leases at different times: when the first one is void, the others have been
 * silent for more than half of theirs.
 */
static bool are_silent_together(const struct agents *all, const struct tunnel_set *published)
{
	size_t n = 0;

	for (const struct agent *a = all->all; a; a = a->hh.next)
		n += all->heard.clock >= a->renewed + a->duration / 2 && is_published(a, published);
	return n >= AGENTS_TOGETHER && n > published->nodes.n_items / 2;
}

static bool counts(const struct agent *a, const struct tunnel_set *published)
{
	if (a->kept)
		return true;
	return a->kinds && a->lives && is_node(a->node) &&
	       (a->confirmed || tunnel_set_kinds(published, a->node));
}

void agents_nodes(struct tunnel_set *ret, struct agents_left *ret_left, struct agents *all,
	const struct tunnel_set *published, size_t max)
{
	CLEANUP_FREE struct tunnel_node *nodes = xcalloc(HASH_COUNT(all->all), sizeof *nodes);
	size_t n = 0, n_silent = 0;

	all->silent = are_silent_together(all, published);
	for (struct agent *a = all->all; a; a = a->hh.next) {
		a->kept = !a->lives && is_published(a, published) && (a->kept || all->silent);
		if (!counts(a, published))
			continue;
		nodes[n++] = (struct tunnel_node){a->node, a->kinds, a->own.items, a->own.n_items};
		n_silent += a->kept;
	}
	*ret_left = (struct agents_left){tunnel_set_fit(ret, nodes, n, max), n_silent};
}

static uint64_t garbage_after(const struct agents *all, const struct agent *a)
{
	return a->renewed + a->duration + (a->kept && all->silent ? AGENTS_KEPT : AGENTS_GARBAGE);
}

bool agents_garbage(const struct agents *all, struct agents_garbage *ret)
{
	for (const struct agent *a = all->all; a; a = a->hh.next) {
		if (a->lives || all->heard.clock < garbage_after(all, a))
			continue;
		*ret = (struct agents_garbage){a->lease, a->uid, a->version};
		return true;
	}
	return false;
}
