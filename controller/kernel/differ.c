/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/differ.h"

#include <linux/ip_vs.h>
#include <stdio.h>
#include <string.h>

enum {
	FLAGS = IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_ONEPACKET | IP_VS_SVC_F_SCHED1 |
		IP_VS_SVC_F_SCHED2 | IP_VS_SVC_F_SCHED3,
};

struct differ {
	struct ipvs_ops *ops;
	const struct virtual_server *vs;
	const struct ipvs_service *held;
	const struct differ_rules *rules;
	struct ipvs_service wanted;
	bool stranded; /* all that shall take connections waits */
};

static uint32_t flags_of(const struct virtual_server *vs)
{
	uint32_t flags = vs->persistence ? IP_VS_SVC_F_PERSISTENT : 0;

	if (vs->scheduler != SCHEDULER_MH && vs->scheduler != SCHEDULER_SH)
		return flags;
	/* mh-fallback and mh-port, sh-fallback and sh-port have the same bits. A client that stays
	 * with its real server stays at all load balancers if its port is none of the hash. */
	return flags | IP_VS_SVC_F_SCHED1 | (vs->persistence ? 0 : IP_VS_SVC_F_SCHED2);
}

static struct ipvs_service service_of(const struct virtual_server *vs)
{
	struct ipvs_service s = {
		.addr = vs->vip,
		.port = vs->port,
		.protocol = vs->protocol,
		.flags = flags_of(vs),
		.timeout = vs->persistence,
		.netmask = ipvs_netmask_all(vs->vip.family),
	};

	snprintf(s.scheduler, sizeof s.scheduler, "%s", scheduler_name(vs->scheduler));
	return s;
}

static bool settings_differ(const struct ipvs_service *a, const struct ipvs_service *b)
{
	return strcmp(a->scheduler, b->scheduler) != 0 ||
	       (a->flags & FLAGS) != (b->flags & FLAGS) || a->timeout != b->timeout ||
	       a->netmask != b->netmask;
}

static void set_forward(struct ipvs_dest *dest, const struct forward *f)
{
	dest->forward = f->method == FORWARD_TUNNEL ? IP_VS_CONN_F_TUNNEL : IP_VS_CONN_F_MASQ;
	dest->tunnel = f->encapsulation == ENCAPSULATION_GUE ? IP_VS_CONN_F_TUNNEL_TYPE_GUE
							     : IP_VS_CONN_F_TUNNEL_TYPE_IPIP;
	dest->tunnel_port = f->port;
}

static struct ipvs_dest dest_of(const struct real_server *real, uint32_t weight)
{
	struct ipvs_dest dest = {.addr = real->addr, .port = real->port, .weight = weight};

	set_forward(&dest, &real->forward);
	return dest;
}

static bool forwards_alike(const struct ipvs_dest *dest, const struct forward *f)
{
	struct ipvs_dest wanted = {0};

	set_forward(&wanted, f);
	return dest->forward == wanted.forward && dest->tunnel == wanted.tunnel &&
	       dest->tunnel_port == wanted.tunnel_port;
}

static bool may_turn(const struct real_server *real, const struct ipvs_dest *dest, bool may_add)
{
	return may_add || real->forward.method != FORWARD_TUNNEL ||
	       dest->forward == IP_VS_CONN_F_TUNNEL;
}

/* The one that is held, with another weight. */
static struct ipvs_dest dest_with(const struct ipvs_dest *dest, uint32_t weight)
{
	return (struct ipvs_dest){
		.addr = dest->addr,
		.port = dest->port,
		.weight = weight,
		.forward = dest->forward,
		.tunnel = dest->tunnel,
		.tunnel_port = dest->tunnel_port,
	};
}

static void add_dest(struct ipvs_ops *ops, const struct virtual_server *vs,
	const struct ipvs_service *s, const struct ipvs_dest *dest)
{
	bool has_slots = dest->weight == 0 && vs->scheduler == SCHEDULER_MH;
	const struct ipvs_dest first = dest_with(dest, has_slots ? 1 : dest->weight);

	ipvs_ops_add(ops, IPVS_ADD_DEST, s, &first);
	if (has_slots)
		ipvs_ops_add(ops, IPVS_EDIT_DEST, s, dest);
}

