/* SPDX-License-Identifier: Apache-2.0 */
#include "check/api.h"

#include <string.h>

enum {
	MINOR_OLDEST = 29,  /* the first that knows ipMode (KEP-1860), and not by itself */
	MINOR_IP_MODE = 30, /* the first that heeds it by itself */
	PROXY_SKEW = 3,     /* minor versions that a kube-proxy may be older */
};

static void judge_server(struct findings *f, const struct api_facts *a)
{
	if (a->credentials_error)
		findings_bad(f, FINDING_ERROR, "api-server",
			"run it in the pod, with a service account, or name a file with "
			"--kubeconfig",
			"there is no way to the API server: %s", a->credentials_error);
	else if (a->error && a->unreachable)
		findings_bad(f, FINDING_ERROR, "api-server",
			"see that it runs, and that routes, NetworkPolicies and firewalls let this "
			"pod reach it",
			"it does not answer: %s", a->error);
	else if (a->error)
		findings_bad(f, FINDING_ERROR, "api-server",
			"see that the token or the certificate is valid for this server", "%s: %s",
			a->server, a->error);
	else
		findings_ok(f, "api-server", "%s answers", a->server);
}

static void judge_version(struct findings *f, const struct api_facts *a)
{
	if (a->minor < MINOR_OLDEST)
		findings_bad(f, FINDING_ERROR, "api-version", "take Kubernetes 1.29 or newer",
			"Kubernetes is %s: kube-proxy takes the traffic of VIPs on every node, for "
			"there is "
			"no ipMode",
			a->version);
	else if (a->minor < MINOR_IP_MODE)
		findings_bad(f, FINDING_WARNING, "api-version",
			"set the feature gate LoadBalancerIPMode of the API server and of "
			"kube-proxy, or take "
			"Kubernetes 1.30 or newer",
			"Kubernetes is %s, which heeds ipMode only if told to: else kube-proxy "
			"takes the "
			"traffic of VIPs on every node",
			a->version);
	else if (a->minor < MINOR_IP_MODE + PROXY_SKEW)
		findings_ok(f, "api-version",
			"Kubernetes is %s, and kube-proxy heeds ipMode where it is 1.30 or newer, "
			"too",
			a->version);
	else
		findings_ok(
			f, "api-version", "Kubernetes is %s; kube-proxy heeds ipMode", a->version);
}

static bool same_resource(const struct permission *a, const struct permission *b)
{
	return strcmp(a->group, b->group) == 0 && strcmp(a->resource, b->resource) == 0 &&
	       strcmp(a->subresource, b->subresource) == 0;
}

/* "list, watch": the verbs from `first` up to `end` that have this answer; a new string. */
static char *verbs(const struct api_facts *a, size_t first, size_t end, enum api_answer answer)
{
	char *list = xstrdup("");

	for (size_t i = first; i < end; i++) {
		CLEANUP_FREE char *before = list;

		if (a->may[i] == answer)
			list = xasprintf(
				"%s%s%s", before, *before ? ", " : "", permissions()[i].verb);
		else
			before = NULL;
	}
	return list;
}

static char *where(const struct api_facts *a, const struct permission *p)
{
	const char *ns = p->of_leases ? a->lease_ns : a->ns;

	return *ns ? xasprintf("in the namespace %s", ns) : xstrdup("in all namespaces");
}

static void judge_resource(struct findings *f, const struct api_facts *a, size_t first, size_t end)
{
	const struct permission *p = &permissions()[first];
	CLEANUP_FREE char *denied = verbs(a, first, end, API_DENIED);
	CLEANUP_FREE char *unknown = verbs(a, first, end, API_NO_ANSWER);
	CLEANUP_FREE char *allowed = verbs(a, first, end, API_ALLOWED);
	CLEANUP_FREE char *place = where(a, p);
	const char *slash = *p->subresource ? "/" : "";

	if (*denied)
		findings_bad(f, FINDING_ERROR, "permissions",
			"bind the rules of charts/kago/rbac to the service account, as the chart "
			"does",
			"%s%s%s: may not %s %s: %s", p->resource, slash, p->subresource, denied,
			place, p->loss);
	else if (*unknown)
		findings_bad(f, FINDING_WARNING, "permissions",
			"check again; kubectl auth can-i --as tells the same",
			"%s%s%s: not known whether we may %s %s: %s", p->resource, slash,
			p->subresource, unknown, place, a->may_error ? a->may_error : "no answer");
	else
		findings_ok(f, "permissions", "%s%s%s: may %s %s", p->resource, slash,
			p->subresource, allowed, place);
}

void api_judge(struct findings *f, const struct api_facts *a)
{
	if (!a->asked) {
		findings_ok(
			f, "api-server", "not asked: this is no pod, and there is no --kubeconfig");
		return;
	}
	judge_server(f, a);
	if (a->credentials_error || a->error)
		return;
	judge_version(f, a);
	for (size_t i = 0, end; i < N_PERMISSIONS; i = end) {
		for (end = i + 1; end < N_PERMISSIONS &&
				  same_resource(&permissions()[i], &permissions()[end]);)
			end++;
		judge_resource(f, a, i, end);
	}
}

void api_facts_done(struct api_facts *a)
{
	free(a->credentials_error);
	free(a->server);
	free(a->error);
	free(a->version);
	free(a->ns);
	free(a->lease_ns);
	free(a->may_error);
}
