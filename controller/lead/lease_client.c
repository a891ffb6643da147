/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/lease_client.h"

#include <stdlib.h>

#include "base/mem.h"
#include "doc/jsonx.h"
#include "loop/loop.h"

/* Of the Lease of that name, or of all of the namespace. */
static char *path_of(const struct lease_client *c, const char *name)
{
	CLEANUP_FREE char *ns = kube_escape(c->ns), *step = name ? kube_escape(name) : NULL;

	return xasprintf("/apis/%s/namespaces/%s/leases%s%s", LEASE_API_VERSION, ns,
		step ? "/" : "", step ? step : "");
}

static struct kube_call *start(const struct lease_client *c, struct kube_request *r, json_t *body)
{
	struct kube_call *call;

	r->body = body;
	call = kube_start(c->kube, r);
	json_decref(body);
	return call;
}

int lease_client_watch(struct watch **ret, const struct lease_client *c, const char *labels,
	const char *fields, uint64_t silence, const struct watch_ops *ops, void *ud, struct err *e)
{
	CLEANUP_FREE char *path = path_of(c, NULL);
	CLEANUP_FREE char *all_labels = xasprintf(LEASE_FLEET_LABEL "=%s%s", c->fleet, labels);
	CLEANUP_FREE char *label_value = kube_escape(all_labels);
	CLEANUP_FREE char *field_value = kube_escape(fields);
	CLEANUP_FREE char *selectors = xasprintf(
		"labelSelector=%s%s%s", label_value, *fields ? "&fieldSelector=" : "", field_value);
	const struct watch_spec spec = {.api_version = LEASE_API_VERSION,
		.kind = "Lease",
		.path = path,
		.selectors = selectors,
		.silence = silence};

	return watch_new(ret, c->loop, c->kube, &spec, ops, ud, e);
}

struct kube_call *lease_client_put(const struct lease_client *c, const struct lease *l,
	uint64_t timeout, void (*done)(void *ud, const struct kube_answer *answer), void *ud)
{
	bool exists = l->resource_version && l->resource_version[0];
	CLEANUP_FREE char *path = path_of(c, exists ? l->name : NULL);
	struct kube_request r = {.method = exists ? "PUT" : "POST",
		.path = path,
		.timeout = timeout,
		.done = done,
		.ud = ud};
	struct lease whole = *l;

	whole.ns = c->ns;
	whole.fleet = c->fleet;
	whole.renewed = loop_date();
	if (whole.acquired == 0)
		whole.acquired = whole.renewed;
	return start(c, &r, lease_build(&whole));
}

struct kube_call *lease_client_delete(const struct lease_client *c, const char *name,
	const char *uid, const char *version, uint64_t timeout,
	void (*done)(void *ud, const struct kube_answer *answer), void *ud)
{
	CLEANUP_FREE char *path = path_of(c, name);
	struct kube_request r = {
		.method = "DELETE", .path = path, .timeout = timeout, .done = done, .ud = ud};
	json_t *conditions = jsonx_must(json_pack("{s:s}", "uid", uid));

	if (version)
		jsonx_set(conditions, "resourceVersion", json_string(version));
	return start(c, &r,
		jsonx_must(json_pack("{s:s, s:s, s:o}", "apiVersion", "v1", "kind", "DeleteOptions",
			"preconditions", conditions)));
}

const char *lease_client_version(const struct kube_answer *answer)
{
	const json_t *meta = json_object_get(answer->body, "metadata");
	const char *version = json_string_value(json_object_get(meta, "resourceVersion"));

	return !answer->error && version ? version : "";
}

void lease_client_tell(const struct lease_client *c, uint64_t *since, const char *name,
	const struct kube_answer *answer)
{
	CLEANUP_FREE char *where = NULL;
	const char *error = answer->status == 409 ? NULL : answer->error;
	uint64_t began = *since, now = loop_clock();

	if (!error == !began)
		return;
	where = xasprintf("Lease %s/%s", c->ns, name);
	*since = error ? now : 0;
	if (error)
		c->problem(c->ud, where, error);
	else
		c->recovered(c->ud, where, now - began);
}