static uint32_t weight_of(const struct differ *d, const struct real_server *real)
{
	return d->rules->is_down(d->rules->ud, d->vs, real) ? 0 : real->weight;
}

static void add_real(const struct differ *d, const struct real_server *real)
{
	const struct ipvs_dest dest = dest_of(real, weight_of(d, real));

	add_dest(d->ops, d->vs, &d->wanted, &dest);
}

/* A new service; it takes no connection before it has its scheduler. */
static void fill(const struct differ *d)
{
	struct ipvs_service empty = d->wanted;

	snprintf(empty.scheduler, sizeof empty.scheduler, "none");
	empty.flags = 0;
	ipvs_ops_add(d->ops, IPVS_ADD_SERVICE, &empty, NULL);
	for (size_t i = 0; i < d->vs->n_reals; i++)
		add_real(d, &d->vs->reals[i]);
	ipvs_ops_add(d->ops, IPVS_EDIT_SERVICE, &d->wanted, NULL);
}

typedef void visit(
	const struct differ *d, const struct real_server *real, const struct ipvs_dest *dest);

static int dest_cmp(const struct real_server *real, const struct ipvs_dest *dest)
{
	int order = ipaddr_cmp(&real->addr, &dest->addr);

	return order ? order : (real->port > dest->port) - (real->port < dest->port);
}

