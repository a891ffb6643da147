/* SPDX-License-Identifier: Apache-2.0 */
#include "source/kube_source.h"

#include "kube/watch.h"

/* "!L" selects what has no label L; "," joins. Escaped for a query. */
#define NOT_OF_OTHERS                                                                              \
	"%21service.kubernetes.io%2Fservice-proxy-name%2C%21service.kubernetes.io%2Fheadless"

static const char services_selector[] =
	"fieldSelector=spec.type%3DLoadBalancer&labelSelector=" NOT_OF_OTHERS;
static const char slices_selector[] = "labelSelector=kubernetes.io%2Fservice-name%2C" NOT_OF_OTHERS;

struct kube_source {
	struct source_ops ops;
	void *ud;
	struct watch *services, *slices;
	bool services_synced, slices_synced, synced;
	void (*refreshed)(void *ud);
	void *refreshed_ud;
};

static void on_upsert(void *ud, const json_t *object)
{
	struct kube_source *c = ud;

	c->ops.upsert(c->ud, object);
}

static void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct kube_source *c = ud;

	c->ops.remove(c->ud, kind, ns, name);
}

static void tell_synced(struct kube_source *c)
{
	if (c->synced || !c->services_synced || !c->slices_synced)
		return;
	c->synced = true;
	c->ops.synced(c->ud);
}

static void on_services_synced(void *ud)
{
	struct kube_source *c = ud;
	void (*refreshed)(void *) = c->refreshed;

	c->services_synced = true;
	tell_synced(c);
	c->refreshed = NULL;
	if (refreshed)
		refreshed(c->refreshed_ud);
}

static void on_slices_synced(void *ud)
{
	struct kube_source *c = ud;

	c->slices_synced = true;
	tell_synced(c);
}

static void on_problem(void *ud, const char *where, const char *what)
{
	struct kube_source *c = ud;

	c->ops.problem(c->ud, where, what);
}

static void on_recovered(void *ud, const char *where, uint64_t lost_for)
{
	struct kube_source *c = ud;

	c->ops.recovered(c->ud, where, lost_for);
}

/* The path of a collection in one namespace or in all. */
static char *collection(const char *api, const char *namespace, const char *name)
{
	if (*namespace)
		return xasprintf("%s/namespaces/%s/%s", api, namespace, name);
	return xasprintf("%s/%s", api, name);
}

static int start_services(struct kube_source *c, sd_event *loop, struct kube *kube,
	const struct kube_source_spec *spec, struct err *e)
{
	static const struct watch_ops ops = {
		on_upsert, on_remove, on_services_synced, on_problem, on_recovered};
	CLEANUP_FREE char *path = collection("/api/v1", spec->namespace, "services");
	struct watch_spec watch = {"v1", "Service", path, services_selector, spec->silence};

	return watch_new(&c->services, loop, kube, &watch, &ops, c, e);
}

static int start_slices(struct kube_source *c, sd_event *loop, struct kube *kube,
	const struct kube_source_spec *spec, struct err *e)
{
	static const struct watch_ops ops = {
		on_upsert, on_remove, on_slices_synced, on_problem, on_recovered};
	CLEANUP_FREE char *path =
		collection("/apis/discovery.k8s.io/v1", spec->namespace, "endpointslices");
	struct watch_spec watch = {
		"discovery.k8s.io/v1", "EndpointSlice", path, slices_selector, spec->silence};

	return watch_new(&c->slices, loop, kube, &watch, &ops, c, e);
}

int kube_source_new(struct kube_source **ret, sd_event *loop, struct kube *kube,
	const struct kube_source_spec *spec, const struct source_ops *ops, void *ud, struct err *e)
{
	CLEANUP(kube_source_freep) struct kube_source *c = xnew0(struct kube_source);
	int r;

	c->ops = *ops;
	c->ud = ud;
	r = start_services(c, loop, kube, spec, e);
	if (r >= 0)
		r = start_slices(c, loop, kube, spec, e);
	if (r < 0)
		return r;
	*ret = steal(c);
	return 0;
}

struct kube_source *kube_source_free(struct kube_source *c)
{
	if (!c)
		return NULL;
	watch_free(c->services);
	watch_free(c->slices);
	free(c);
	return NULL;
}

void kube_source_refresh(struct kube_source *c, void (*done)(void *ud), void *ud)
{
	c->refreshed = done;
	c->refreshed_ud = ud;
	watch_relist(c->services);
}

uint64_t kube_source_lost_since(const struct kube_source *c)
{
	uint64_t a = watch_lost_since(c->services), b = watch_lost_since(c->slices);

	if (a == 0 || b == 0)
		return a ? a : b;
	return a < b ? a : b;
}

void kube_source_wake(struct kube_source *c)
{
	watch_wake(c->services);
	watch_wake(c->slices);
}
