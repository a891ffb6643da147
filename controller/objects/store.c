/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/mem.h"
#include "base/sorted.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "objects/objects.h"

/* The slices of one Service, whether or not we know the Service; both look for each other once. */
struct backend {
	struct objname id;
	struct slice *slices;
	struct service *service; /* NULL: we do not know it */
	UT_hash_handle hh;
};

struct store {
	struct service *services;
	struct service **order; /* the same, sorted by id */
	size_t n_order;
	struct slice *slices;
	struct backend *backends;
	bool renamed; /* some port may have a former name */
	struct store_news news;
};

/* With more news than this all is decided anew. */
enum { NEWS_MAX = 1024 };

struct store *store_new(void)
{
	struct store *s = xnew0(struct store);

	s->news.all = true;
	return s;
}

void store_touch(struct store *s)
{
	s->news.all = true;
}

void store_news_done(struct store_news *news)
{
	for (size_t i = 0; i < news->n_services; i++)
		objname_done(&news->services[i]);
	free(news->services);
	*news = (struct store_news){0};
}

struct store_news store_take_news(struct store *s)
{
	struct store_news taken = s->news;

	s->news = (struct store_news){0};
	return taken;
}

static void note(struct store *s, const struct objname *service)
{
	struct store_news *n = &s->news;

	if (n->n_services == NEWS_MAX)
		n->all = true;
	if (n->all)
		return;
	if ((n->n_services & (n->n_services - 1)) == 0)
		n->services = xreallocarray(
			n->services, n->n_services ? 2 * n->n_services : 1, sizeof *n->services);
	objname_init(&n->services[n->n_services++], service->ns, service->name);
}

void store_touch_service(struct store *s, const struct objname *id)
{
	note(s, id);
}

static int cmp_keep_out(const void *addr, const void *item)
{
	const struct keep_out *one = item;

	return ipaddr_cmp(addr, &one->addr);
}

static struct backend *find_backend(const struct store *s, const struct objname *service)
{
	struct backend *backend;

	HASH_FIND(hh, s->backends, service->ns, service->len, backend);
	return backend;
}

static struct service *find_service(const struct store *s, const struct objname *id)
{
	struct service *service;

	HASH_FIND(hh, s->services, id->ns, id->len, service);
	return service;
}

/* Slices of Services that are no load balancers are most of all that change. */
static void note_slice(struct store *s, const struct slice *slice)
{
	if (find_service(s, &slice->service))
		note(s, &slice->service);
}

static bool has_one_of(const struct slice *slice, const struct keep_out *addrs, size_t n)
{
	for (size_t i = 0; i < slice->n_endpoints; i++)
		if (bsearch(&slice->endpoints[i].addr, addrs, n, sizeof *addrs, cmp_keep_out))
			return true;
	return false;
}

void store_touch_endpoints(struct store *s, const struct keep_out *addrs, size_t n)
{
	for (const struct slice *slice = s->slices; n && slice; slice = slice->hh.next)
		if (has_one_of(slice, addrs, n))
			note_slice(s, slice);
}

static bool is_tunnelled(const struct service *s, const struct fleet_rules *rules)
{
	return service_asks_for(s, rules) && service_is_tunnelled(s, rules);
}

void store_touch_tunnelled(struct store *s, const struct fleet_rules *rules)
{
	for (const struct service *service = s->services; service; service = service->hh.next)
		if (is_tunnelled(service, rules))
			note(s, &service->id);
}

bool store_has_tunnelled(const struct store *s, const struct fleet_rules *rules)
{
	for (const struct service *service = s->services; service; service = service->hh.next)
		if (is_tunnelled(service, rules))
			return true;
	return false;
}

static void add_slice(struct store *s, struct slice *slice)
{
	struct backend *backend = find_backend(s, &slice->service);

	note_slice(s, slice);
	if (!backend) {
		backend = xnew0(struct backend);
		objname_init(&backend->id, slice->service.ns, slice->service.name);
		HASH_ADD_KEYPTR(hh, s->backends, backend->id.ns, backend->id.len, backend);
		backend->service = find_service(s, &backend->id);
		if (backend->service)
			backend->service->backend = backend;
	}
	DL_APPEND(backend->slices, slice);
	HASH_ADD_KEYPTR(hh, s->slices, slice->id.ns, slice->id.len, slice);
}

