/* SPDX-License-Identifier: Apache-2.0 */
#include "model/admission.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "model/objects.h"

struct applicant {
	const struct service *service;
	size_t index;
	size_t n_reals;
};

/* How many real servers it has at most: an endpoint may be there twice, or not be ready. */
static size_t count_reals(const struct service *service, const struct store *s)
{
	size_t v4 = 0, v6 = 0, n = 0;

	for (const struct slice *one = store_slices(s, &service->id); one; one = one->next)
		if (one->family == AF_INET)
			v4 += one->n_endpoints;
		else
			v6 += one->n_endpoints;
	for (size_t i = 0; i < service->policy.n_vips; i++)
		n += service->policy.vips[i].family == AF_INET ? v4 : v6;
	return n * service->n_ports;
}

static int by_seniority(const void *pa, const void *pb)
{
	const struct applicant *a = pa, *b = pb;

	return service_cmp_seniority(a->service, b->service);
}

static void reject(struct fleet_service *ret, const char *reason, char *message)
{
	ret->outcome = FLEET_REJECTED;
	ret->reason = reason;
	ret->message = message;
}

/* Returns the number of real servers it is admitted with. */
static size_t admit(struct fleet_service *ret, const struct applicant *a, size_t n_taken)
{
	if (a->service->reason) {
		reject(ret, a->service->reason, xstrdup(a->service->message));
		return 0;
	}
	if (a->n_reals > LIMIT_SERVICE_REALS) {
		reject(ret, "TooLarge",
			xasprintf("%zu real servers over all VIPs and ports; a Service may have %d",
				a->n_reals, LIMIT_SERVICE_REALS));
		return 0;
	}
	if (a->n_reals > LIMIT_FLEET_REALS - n_taken) {
		reject(ret, "FleetFull",
			xasprintf("no room for %zu real servers: older Services have %zu, the "
				  "fleet may have %d",
				a->n_reals, n_taken, LIMIT_FLEET_REALS));
		return 0;
	}
	return a->n_reals;
}

void admission_check(struct fleet_service ret[], const struct service *services[],
	size_t n_services, const struct store *s)
{
	CLEANUP_FREE struct applicant *applicants = xcalloc(n_services, sizeof *applicants);
	size_t n_taken = 0;

	for (size_t i = 0; i < n_services; i++)
		applicants[i] = (struct applicant){services[i], i, count_reals(services[i], s)};
	qsort(applicants, n_services, sizeof *applicants, by_seniority);
	for (size_t i = 0; i < n_services; i++) {
		const struct applicant *a = &applicants[i];

		n_taken += admit(&ret[a->index], a, n_taken);
		if (ret[a->index].reason)
			services[a->index] = NULL;
	}
}
