/* SPDX-License-Identifier: Apache-2.0 */
#include "address/holders.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sorted.h"
#include "base/str.h"
#include "values/place.h"

struct holding {
	struct ipaddr addr;
	const struct service **holders; /* by seniority */
	size_t n_holders;
	const struct service
		*sharer; /* of the holders, one that has a key; NULL: it is not shared */
	UT_hash_handle hh;
};

/* A port of a shared address. */
struct held_port {
	struct place place;
	const struct service *holder;
	UT_hash_handle hh;
};

/* What Services of one namespace with one key share. */
struct group {
	struct objname id; /* the key in place of a name */
	struct ipaddr *addrs;
	size_t n_addrs;
	UT_hash_handle hh;
};

struct holders {
	struct holding *holdings;
	struct held_port *ports;
	struct group *groups;
};

struct holders *holders_new(void)
{
	return xnew0(struct holders);
}

static struct holding *find_holding(const struct holders *h, const struct ipaddr *addr)
{
	struct holding *holding;

	HASH_FIND(hh, h->holdings, addr, sizeof *addr, holding);
	return holding;
}

static void remove_holding(struct holders *h, struct holding *holding)
{
	HASH_DEL(h->holdings, holding);
	free(holding->holders);
	free(holding);
}

static struct held_port *find_port(const struct holders *h, const struct place *place)
{
	struct held_port *port;

	HASH_FIND(hh, h->ports, place, sizeof *place, port);
	return port;
}

static void remove_port(struct holders *h, struct held_port *port)
{
	HASH_DEL(h->ports, port);
	free(port);
}

static struct group *find_group(const struct holders *h, const struct service *s)
{
	struct objname id;
	struct group *group;

	objname_init(&id, s->id.ns, s->wish.share);
	HASH_FIND(hh, h->groups, id.ns, id.len, group);
	objname_done(&id);
	return group;
}

static void remove_group(struct holders *h, struct group *group)
{
	HASH_DEL(h->groups, group);
	objname_done(&group->id);
	free(group->addrs);
	free(group);
}

struct holders *holders_free(struct holders *h)
{
	if (!h)
		return NULL;
	while (h->holdings)
		remove_holding(h, h->holdings);
	while (h->ports)
		remove_port(h, h->ports);
	while (h->groups)
		remove_group(h, h->groups);
	free(h);
	return NULL;
}

bool holders_is_free(const struct holders *h, const struct ipaddr *addr)
{
	return !find_holding(h, addr);
}

bool holders_is_alone(const struct holders *h, const struct ipaddr *addr)
{
	return find_holding(h, addr)->n_holders == 1;
}

static struct place place_of(const struct ipaddr *addr, const struct service_port *port)
{
	return (struct place){*addr, port->protocol, port->port};
}

static int cmp_holder(const void *key, const void *item)
{
	const struct service *const *s = item;

	return service_cmp_seniority(key, *s);
}

/* Where it is among the holders, or would be. */
static size_t place_among(const struct holding *holding, const struct service *s)
{
	return sorted_place(
		s, holding->holders, holding->n_holders, sizeof(struct service *), cmp_holder);
}

static void add_holder(struct holding *holding, const struct service *s)
{
	size_t i = place_among(holding, s);

	holding->holders =
		xreallocarray(holding->holders, holding->n_holders + 1, sizeof(struct service *));
	memmove(holding->holders + i + 1, holding->holders + i,
		(holding->n_holders - i) * sizeof(struct service *));
	holding->holders[i] = s;
	holding->n_holders++;
}

static void remove_holder(struct holding *holding, const struct service *s)
{
	size_t i = place_among(holding, s);

	holding->n_holders--;
	memmove(holding->holders + i, holding->holders + i + 1,
		(holding->n_holders - i) * sizeof(struct service *));
}

static bool may_share(const struct service *a, const struct service *b)
{
	return a->wish.share && b->wish.share && strcmp(a->wish.share, b->wish.share) == 0 &&
	       strcmp(a->id.ns, b->id.ns) == 0;
}

struct obstacle holders_obstacle(
	const struct holders *h, const struct ipaddr *addr, const struct service *s)
{
	const struct holding *holding = find_holding(h, addr);

	if (!holding)
		return (struct obstacle){0};
	if (!holding->sharer || !may_share(holding->sharer, s))
		return (struct obstacle){.holder = holding->holders[0]};
	for (size_t i = 0; i < s->n_ports; i++) {
		struct place place = place_of(addr, &s->ports[i]);
		const struct held_port *port = find_port(h, &place);

		if (port)
			return (struct obstacle){port->holder, &s->ports[i]};
	}
	return (struct obstacle){0};
}