/* Calls `fn` for each real server that is wanted or held, with NULL for the side it is not on. */
static void each(const struct differ *d, visit *fn)
{
	const struct virtual_server *vs = d->vs;
	const struct ipvs_service *held = d->held;
	size_t i = 0, j = 0;

	while (i < vs->n_reals || j < held->n_dests) {
		int order = i == vs->n_reals     ? 1
			    : j == held->n_dests ? -1
						 : dest_cmp(&vs->reals[i], &held->dests[j]);

		fn(d, order <= 0 ? &vs->reals[i] : NULL, order >= 0 ? &held->dests[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

static void edit_dest(const struct differ *d, const struct real_server *real,
	const struct ipvs_dest *dest, uint32_t weight)
{
	const struct ipvs_dest new = may_turn(real, dest, d->rules->may_add)
					     ? dest_of(real, weight)
					     : dest_with(dest, weight);

	ipvs_ops_add(d->ops, IPVS_EDIT_DEST, &d->wanted, &new);
}

static void raise_one(
	const struct differ *d, const struct real_server *real, const struct ipvs_dest *dest)
{
	uint32_t weight = real ? weight_of(d, real) : 0;

	if (!real)
		return;
	if (!dest && d->rules->evicted && real->weight > 0 && weight == 0)
		return;
	if (!dest)
		add_real(d, real);
	else if (weight > dest->weight)
		edit_dest(d, real, dest, weight);
}

static void lower_one(
	const struct differ *d, const struct real_server *real, const struct ipvs_dest *dest)
{
	uint32_t weight = real ? weight_of(d, real) : 0;

	if (!real || !dest)
		return;
	if (d->stranded && real->weight == 0 && !d->rules->is_down(d->rules->ud, d->vs, real))
		return;
	if (weight < dest->weight ||
		(weight == dest->weight && !forwards_alike(dest, &real->forward) &&
			may_turn(real, dest, d->rules->may_add)))
		edit_dest(d, real, dest, weight);
}

static bool is_stray(
	const struct differ *d, const struct real_server *real, const struct ipvs_dest *dest)
{
	return !real && dest && !d->rules->is_spare(d->rules->ud, d->vs, dest);
}

static void remove_unused(
	const struct differ *d, const struct real_server *real, const struct ipvs_dest *dest)
{
	if (is_stray(d, real, dest) && dest->weight == 0)
		ipvs_ops_add(d->ops, IPVS_REMOVE_DEST, &d->wanted, dest);
}

static void remove_used(
	const struct differ *d, const struct real_server *real, const struct ipvs_dest *dest)
{
	if (is_stray(d, real, dest) && dest->weight > 0)
		ipvs_ops_add(d->ops, IPVS_REMOVE_DEST, &d->wanted, dest);
}

static const struct ipvs_dest *held_dest(
	const struct ipvs_service *held, const struct real_server *real)
{
	return ipvs_service_find(held, &real->addr, real->port);
}

/* Whether connections would have nowhere to go until more may be added. */
static bool is_stranded(const struct differ *d)
{
	bool waits = false;

	if (d->rules->may_add || d->rules->taken_over)
		return false;
	for (size_t i = 0; i < d->vs->n_reals; i++) {
		const struct ipvs_dest *dest = held_dest(d->held, &d->vs->reals[i]);

		if (weight_of(d, &d->vs->reals[i]) == 0)
			continue;
		if (dest && dest->weight > 0)
			return false;
		waits = true;
	}
	return waits;
}

void differ_build(struct ipvs_ops *ops, const struct virtual_server *vs,
	const struct ipvs_service *held, const struct differ_rules *rules)
{
	struct differ d = {.ops = ops, .vs = vs, .held = held, .rules = rules};

	if (vs)
		d.wanted = service_of(vs);
	if (vs && !held && rules->may_add)
		fill(&d);
	else if (!vs && held)
		ipvs_ops_add(ops, IPVS_REMOVE_SERVICE, held, NULL);
	if (!vs || !held)
		return;
	d.stranded = is_stranded(&d);
	if (settings_differ(&d.wanted, held))
		ipvs_ops_add(ops, IPVS_EDIT_SERVICE, &d.wanted, NULL);
	if (rules->may_add)
		each(&d, raise_one);
	each(&d, lower_one);
	each(&d, remove_unused);
	if (!d.stranded)
		each(&d, remove_used);
}

static bool is_usable(const struct ipvs_service *held)
{
	for (size_t i = 0; i < held->n_dests; i++)
		if (held->dests[i].weight > 0)
			return true;
	return false;
}

static void evict_one(
	const struct differ *d, const struct real_server *real, const struct ipvs_dest *dest)
{
	if (real && dest && real->weight > 0 && dest->weight == 0 && weight_of(d, real) == 0 &&
		dest->active_conns + dest->inactive_conns > 0)
		ipvs_ops_add(d->ops, IPVS_REMOVE_DEST, &d->wanted, dest);
}

void differ_evict(struct ipvs_ops *ops, const struct virtual_server *vs,
	const struct ipvs_service *held, const struct differ_rules *rules)
{
	const struct differ d = {ops, vs, held, rules, service_of(vs), false};

	if (vs->protocol == IPPROTO_UDP && is_usable(held))
		each(&d, evict_one);
}

/* How many, in the order of addresses, are in the kernel's list the other way round. */
static size_t in_place(const struct virtual_server *vs, const struct ipvs_service *held)
{
	uint32_t position = UINT32_MAX;

	for (size_t i = 0; i < vs->n_reals; i++) {
		const struct ipvs_dest *dest = held_dest(held, &vs->reals[i]);

		if (!dest || dest->position >= position)
			return i;
		position = dest->position;
	}
	return vs->n_reals;
}

void differ_reorder(
	struct ipvs_ops *ops, const struct virtual_server *vs, const struct ipvs_service *held)
{
	struct ipvs_service s = service_of(vs);

	if (vs->scheduler != SCHEDULER_MH)
		return;
	for (size_t i = in_place(vs, held); i < vs->n_reals; i++) {
		const struct ipvs_dest *dest = held_dest(held, &vs->reals[i]);

		if (!dest)
			continue;
		ipvs_ops_add(ops, IPVS_REMOVE_DEST, &s, dest);
		add_dest(ops, vs, &s, dest);
	}
}
