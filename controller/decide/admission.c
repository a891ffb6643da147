/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/admission.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "objects/objects.h"

/* Who comes first where not all have room: what is served gives way to nobody who grows. */
enum rank {
	RANK_SERVED,   /* with as much as it asks for */
	RANK_GROWING,  /* it was served, with less */
	RANK_ACCEPTED, /* so its status says: some load balancer has had room for it */
	RANK_NEW,
};

struct applicant {
	const struct service *service;
	struct fleet_service *verdict;
	size_t index, namespace; /* both count from 0 */
	enum rank rank;
};

/* What Services take of what a fleet has. */
struct room {
	size_t reals, sources;
	size_t *by_namespace; /* real servers */
	size_t n_namespaces, per_namespace;
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

static int by_rank(const void *pa, const void *pb)
{
	const struct applicant *a = pa, *b = pb;
	int order = (int)a->rank - (int)b->rank;

	return order ? order : service_cmp_seniority(a->service, b->service);
}

/* For want of room, in the fleet or its namespace: others may be, too. */
static bool is_refused(const struct fleet_service *verdict)
{
	return admission_is_full(verdict) || verdict->reason == REASON_QUOTA_EXCEEDED;
}

static enum rank rank_of(const struct fleet *before, const struct applicant *a)
{
	const struct service *s = a->service;
	const struct fleet_service *old = before ? fleet_find(before, s->id.ns, s->id.name) : NULL;

	if (!before && s->held.conditions[CONDITION_ACCEPTED].status == 'T')
		return RANK_ACCEPTED;
	if (!old || is_refused(old) || old->n_wanted == 0)
		return RANK_NEW;
	return old->n_wanted < a->verdict->n_wanted || old->n_sources < a->verdict->n_sources
		       ? RANK_GROWING
		       : RANK_SERVED;
}

static void reject(struct fleet_service *ret, char *message)
{
	ret->outcome = FLEET_REJECTED;
	ret->message = message;
	free(ret->vips);
	ret->vips = NULL;
	ret->n_vips = 0;
	/* It takes room of nobody. */
	ret->n_wanted = ret->n_sources = 0;
}

static bool lacks(size_t n, size_t taken, size_t limit)
{
	return taken > limit || n > limit - taken;
}

/*
 * Its reason; REASON_NONE: it is in. Its namespace comes before the fleet: who is refused for that
 * stays so, whatever becomes of other namespaces (fleet_next).
 */
static enum reason admit(const struct applicant *a, struct room *taken)
{
	const struct fleet_service *s = a->verdict;
	size_t *of_namespace = &taken->by_namespace[a->namespace];