static void add_to_group(struct holders *h, const struct holding *holding)
{
	const struct service *s = holding->sharer;
	struct group *group = find_group(h, s);
	size_t i;

	if (!group) {
		group = xnew0(struct group);
		objname_init(&group->id, s->id.ns, s->wish.share);
		HASH_ADD_KEYPTR(hh, h->groups, group->id.ns, group->id.len, group);
	}
	i = group->n_addrs;
	group->addrs = xreallocarray(group->addrs, group->n_addrs + 1, sizeof *group->addrs);
	while (i > 0 && ipaddr_cmp(&group->addrs[i - 1], &holding->addr) > 0)
		i--;
	memmove(group->addrs + i + 1, group->addrs + i,
		(group->n_addrs - i) * sizeof *group->addrs);
	group->addrs[i] = holding->addr;
	group->n_addrs++;
}

static void remove_from_group(
	struct holders *h, const struct holding *holding, const struct service *s)
{
	struct group *group = find_group(h, s);
	size_t i = 0;

	while (!ipaddr_equal(&group->addrs[i], &holding->addr))
		i++;
	group->n_addrs--;
	memmove(group->addrs + i, group->addrs + i + 1,
		(group->n_addrs - i) * sizeof *group->addrs);
	if (group->n_addrs == 0)
		remove_group(h, group);
}

/* Those that another holder has not. */
static void add_ports(struct holders *h, const struct ipaddr *addr, const struct service *s)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		struct place place = place_of(addr, &s->ports[i]);
		struct held_port *port;

		if (find_port(h, &place))
			continue;
		port = xnew0(struct held_port);
		port->place = place;
		port->holder = s;
		HASH_ADD(hh, h->ports, place, sizeof port->place, port);
	}
}

void holders_take(struct holders *h, const struct ipaddr *addr, const struct service *s)
{
	struct holding *holding = find_holding(h, addr);

	if (!holding) {
		holding = xnew0(struct holding);
		holding->addr = *addr;
		HASH_ADD(hh, h->holdings, addr, sizeof holding->addr, holding);
	}
	add_holder(holding, s);
	if (s->wish.share && !holding->sharer) {
		holding->sharer = s;
		add_to_group(h, holding);
	}
	if (holding->sharer)
		add_ports(h, addr, s);
}

bool holders_is_unread(const struct service *s)
{
	return s->reason && s->wish.n_wanted == 0;
}

static bool may_stay(const struct holders *h, const struct ipaddr *addr, const struct service *s)
{
	const struct holding *holding = find_holding(h, addr);

	if (!holding || !holders_is_unread(s))
		return !holders_obstacle(h, addr, s).holder;
	return (holding->sharer || holders_is_unread(holding->holders[0])) &&
	       strcmp(holding->holders[0]->id.ns, s->id.ns) == 0;
}

bool holders_keep(struct holders *h, const struct ipaddr *addr, const struct service *s)
{
	if (!may_stay(h, addr, s))
		return false;
	holders_take(h, addr, s);
	return true;
}

static void remove_ports(struct holders *h, const struct ipaddr *addr, const struct service *s)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		struct place place = place_of(addr, &s->ports[i]);
		struct held_port *port = find_port(h, &place);

		if (port && port->holder == s)
			remove_port(h, port);
	}
}

static const struct service *find_sharer(const struct holding *holding)
{
	for (size_t i = 0; i < holding->n_holders; i++)
		if (holding->holders[i]->wish.share)
			return holding->holders[i];
	return NULL;
}

void holders_release(struct holders *h, const struct ipaddr *addr, const struct service *s)
{
	struct holding *holding = find_holding(h, addr);

	remove_ports(h, addr, s);
	remove_holder(holding, s);
	if (holding->sharer == s) {
		holding->sharer = find_sharer(holding);
		if (!holding->sharer)
			remove_from_group(h, holding, s);
	}
	if (holding->n_holders == 0)
		remove_holding(h, holding);
}

const struct ipaddr *holders_shared(size_t *ret_n, const struct holders *h, const struct service *s)
{
	const struct group *group = s->wish.share ? find_group(h, s) : NULL;

	*ret_n = group ? group->n_addrs : 0;
	return group ? group->addrs : NULL;
}

bool holders_alike(const struct service *a, const struct service *b)
{
	if (a->created != b->created || holders_is_unread(a) != holders_is_unread(b) ||
		!str_equal(a->wish.share, b->wish.share) || a->n_ports != b->n_ports)
		return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (a->ports[i].protocol != b->ports[i].protocol ||
			a->ports[i].port != b->ports[i].port)
			return false;
	return true;
}
