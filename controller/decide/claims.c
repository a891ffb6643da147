/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/claims.h"

#include <stdlib.h>

#include "base/mem.h"

static int by_place(const struct claim *a, const struct claim *b)
{
	int order = ipaddr_cmp(&a->vip, &b->vip);

	if (!order)
		order = (int)a->port->protocol - (int)b->port->protocol;
	return order ? order : (int)a->port->port - (int)b->port->port;
}

static int by_place_and_seniority(const void *pa, const void *pb)
{
	const struct claim *a = pa, *b = pb;
	int order = by_place(a, b);

	return order ? order : service_cmp_seniority(a->service, b->service);
}

static size_t count(const struct service *const services[], struct fleet_service *const verdicts[],
	size_t n_services)
{
	size_t n = 0;

	for (size_t i = 0; i < n_services; i++)
		if (services[i])
			n += verdicts[i]->n_vips * services[i]->n_ports;
	return n;
}

static struct claim *add_claims(struct claim *end, const struct service *s,
	const struct fleet_service *verdict, size_t index)
{
	for (size_t i = 0; i < verdict->n_vips; i++)
		for (size_t j = 0; j < s->n_ports; j++)
			*end++ = (struct claim){.vip = verdict->vips[i],
				.port = &s->ports[j],
				.service = s,
				.index = index};
	return end;
}

struct claim *claims_settle(size_t *ret_n, const struct service *const services[],
	struct fleet_service *const verdicts[], size_t n_services)
{
	size_t n = count(services, verdicts, n_services);
	struct claim *claims = xcalloc(n, sizeof *claims), *end = claims;
	const struct claim *granted = claims;

	for (size_t i = 0; i < n_services; i++)
		if (services[i])
			end = add_claims(end, services[i], verdicts[i], i);
	qsort(claims, n, sizeof *claims, by_place_and_seniority);
	for (size_t i = 1; i < n; i++)
		if (by_place(granted, &claims[i]) == 0)
			claims[i].holder = granted->service;
		else
			granted = &claims[i];
	*ret_n = n;
	return claims;
}
