/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ipvs_table.h"

#include <string.h>

#include "base/mem.h"

/* Room for one more: arrays double from 8 on, so their lengths tell when they are full. */
static void *grow(void *items, size_t n, size_t size)
{
	enum { FIRST = 8 };

	if (n == 0)
		return xreallocarray(items, FIRST, size);
	if (n < FIRST || (n & (n - 1)) != 0)
		return items;
	return xreallocarray(items, 2 * n, size);
}

static int cmp_num(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int service_cmp(const void *pa, const void *pb)
{
	const struct ipvs_service *a = pa, *b = pb;
	int c = ipaddr_cmp(&a->addr, &b->addr);

	if (c == 0)
		c = cmp_num(a->protocol, b->protocol);
	return c ? c : cmp_num(a->port, b->port);
}

static int dest_cmp(const void *pa, const void *pb)
{
	const struct ipvs_dest *a = pa, *b = pb;
	int c = ipaddr_cmp(&a->addr, &b->addr);

	return c ? c : cmp_num(a->port, b->port);
}

struct ipvs_table *ipvs_table_new(void)
{
	return xnew0(struct ipvs_table);
}

struct ipvs_table *ipvs_table_free(struct ipvs_table *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n_services; i++)
		free(t->services[i].dests);
	free(t->services);
	free(t);
	return NULL;
}

void ipvs_table_add(struct ipvs_table *t, const struct ipvs_service *s)
{
	t->services = grow(t->services, t->n_services, sizeof *s);
	t->services[t->n_services++] = *s;
}

void ipvs_service_add(struct ipvs_service *s, const struct ipvs_dest *d)
{
	s->dests = grow(s->dests, s->n_dests, sizeof *d);
	s->dests[s->n_dests] = *d;
	s->dests[s->n_dests].position = (uint32_t)s->n_dests;
	s->n_dests++;
}

void ipvs_table_sort(struct ipvs_table *t)
{
	size_t n = 0;

	if (t->n_services == 0)
		return;
	qsort(t->services, t->n_services, sizeof *t->services, service_cmp);
	for (size_t i = 1; i < t->n_services; i++)
		if (service_cmp(&t->services[n], &t->services[i]) != 0)
			t->services[++n] = t->services[i];
		else
			free(t->services[i].dests);
	t->n_services = n + 1;
}

void ipvs_service_sort(struct ipvs_service *s)
{
	size_t n = 0;

	if (s->n_dests == 0)
		return;
	qsort(s->dests, s->n_dests, sizeof *s->dests, dest_cmp);
	for (size_t i = 1; i < s->n_dests; i++)
		if (dest_cmp(&s->dests[n], &s->dests[i]) != 0)
			s->dests[++n] = s->dests[i];
	s->n_dests = n + 1;
}

struct place ipvs_service_place(const struct ipvs_service *s)
{
	return (struct place){.vip = s->addr, .protocol = s->protocol, .port = s->port};
}

uint32_t ipvs_netmask_all(int family)
{
	return family == AF_INET ? UINT32_MAX : 128;
}

const struct ipvs_service *ipvs_table_find(
	const struct ipvs_table *t, const struct ipaddr *addr, uint16_t protocol, uint16_t port)
{
	const struct ipvs_service key = {.addr = *addr, .protocol = protocol, .port = port};

	if (t->n_services == 0)
		return NULL;
	return bsearch(&key, t->services, t->n_services, sizeof key, service_cmp);
}

const struct ipvs_dest *ipvs_service_find(
	const struct ipvs_service *s, const struct ipaddr *addr, uint16_t port)
{
	const struct ipvs_dest key = {.addr = *addr, .port = port};

	if (s->n_dests == 0)
		return NULL;
	return bsearch(&key, s->dests, s->n_dests, sizeof key, dest_cmp);
}
