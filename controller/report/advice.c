/* SPDX-License-Identifier: Apache-2.0 */
#include "report/advice.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

static const char *str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is(const json_t *object, const char *key, const char *text)
{
	return strcmp(str(object, key), text) == 0;
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* Nothing is known that is not known here yet. */
static char *advise_lost(const json_t *answer)
{
	const json_t *k = json_object_get(answer, "kubernetes");

	if (k && !is_true(k, "following"))
		return xstrdup("the API server cannot be followed, what was known stands: the log "
			       "of this load balancer says why (source.problem)");
	if (!is_true(answer, "synced"))
		return xstrdup("wait: not all that exists has arrived yet");
	return NULL;
}

/* It is known, and somebody else's. */
static char *advise_foreign(const json_t *answer)
{
	const char *fleet = str(json_object_get(answer, "asks"), "fleet");

	if (*fleet)
		return xasprintf("ask a load balancer of the fleet %s", fleet);
	return xasprintf("if it shall be served here, set spec.loadBalancerClass: kago.dev/%s",
		str(answer, "fleet"));
}

static char *advise_stranger(const json_t *answer)
{
	const char *followed = str(answer, "followedNamespace");
	char *advice;

	if (*followed && !is(answer, "namespace", followed))
		return xasprintf("ask a load balancer that follows the namespace %s",
			str(answer, "namespace"));
	if (is_true(answer, "known"))
		return advise_foreign(answer);
	advice = advise_lost(answer);
	if (advice)
		return advice;
	return xasprintf("look what it asks for: kubectl get service %s -n %s -o yaml",
		str(answer, "name"), str(answer, "namespace"));
}

static char *advise_rejected(const json_t *answer)
{
	const json_t *decision = json_object_get(answer, "decision");

	if (!is(decision, "outcome", "rejected"))
		return NULL;
	if (is(decision, "reason", "TooLarge") || is(decision, "reason", "FleetFull"))
		return xstrdup("give it fewer endpoints, VIPs or ports, or another fleet");
	return xasprintf("correct the Service: %s", str(decision, "message"));
}

/* Nothing is written to the API server. */
static char *advise_leaderless(const json_t *answer)
{
	const json_t *k = json_object_get(answer, "kubernetes");

	if (k && is(k, "leader", ""))
		return xasprintf("nobody leads the fleet, so nobody writes addresses and status: "
				 "the logs of its load balancers say why, and "
				 "kubectl get leases -A -l kago.dev/fleet=%s",
			str(answer, "fleet"));
	return NULL;
}

static char *advise_pending(const json_t *answer)
{
	const json_t *k = json_object_get(answer, "kubernetes");
	const json_t *assignment = json_object_get(answer, "assignment");
	char *advice;

	if (!is(json_object_get(answer, "decision"), "outcome", "pending"))
		return NULL;
	advice = advise_lost(answer);
	if (!advice)
		advice = advise_leaderless(answer);
	if (advice)
		return advice;
	/* With the lease it leads, if not quite yet: what others wrote is read first. */
	if (!is(k, "leader", str(k, "identity")))
		return xasprintf("ask the leader: kubectl exec %s -c ipvs -- kago-controller "
				 "explain %s/%s",
			str(k, "leader"), str(answer, "namespace"), str(answer, "name"));
	if (*str(assignment, "message"))
		return xasprintf(
			"correct the Service or the pools: %s", str(assignment, "message"));
	return xstrdup("wait a moment: its address is being written; if that stays so, the log "
		       "says why (status.not_written)");
}

static char *advise_conflict(const json_t *answer)
{
	const json_t *one;
	size_t i;

	if (!is(json_object_get(answer, "decision"), "outcome", "conflict"))
		return NULL;
	json_array_foreach(json_object_get(answer, "unserved"), i, one)
		if (*str(one, "heldBy"))
			return xasprintf("give it or %s another VIP or port", str(one, "heldBy"));
	return xstrdup("give it or the other one another VIP or port");
}

static char *advise_endpoints(const json_t *answer)
{
	if (!is(json_object_get(answer, "decision"), "outcome", "no_endpoints"))
		return NULL;
	return xasprintf("look at its pods: kubectl get endpointslices -n %s -l "
			 "kubernetes.io/service-name=%s",
		str(answer, "namespace"), str(answer, "name"));
}

static bool all_down(const json_t *server)
{
	const json_t *reals = json_object_get(server, "realServers"), *real;
	size_t i;

	json_array_foreach(reals, i, real)
		if (!is(real, "state", "down"))
			return false;
	return json_array_size(reals) > 0;
}

static char *advise_server(const json_t *server)
{
	if (*str(server, "refusedByKeepalived"))
		return xstrdup("look at the template (keepalived.template): what it makes of this "
			       "Service is refused by keepalived, so there are no health checks");
	if (!is_true(server, "inKernel"))
		return xstrdup("see why the last change did not bring it into the kernel: "
			       "kago-controller status");
	if (all_down(server))
		return xasprintf("port %lld: all real servers fail their health check: see whether "
				 "kago.dev/health-check fits what the pods speak, and whether a "
				 "NetworkPolicy keeps the load balancers out",
			json_integer_value(json_object_get(server, "port")));
	return NULL;
}

static char *advise_kernel(const json_t *answer)
{
	const json_t *server;
	char *advice = NULL;
	size_t i;

	if (is(answer, "mode", "render-only"))
		return NULL;
	if (!is_true(answer, "kernelReadable"))
		return xstrdup("the kernel's IPVS cannot be read: the log of this load balancer "
			       "says why (ipvs.read_failed)");
	json_array_foreach(json_object_get(answer, "virtualServers"), i, server) {
		advice = advise_server(server);
		if (advice)
			break;
	}
	return advice;
}

static char *advise_announcing(const json_t *answer)
{
	const json_t *one;
	size_t i;

	if (is(answer, "mode", "render-only") ||
		!is(json_object_get(answer, "decision"), "outcome", "served"))
		return NULL;
	if (!is_true(answer, "sidecarConnected"))
		return xstrdup("the sidecar is not there: look at the container exabgp");
	if (json_integer_value(json_object_get(answer, "bgpSessions")) == 0)
		return xstrdup("this load balancer has no BGP session: the log of the container "
			       "exabgp says why (bgp.waiting, bgp.down, exabgp.log)");
	json_array_foreach(json_object_get(answer, "announced"), i, one)
		if (json_array_size(json_object_get(one, "prefixes")) == 0)
			return xasprintf("%s is not announced by this load balancer: the log of "
					 "the container exabgp says why (vip.withdrawn, "
					 "vip.skipped, route.failed)",
				str(one, "vip"));
	return NULL;
}

/* It is served, but not where it wants to be. */
static char *advise_assignment(const json_t *answer)
{
	const json_t *assignment = json_object_get(answer, "assignment");

	if (!*str(assignment, "message"))
		return NULL;
	return xasprintf("correct the Service or the pools: %s", str(assignment, "message"));
}

static char *advise_undecided(const json_t *answer)
{
	char *advice;

	if (json_object_get(answer, "decision"))
		return NULL;
	advice = advise_lost(answer);
	return advice ? advice : xstrdup("wait a moment: nothing is decided yet");
}

char *advice_for(const json_t *answer)
{
	static char *(*const advisers[])(const json_t *answer) = {
		advise_undecided,
		advise_rejected,
		advise_pending,
		advise_conflict,
		advise_endpoints,
		advise_kernel,
		advise_announcing,
		advise_assignment,
		advise_lost,
		advise_leaderless,
	};
	char *advice = NULL;

	if (!is_true(answer, "ours"))
		return advise_stranger(answer);
	for (size_t i = 0; !advice && i < sizeof advisers / sizeof advisers[0]; i++)
		advice = advisers[i](answer);
	return advice;
}
