/* SPDX-License-Identifier: Apache-2.0 */
#include "address/holders.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/place.h"

struct lease {
	struct ipaddr addr;
	const struct service **holders;
	size_t n_holders;
	const struct service
		*sharer; /* of the holders, one that has a key; NULL: it is not shared */
	UT_hash_handle hh;
};

/* A port of a shared address. */
struct port_lease {
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

struct leases {
	struct lease *leases;
	struct port_lease *ports;
	struct group *groups;
};

struct leases *leases_new(void)
{
	return xnew0(struct leases);
}

static struct lease *find_lease(const struct leases *l, const struct ipaddr *addr)
{
	struct lease *lease;

	HASH_FIND(hh, l->leases, addr, sizeof *addr, lease);
	return lease;
}

static void remove_lease(struct leases *l, struct lease *lease)
{
	HASH_DEL(l->leases, lease);
	free(lease->holders);
	free(lease);
}

static struct port_lease *find_port(const struct leases *l, const struct place *place)
{
	struct port_lease *port;

	HASH_FIND(hh, l->ports, place, sizeof *place, port);
	return port;
}

static void remove_port(struct leases *l, struct port_lease *port)
{
	HASH_DEL(l->ports, port);
	free(port);
}

static struct group *find_group(const struct leases *l, const struct service *s)
{
	struct objname id;
	struct group *group;

	objname_init(&id, s->id.ns, s->wish.share);
	HASH_FIND(hh, l->groups, id.ns, id.len, group);
	objname_done(&id);
	return group;
}

static void remove_group(struct leases *l, struct group *group)
{
	HASH_DEL(l->groups, group);
	objname_done(&group->id);
	free(group->addrs);
	free(group);
}

struct leases *leases_free(struct leases *l)
{
	if (!l)
		return NULL;
	while (l->leases)
		remove_lease(l, l->leases);
	while (l->ports)
		remove_port(l, l->ports);
	while (l->groups)
		remove_group(l, l->groups);
	free(l);
	return NULL;
}

bool leases_is_free(const struct leases *l, const struct ipaddr *addr)
{
	return !find_lease(l, addr);
}

static struct place place_of(const struct ipaddr *addr, const struct service_port *port)
{
	return (struct place){*addr, port->protocol, port->port};
}

static const struct service *eldest(const struct lease *lease)
{
	const struct service *first = lease->holders[0];

	for (size_t i = 1; i < lease->n_holders; i++)
		if (service_cmp_seniority(lease->holders[i], first) < 0)
			first = lease->holders[i];
	return first;
}

static bool may_share(const struct service *a, const struct service *b)
{
	return a->wish.share && b->wish.share && strcmp(a->wish.share, b->wish.share) == 0 &&
	       strcmp(a->id.ns, b->id.ns) == 0;
}

struct obstacle leases_obstacle(
	const struct leases *l, const struct ipaddr *addr, const struct service *s)
{
	const struct lease *lease = find_lease(l, addr);

	if (!lease)
		return (struct obstacle){0};
	if (!lease->sharer || !may_share(lease->sharer, s))
		return (struct obstacle){.holder = eldest(lease)};
	for (size_t i = 0; i < s->n_ports; i++) {
		struct place place = place_of(addr, &s->ports[i]);
		const struct port_lease *port = find_port(l, &place);

		if (port)
			return (struct obstacle){port->holder, &s->ports[i]};
	}
	return (struct obstacle){0};
}

static void add_to_group(struct leases *l, const struct lease *lease)
{
	const struct service *s = lease->sharer;
	struct group *group = find_group(l, s);

	if (!group) {
		group = xnew0(struct group);
		objname_init(&group->id, s->id.ns, s->wish.share);
		HASH_ADD_KEYPTR(hh, l->groups, group->id.ns, group->id.len, group);
	}
	group->addrs = xreallocarray(group->addrs, group->n_addrs + 1, sizeof *group->addrs);
	group->addrs[group->n_addrs++] = lease->addr;
}

static void remove_from_group(struct leases *l, const struct lease *lease, const struct service *s)
{
	struct group *group = find_group(l, s);

	for (size_t i = 0; i < group->n_addrs; i++)
		if (ipaddr_equal(&group->addrs[i], &lease->addr)) {
			group->addrs[i] = group->addrs[--group->n_addrs];
			break;
		}
	if (group->n_addrs == 0)
		remove_group(l, group);
}

/* Those that another holder has not. */
static void add_ports(struct leases *l, const struct ipaddr *addr, const struct service *s)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		struct place place = place_of(addr, &s->ports[i]);
		struct port_lease *port;

		if (find_port(l, &place))
			continue;
		port = xnew0(struct port_lease);
		port->place = place;
		port->holder = s;
		HASH_ADD(hh, l->ports, place, sizeof port->place, port);
	}
}

void leases_take(struct leases *l, const struct ipaddr *addr, const struct service *s)
{
	struct lease *lease = find_lease(l, addr);

	if (!lease) {
		lease = xnew0(struct lease);
		lease->addr = *addr;
		HASH_ADD(hh, l->leases, addr, sizeof lease->addr, lease);
	}
	lease->holders =
		xreallocarray(lease->holders, lease->n_holders + 1, sizeof(struct service *));
	lease->holders[lease->n_holders++] = s;
	if (s->wish.share && !lease->sharer) {
		lease->sharer = s;
		add_to_group(l, lease);
	}
	if (lease->sharer)
		add_ports(l, addr, s);
}

bool leases_is_unread(const struct service *s)
{
	return s->reason && s->wish.n_wanted == 0;
}

static bool may_stay(const struct leases *l, const struct ipaddr *addr, const struct service *s)
{
	const struct lease *lease = find_lease(l, addr);

	if (!lease || !leases_is_unread(s))
		return !leases_obstacle(l, addr, s).holder;
	return (lease->sharer || leases_is_unread(lease->holders[0])) &&
	       strcmp(lease->holders[0]->id.ns, s->id.ns) == 0;
}

bool leases_keep(struct leases *l, const struct ipaddr *addr, const struct service *s)
{
	if (!may_stay(l, addr, s))
		return false;
	leases_take(l, addr, s);
	return true;
}

static void remove_ports(struct leases *l, const struct ipaddr *addr, const struct service *s)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		struct place place = place_of(addr, &s->ports[i]);
		struct port_lease *port = find_port(l, &place);

		if (port && port->holder == s)
			remove_port(l, port);
	}
}

static const struct service *find_sharer(const struct lease *lease)
{
	for (size_t i = 0; i < lease->n_holders; i++)
		if (lease->holders[i]->wish.share)
			return lease->holders[i];
	return NULL;
}

void leases_release(struct leases *l, const struct ipaddr *addr, const struct service *s)
{
	struct lease *lease = find_lease(l, addr);

	remove_ports(l, addr, s);
	for (size_t i = 0; i < lease->n_holders; i++)
		if (lease->holders[i] == s) {
			lease->holders[i] = lease->holders[--lease->n_holders];
			break;
		}
	if (lease->sharer == s) {
		lease->sharer = find_sharer(lease);
		if (!lease->sharer)
			remove_from_group(l, lease, s);
	}
	if (lease->n_holders == 0)
		remove_lease(l, lease);
}

const struct ipaddr *leases_shared(size_t *ret_n, const struct leases *l, const struct service *s)
{
	const struct group *group = s->wish.share ? find_group(l, s) : NULL;

	*ret_n = group ? group->n_addrs : 0;
	return group ? group->addrs : NULL;
}