	if (s->n_wanted > LIMIT_SERVICE_REALS)
		return REASON_TOO_LARGE;
	if (taken->per_namespace && lacks(s->n_wanted, *of_namespace, taken->per_namespace))
		return REASON_QUOTA_EXCEEDED;
	if (lacks(s->n_wanted, taken->reals, LIMIT_FLEET_REALS) ||
		lacks(s->n_sources, taken->sources, LIMIT_FLEET_SOURCES))
		return REASON_FLEET_FULL;
	*of_namespace += s->n_wanted;
	taken->reals += s->n_wanted;
	taken->sources += s->n_sources;
	return REASON_NONE;
}

static char *explain_large(const struct fleet_service *s)
{
	return xasprintf("%zu real servers over all VIPs and ports; a Service may have %d",
		s->n_wanted, LIMIT_SERVICE_REALS);
}

/* Says what all that are in have, so that it does not matter who of them came first. */
static char *explain(const struct applicant *a, const struct room *taken)
{
	const struct fleet_service *s = a->verdict;

	switch (s->reason) {
	case REASON_TOO_LARGE:
		return explain_large(s);
	case REASON_QUOTA_EXCEEDED:
		return xasprintf("no room for %zu real servers: others of the namespace %s have "
				 "%zu, it may have %zu",
			s->n_wanted, s->ns, taken->by_namespace[a->namespace],
			taken->per_namespace);
	default:
		if (lacks(s->n_wanted, taken->reals, LIMIT_FLEET_REALS))
			return xasprintf("no room for %zu real servers: others have %zu, the fleet "
					 "may have %d",
				s->n_wanted, taken->reals, LIMIT_FLEET_REALS);
		return xasprintf("no room for %zu source ranges: others have %zu, the fleet may "
				 "have %d",
			s->n_sources, taken->sources, LIMIT_FLEET_SOURCES);
	}
}

/* Those that are not NULL, sorted by namespace as they are, with what they want. */
static size_t take_in(struct applicant ret[], struct room *wanted,
	struct fleet_service *const verdicts[], const struct service *const services[],
	size_t n_services)
{
	const char *ns = NULL;
	size_t n = 0;

	for (size_t i = 0; i < n_services; i++) {
		struct fleet_service *verdict = verdicts[i];

		if (!services[i])
			continue;
		if (!ns || strcmp(ns, verdict->ns) != 0)
			wanted->n_namespaces++;
		ns = verdict->ns;
		verdict->n_wanted = admission_count(verdict, services[i]);
		verdict->n_sources = services[i]->policy.sources.n_nets;
		wanted->reals += verdict->n_wanted;
		wanted->sources += verdict->n_sources;
		wanted->by_namespace[wanted->n_namespaces - 1] += verdict->n_wanted;
		ret[n++] = (struct applicant){
			services[i], verdict, i, wanted->n_namespaces - 1, RANK_NEW};
	}
	return n;
}

static bool all_fit(const struct applicant applicants[], size_t n, const struct room *wanted)
{
	for (size_t i = 0; i < n; i++)
		if (applicants[i].verdict->n_wanted > LIMIT_SERVICE_REALS)
			return false;
	for (size_t i = 0; wanted->per_namespace && i < wanted->n_namespaces; i++)
		if (wanted->by_namespace[i] > wanted->per_namespace)
			return false;
	return wanted->reals <= LIMIT_FLEET_REALS && wanted->sources <= LIMIT_FLEET_SOURCES;
}

void admission_check(struct fleet_service *const verdicts[], const struct service *services[],
	size_t n_services, const struct admission *by)
{
	CLEANUP_FREE struct applicant *applicants = xcalloc(n_services, sizeof *applicants);
	CLEANUP_FREE size_t *of_wanted = xcalloc(n_services, sizeof *of_wanted);
	CLEANUP_FREE size_t *of_taken = xcalloc(n_services, sizeof *of_taken);
	struct room wanted = {.by_namespace = of_wanted, .per_namespace = by->per_namespace};
	struct room taken = {.by_namespace = of_taken, .per_namespace = by->per_namespace};
	size_t n = take_in(applicants, &wanted, verdicts, services, n_services);

	if (all_fit(applicants, n, &wanted))
		return;
	for (size_t i = 0; i < n; i++)
		applicants[i].rank = rank_of(by->before, &applicants[i]);
	qsort(applicants, n, sizeof *applicants, by_rank);
	for (size_t i = 0; i < n; i++)
		applicants[i].verdict->reason = admit(&applicants[i], &taken);
	for (size_t i = 0; i < n; i++) {
		const struct applicant *a = &applicants[i];

		if (!a->verdict->reason)
			continue;
		reject(a->verdict, explain(a, &taken));
		services[a->index] = NULL;
	}
}

bool admission_reject_large(struct fleet_service *verdict)
{
	if (verdict->n_wanted <= LIMIT_SERVICE_REALS)
		return false;
	verdict->reason = REASON_TOO_LARGE;
	reject(verdict, explain_large(verdict));
	return true;
}

bool admission_is_full(const struct fleet_service *verdict)
{
	return verdict->reason == REASON_FLEET_FULL;
}
