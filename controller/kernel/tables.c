/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/tables.h"

#include <linux/ip_vs.h>
#include <string.h>

#include "base/digest.h"

/* A value has three parts, so that the ways in which it differs can be told apart. */
enum { SERVERS_BITS = 24, ORDER_BITS = 20, CHECKS_BITS = 20 };
enum {
	FLAGS = IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_SCHED1 | IP_VS_SVC_F_SCHED2 |
		IP_VS_SVC_F_SCHED3,
};

static void add_number(uint64_t *digest, uint64_t n)
{
	unsigned char bytes[8];

	/* The same on machines of all kinds. */
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(n >> (8 * i));
	digest_add(digest, bytes, sizeof bytes);
}

static void add_address(uint64_t *digest, const struct ipaddr *addr)
{
	add_number(digest, addr->family == AF_INET6);
	digest_add(digest, addr->bytes, sizeof addr->bytes);
}

static uint64_t fold(uint64_t digest, unsigned bits)
{
	return (digest ^ digest >> 32) & ((UINT64_C(1) << bits) - 1);
}

uint64_t tables_key(const struct place *place)
{
	uint64_t digest = DIGEST_INIT;

	add_address(&digest, &place->vip);
	add_number(&digest, place->protocol);
	add_number(&digest, place->port);
	return digest;
}

static void add_settings(uint64_t *digest, const struct ipvs_service *s)
{
	add_number(digest, s->flags & FLAGS);
	add_number(digest, s->timeout);
	add_number(digest, s->netmask);
}

/* Not its weight. */
static void add_dest(uint64_t *digest, const struct ipvs_dest *dest)
{
	add_address(digest, &dest->addr);
	add_number(digest, dest->port);
	add_number(digest, dest->forward);
}

static bool is_down(const struct virtual_server *vs, const struct ipvs_dest *dest,
	const struct differ_rules *rules)
{
	const struct real_server *real =
		vs ? virtual_server_real(vs, &dest->addr, dest->port) : NULL;

	return real && real->weight > 0 && rules->is_down(rules->ud, vs, real);
}

struct sketch_entry tables_entry(const struct virtual_server *vs, const struct ipvs_service *held,
	const struct differ_rules *rules)
{
	const struct place at = ipvs_service_place(held);
	uint64_t servers = DIGEST_INIT, order = DIGEST_INIT, checks = DIGEST_INIT;

	add_settings(&servers, held);
	for (size_t i = 0; i < held->n_dests; i++) {
		const struct ipvs_dest *dest = &held->dests[i];
		bool down = is_down(vs, dest, rules);

		add_dest(&servers, dest);
		add_number(&servers, down ? 1 : dest->weight);
		add_number(&order, dest->position);
		if (down)
			add_dest(&checks, dest);
	}
	return (struct sketch_entry){tables_key(&at),
		fold(servers, SERVERS_BITS) << (ORDER_BITS + CHECKS_BITS) |
			fold(order, ORDER_BITS) << CHECKS_BITS | fold(checks, CHECKS_BITS)};
}

void tables_sketch(struct sketch *ret, const struct virtual_server *const servers[],
	size_t n_servers, const struct ipvs_table *table, const struct audit_ops *ops, void *ud)
{
	*ret = (struct sketch){0};
	for (size_t i = 0; i < table->n_services; i++) {
		const struct ipvs_service *held = &table->services[i];
		const struct place at = ipvs_service_place(held);
		const struct virtual_server *vs = virtual_server_find(servers, n_servers, &at);
		const struct differ_rules rules = ops->rules(ud, vs);
		struct sketch_entry entry;

		if (strcmp(held->scheduler, "mh") != 0)
			continue;
		entry = tables_entry(vs, held, &rules);
		sketch_toggle(ret, &entry);
	}
}

enum tables_kind tables_compare(uint64_t one, uint64_t other)
{
	uint64_t parts = one ^ other;

	if (parts >> (ORDER_BITS + CHECKS_BITS))
		return TABLES_SERVERS;
	return parts >> CHECKS_BITS ? TABLES_ORDER : TABLES_CHECKS;
}
