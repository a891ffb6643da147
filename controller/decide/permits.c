/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/permits.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/sorted.h"
#include "objects/objects.h"

static int by_address(const void *a, const void *b)
{
	const struct keep_out *one = a, *other = b;

	return ipaddr_cmp(&one->addr, &other->addr);
}

static void add_servers(struct permits *p, const struct slice *slice)
{
	p->keep_out = xreallocarray(
		p->keep_out, p->n_keep_out + slice->n_endpoints + 1, sizeof *p->keep_out);
	for (size_t i = 0; i < slice->n_endpoints; i++)
		p->keep_out[p->n_keep_out++] =
			(struct keep_out){slice->endpoints[i].addr, "the API server"};
}

/* Ours are among rules->keep_out. All load balancers of a fleet leave out the same. */
static void add_other_peers(struct permits *p)
{
	for (size_t i = 0; i < p->rules->n_other_peers; i++)
		p->keep_out[p->n_keep_out++] =
			(struct keep_out){p->rules->other_peers[i].address, "a BGP peer"};
}

static void add_places(struct permits *p, const struct store *store)
{
	const struct fleet_rules *rules = p->rules;

	p->keep_out = xcalloc(rules->n_keep_out + rules->n_other_peers, sizeof *p->keep_out);
	for (size_t i = 0; i < rules->n_keep_out; i++)
		p->keep_out[p->n_keep_out++] = rules->keep_out[i];
	add_other_peers(p);
	for (const struct slice *one = store_api_server(store); one; one = one->next)
		add_servers(p, one);
	qsort(p->keep_out, p->n_keep_out, sizeof *p->keep_out, by_address);
}

static void add_allowed(struct permits *p)
{
	const struct fleet_rules *rules = p->rules;

	p->allowed = xcalloc(rules->n_endpoints, sizeof *p->allowed);
	for (size_t i = 0; i < rules->n_endpoints; i++)
		p->allowed[i] = rules->endpoints[i];
	p->n_allowed = ipnets_settle(p->allowed, rules->n_endpoints);
}

void permits_init(struct permits *ret, const struct fleet_rules *rules, const struct pools *pools,
	const struct store *store)
{
	*ret = (struct permits){.rules = rules, .pools = pools};
	add_places(ret, store);
	add_allowed(ret);
}

void permits_done(struct permits *p)
{
	free(p->keep_out);
	free(p->allowed);
	*p = (struct permits){0};
}

static int cmp_start(const void *addr, const void *item)
{
	const struct ipnet *net = item;

	return ipaddr_cmp(addr, &net->addr) < 0 ? -1 : 1;
}

/* None is inside another: only the last one that does not begin after the address can have it. */
static bool is_allowed(const struct permits *p, const struct ipaddr *addr)
{
	size_t i = sorted_place(addr, p->allowed, p->n_allowed, sizeof *p->allowed, cmp_start);

	return i > 0 && ipnet_contains(&p->allowed[i - 1], addr);
}

static bool is_aggregated(const struct fleet_rules *rules, const struct ipaddr *addr)
{
	for (size_t i = 0; i < rules->n_aggregates; i++)
		if (ipnet_contains(&rules->aggregates[i], addr))
			return true;
	return false;
}

static const char *refuse_address(const struct permits *p, const struct ipaddr *addr)
{
	const struct keep_out key = {*addr, NULL}, *found = NULL;

	if (p->n_keep_out)
		found = bsearch(&key, p->keep_out, p->n_keep_out, sizeof key, by_address);
	if (found)
		return found->what;
	if (pools_of(p->pools, addr))
		return "in a pool of VIPs";
	if (is_aggregated(p->rules, addr))
		return "in bgp.aggregates";
	if (p->rules->n_endpoints && !is_allowed(p, addr))
		return "not in endpoints.allow";
	return NULL;
}

const char *permits_refuse(const struct permits *p, const struct service *service,
	const struct slice *slice, const struct ipaddr *addr)
{
	if (p->rules->only_pods && !(service->has_selector && slice->is_of_controller))
		return "not found by its selector (endpoints.onlyPods)";
	return refuse_address(p, addr);
}
