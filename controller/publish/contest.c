/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/contest.h"

#include <string.h>

#include "base/str.h"
#include "doc/jsonx.h"

enum { TIMEOUT = 5 * 1000 * 1000 /* usec */ };

struct contest {
	struct kube *kube;
	struct kube_call *call; /* NULL: it is at work on none */
	struct objname service;
	char *own;
	contest_fn *found;
	void *ud;
};

struct contest *contest_new(struct kube *kube, const char *fleet, contest_fn *found, void *ud)
{
	struct contest *c = xnew0(struct contest);

	c->kube = kube;
	c->own = xasprintf("kago-%s", fleet);
	c->found = found;
	c->ud = ud;
	return c;
}

void contest_cancel(struct contest *c)
{
	c->call = kube_cancel(c->call);
	objname_done(&c->service);
}

struct contest *contest_free(struct contest *c)
{
	if (!c)
		return NULL;
	contest_cancel(c);
	free(c->own);
	free(c);
	return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool has_written(const json_t *entry, const char *own)
{
	const json_t *status = json_object_get(json_object_get(entry, "fieldsV1"), "f:status");

	return json_object_get(status, "f:loadBalancer") &&
	       strcmp(text_of(entry, "manager"), own) != 0;
}

const char *contest_find(const json_t *managed_fields, const char *own)
{
	const json_t *entry, *last = NULL;
	size_t i;

	/* Times of RFC 3339, all in UTC, are in order as texts are. */
	json_array_foreach(managed_fields, i, entry)
		if (has_written(entry, own) &&
			(!last || strcmp(text_of(last, "time"), text_of(entry, "time")) <= 0))
			last = entry;
	return last ? text_of(last, "manager") : NULL;
}

char *contest_note(const char *manager)
{
	char quoted[STR_QUOTED_SIZE];

	if (!manager)
		return xstrdup("somebody else writes status.loadBalancer, too; kago goes on to "
			       "serve what it has given");
	return xasprintf("%s writes status.loadBalancer, too; kago goes on to serve what it has "
			 "given: see that only one of them serves the Service",
		str_quote(quoted, manager));
}

/* The API server gives one Service alone only to those who may `get`; we may `list`. */
static void on_answer(void *ud, const struct kube_answer *answer)
{
	struct contest *c = ud;
	const json_t *item = json_array_get(json_object_get(answer->body, "items"), 0);
	const json_t *metadata = json_object_get(item, "metadata");
	struct objname service = c->service;

	c->service = (struct objname){0};
	c->call = NULL;
	if (!answer->error)
		c->found(c->ud, &service,
			contest_find(json_object_get(metadata, "managedFields"), c->own));
	objname_done(&service);
}

void contest_ask(struct contest *c, const struct objname *service)
{
	CLEANUP_FREE char *path = NULL;

	if (c->call)
		return;
	path = xasprintf("/api/v1/namespaces/%s/services?fieldSelector=metadata.name%%3D%s",
		service->ns, service->name);
	objname_init(&c->service, service->ns, service->name);
	c->call = kube_start(c->kube, &(struct kube_request){.method = "GET",
					      .path = path,
					      .timeout = TIMEOUT,
					      .done = on_answer,
					      .ud = c});
}
