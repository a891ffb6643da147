/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/admission.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "objects/objects.h"

struct applicant {
	const struct service *service;
	size_t index;
	size_t n_reals;
};

size_t admission_count(const struct fleet_service *verdict, const struct service *service)
{
	size_t v4 = 0, v6 = 0, n = 0;

	for (const struct slice *one = store_slices(service); one; one = one->next)
		if (one->family == AF_INET)
			v4 += one->n_endpoints;
		else
			v6 += one->n_endpoints;
	for (size_t i = 0; i < verdict->n_vips; i++)
		n += verdict->vips[i].family == AF_INET ? v4 : v6;
	return n * service->n_ports;
}

static int by_seniority(const void *pa, const void *pb)
{
	const struct applicant *a = pa, *b = pb;

	return service_cmp_seniority(a->service, b->service);
}

static void reject(struct fleet_service *ret, enum reason reason, char *message)
{
	ret->outcome = FLEET_REJECTED;
	ret->reason = reason;
	ret->message = message;
	free(ret->vips);
	ret->vips = NULL;
	ret->n_vips = 0;
}

/* What Services take of what a fleet has. */
struct room {
	size_t reals, sources;
};

static bool has_room(struct fleet_service *ret, const struct applicant *a, const struct room *taken)
{
	if (a->n_reals > LIMIT_FLEET_REALS - taken->reals) {
		reject(ret, REASON_FLEET_FULL,
			xasprintf("no room for %zu real servers: older Services have %zu, the "
				  "fleet may have %d",
				a->n_reals, taken->reals, LIMIT_FLEET_REALS));
		return false;
	}
	if (a->service->policy.sources.n_nets > LIMIT_FLEET_SOURCES - taken->sources) {
		reject(ret, REASON_FLEET_FULL,
			xasprintf("no room for %zu source ranges: older Services have %zu, the "
				  "fleet may have %d",
				a->service->policy.sources.n_nets, taken->sources,
				LIMIT_FLEET_SOURCES));
		return false;
	}
	return true;
}

static void admit(struct fleet_service *ret, const struct applicant *a, struct room *taken)
{
	if (a->n_reals > LIMIT_SERVICE_REALS) {
		reject(ret, REASON_TOO_LARGE,
			xasprintf("%zu real servers over all VIPs and ports; a Service may have %d",
				a->n_reals, LIMIT_SERVICE_REALS));
		return;
	}
	if (!has_room(ret, a, taken))
		return;
	taken->reals += a->n_reals;
	taken->sources += a->service->policy.sources.n_nets;
}

void admission_check(
	struct fleet_service *const verdicts[], const struct service *services[], size_t n_services)
{
	CLEANUP_FREE struct applicant *applicants = xcalloc(n_services, sizeof *applicants);
	struct room taken = {0}, wanted = {0};
	bool any_is_too_large = false;
	size_t n = 0;

	for (size_t i = 0; i < n_services; i++) {
		struct applicant *a = &applicants[n];

		if (!services[i])
			continue;
		*a = (struct applicant){services[i], i, admission_count(verdicts[i], services[i])};
		verdicts[i]->n_wanted = a->n_reals;
		verdicts[i]->n_sources = services[i]->policy.sources.n_nets;
		wanted.reals += a->n_reals;
		wanted.sources += services[i]->policy.sources.n_nets;
		any_is_too_large |= a->n_reals > LIMIT_SERVICE_REALS;
		n++;
	}
	if (!any_is_too_large && wanted.reals <= LIMIT_FLEET_REALS &&
		wanted.sources <= LIMIT_FLEET_SOURCES)
		return;
	qsort(applicants, n, sizeof *applicants, by_seniority);
	for (size_t i = 0; i < n; i++) {
		const struct applicant *a = &applicants[i];

		admit(verdicts[a->index], a, &taken);
		if (verdicts[a->index]->reason)
			services[a->index] = NULL;
	}
}

bool admission_refused(const struct fleet_service *verdict)
{
	return verdict->reason == REASON_TOO_LARGE || verdict->reason == REASON_FLEET_FULL;
}