static void remove_slice(struct store *s, struct slice *slice)
{
	struct backend *backend = find_backend(s, &slice->service);

	note_slice(s, slice);
	HASH_DEL(s->slices, slice);
	DL_DELETE(backend->slices, slice);
	if (!backend->slices) {
		if (backend->service)
			backend->service->backend = NULL;
		HASH_DEL(s->backends, backend);
		objname_done(&backend->id);
		free(backend);
	}
	slice_free(slice);
}

static int cmp_service(const void *id, const void *item)
{
	const struct service *const *service = item;

	return objname_cmp(id, &(*service)->id);
}

/* The place in the order that a Service with this id has or would have. */
static size_t place_of(const struct store *s, const struct objname *id)
{
	return sorted_place(id, s->order, s->n_order, sizeof *s->order, cmp_service);
}

static void add_service(struct store *s, struct service *service)
{
	size_t place = place_of(s, &service->id);

	note(s, &service->id);
	HASH_ADD_KEYPTR(hh, s->services, service->id.ns, service->id.len, service);
	if ((s->n_order & (s->n_order - 1)) == 0) /* grows at 0 and at powers of two */
		s->order =
			xreallocarray(s->order, s->n_order ? 2 * s->n_order : 1, sizeof *s->order);
	memmove(s->order + place + 1, s->order + place, (s->n_order - place) * sizeof *s->order);
	s->order[place] = service;
	s->n_order++;
	service->backend = find_backend(s, &service->id);
	if (service->backend)
		service->backend->service = service;
}

static void remove_service(struct store *s, struct service *service)
{
	size_t place = place_of(s, &service->id);

	note(s, &service->id);
	HASH_DEL(s->services, service);
	if (service->backend)
		service->backend->service = NULL;
	service->backend = NULL;
	s->n_order--;
	memmove(s->order + place, s->order + place + 1, (s->n_order - place) * sizeof *s->order);
	service_unref(service);
}

struct store *store_free(struct store *s)
{
	if (!s)
		return NULL;
	while (s->n_order)
		remove_service(s, s->order[s->n_order - 1]);
	free(s->order);
	while (s->slices)
		remove_slice(s, s->slices);
	store_news_done(&s->news);
	free(s);
	return NULL;
}

static struct slice *find_slice(const struct store *s, const struct objname *id)
{
	struct slice *slice;

	HASH_FIND(hh, s->slices, id->ns, id->len, slice);
	return slice;
}

static enum store_change replace_service(
	struct store *s, struct service *before, struct service *after)
{
	if (before && after)
		s->renamed |= service_keep(after, before);
	if (before && after && service_equal(before, after)) {
		free(before->resource_version);
		before->resource_version = steal(after->resource_version);
		service_unref(after);
		return STORE_SAME;
	}
	if (before)
		remove_service(s, before);
	if (after)
		add_service(s, after);
	return before || after ? STORE_CHANGED : STORE_SAME;
}

/* Its endpoints are nobody else's (decide/permits.h), so all decisions depend on them. */
static bool is_api_server(const struct slice *slice)
{
	return slice && strcmp(slice->service.ns, "default") == 0 &&
	       strcmp(slice->service.name, "kubernetes") == 0;
}

/* Of a Service that we do not know, which may be one of those that are no load balancers. */
static bool is_foreign(const struct store *s, const struct slice *slice)
{
	return !slice || !find_service(s, &slice->service);
}

static enum store_change replace_slice(struct store *s, struct slice *before, struct slice *after)
{
	bool foreign = is_foreign(s, before) && is_foreign(s, after);

	if (before && after && slice_equal(before, after)) {
		slice_free(after);
		return STORE_SAME;
	}
	if (is_api_server(before) || is_api_server(after)) {
		store_touch(s);
		foreign = false;
	}
	if (before)
		remove_slice(s, before);
	if (after)
		add_slice(s, after);
	if (!before && !after)
		return STORE_SAME;
	return foreign ? STORE_IGNORED : STORE_CHANGED;
}

static int put_service(enum store_change *ret, struct store *s, const struct objname *id,
	const json_t *object, struct err *e)
{
	struct service *service, *before = find_service(s, id);
	int r = 0;

	service_decode(&service, id, object);
	if (service && service->reason == REASON_INVALID_OBJECT)
		r = err_set(e, EINVAL, "%s", service->message);
	/* What was known of it stands. */
	if (r < 0 && before && before->reason != REASON_INVALID_OBJECT) {
		service_unref(service);
		return r;
	}
	*ret = replace_service(s, before, service);
	return r;
}

static int put_slice(enum store_change *ret, struct store *s, const struct objname *id,
	const json_t *object, struct err *e)
{
	struct slice *slice = NULL;
	int r = slice_decode(&slice, id, object, e);

	/* What was known of it stands. */
	if (r < 0)
		return r;
	*ret = replace_slice(s, find_slice(s, id), slice);
	return 0;
}

bool store_forget_names(struct store *s)
{
	bool any = false;

	for (size_t i = 0; s->renamed && i < s->n_order; i++)
		if (service_forget_names(s->order[i])) {
			note(s, &s->order[i]->id);
			any = true;
		}
	s->renamed = false;
	return any;
}

static const struct kind {
	const char *api, *name;
	int (*put)(enum store_change *ret, struct store *s, const struct objname *id,
		const json_t *object, struct err *e);
} kinds[] = {
	{"v1", "Service", put_service},
	{"discovery.k8s.io/v1", "EndpointSlice", put_slice},
};

/* NULL in *ret: none of ours. */
static int find_kind(const struct kind **ret, const json_t *object, struct err *e)
{
	const char *api, *name;
	int r;

	if (!json_is_object(object))
		return err_set(e, EINVAL, "must be an object, not %s", jsonx_type_name(object));
	r = jsonx_need_str(&api, object, "apiVersion", e);
	if (r < 0)
		return r;
	r = jsonx_need_str(&name, object, "kind", e);
	if (r < 0)
		return r;
	*ret = NULL;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].api, api) == 0 && strcmp(kinds[i].name, name) == 0)
			*ret = &kinds[i];
	return 0;
}

int store_put(enum store_change *ret, struct store *s, const json_t *object, struct err *e)
{
	struct objname id = {0};
	const struct kind *kind = NULL;
	enum store_change change;
	int r;

	r = find_kind(&kind, object, e);
	if (r < 0)
		return r;
	if (!kind) {
		*ret = STORE_IGNORED;
		return 0;
	}
	r = objname_decode(&id, object, e);
	if (r < 0)
		return err_wrap(e, "%s", kind->name);
	r = kind->put(&change, s, &id, object, e);
	if (r < 0)
		r = err_wrap(e, "%s %s/%s", kind->name, id.ns, id.name);
	else
		*ret = change;
	objname_done(&id);
	return r;
}

bool store_remove(struct store *s, const char *kind, const char *ns, const char *name)
{
	struct service *service = NULL;
	struct slice *slice = NULL;
	struct objname id;
	bool foreign;

	objname_init(&id, ns, name);
	if (strcmp(kind, "Service") == 0)
		service = find_service(s, &id);
	else if (strcmp(kind, "EndpointSlice") == 0)
		slice = find_slice(s, &id);
	objname_done(&id);
	foreign = is_foreign(s, slice) && !is_api_server(slice);
	if (service)
		remove_service(s, service);
	if (is_api_server(slice))
		store_touch(s);
	if (slice)
		remove_slice(s, slice);
	return service || (slice && !foreign);
}

struct service *store_find(const struct store *s, const char *ns, const char *name)
{
	struct service *service;
	struct objname id;

	objname_init(&id, ns, name);
	service = find_service(s, &id);
	objname_done(&id);
	return service;
}

static const struct service **select_services(size_t *ret_n, const struct store *s,
	const struct fleet_rules *rules,
	bool (*is_wanted)(const struct service *one, const struct fleet_rules *rules))
{
	const struct service **list = xcalloc(s->n_order, sizeof *list);
	size_t n = 0;

	for (size_t i = 0; i < s->n_order; i++)
		if (is_wanted(s->order[i], rules))
			list[n++] = s->order[i];
	*ret_n = n;
	return list;
}

const struct service **store_services(
	size_t *ret_n, const struct store *s, const struct fleet_rules *rules)
{
	return select_services(ret_n, s, rules, service_asks_for);
}

const struct service **store_left(
	size_t *ret_n, const struct store *s, const struct fleet_rules *rules)
{
	return select_services(ret_n, s, rules, service_is_left);
}

const struct slice *store_api_server(const struct store *s)
{
	const struct backend *backend;
	struct objname id;

	objname_init(&id, "default", "kubernetes");
	backend = find_backend(s, &id);
	objname_done(&id);
	return backend ? backend->slices : NULL;
}

const struct slice *store_slices(const struct service *service)
{
	return service->backend ? service->backend->slices : NULL;
}
