/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_kube.h"

#include <stdlib.h>
#include <string.h>

static struct fake fake;

struct fake *fake_kube(void)
{
	return &fake;
}

void fake_reset(void)
{
	for (size_t i = 0; i < fake.n_requests; i++) {
		free(fake.requests[i].method);
		free(fake.requests[i].path);
		json_decref(fake.requests[i].body);
	}
	for (size_t i = 0; i < fake.n_watches; i++) {
		free(fake.watches[i].path);
		free(fake.watches[i].selectors);
	}
	memset(&fake, 0, sizeof fake);
}

struct fake_watch *fake_watch(void)
{
	return &fake.watches[fake.n_watches - 1];
}

struct kube_call *kube_start(struct kube *k, const struct kube_request *r)
{
	struct fake_request *f = &fake.requests[fake.n_requests];

	(void)k;
	if (fake.n_requests == FAKE_REQUESTS)
		abort();
	fake.n_requests++;
	*f = (struct fake_request){.method = xstrdup(r->method),
		.path = xstrdup(r->path),
		.body = json_deep_copy(r->body),
		.done = r->done,
		.ud = r->ud,
		.open = true};
	return (struct kube_call *)f;
}

struct kube_call *kube_cancel(struct kube_call *c)
{
	if (c)
		((struct fake_request *)c)->open = false;
	return NULL;
}

char *kube_escape(const char *text)
{
	return xstrdup(text);
}

int watch_new(struct watch **ret, sd_event *loop, struct kube *kube, const struct watch_spec *spec,
	const struct watch_ops *ops, void *ud, struct err *e)
{
	(void)loop;
	(void)kube;
	(void)e;
	if (fake.n_watches == FAKE_WATCHES)
		abort();
	fake.watches[fake.n_watches++] =
		(struct fake_watch){*ops, ud, xstrdup(spec->path), xstrdup(spec->selectors)};
	*ret = NULL;
	return 0;
}

struct watch *watch_free(struct watch *w)
{
	(void)w;
	return NULL;
}

uint64_t watch_lost_since(const struct watch *w)
{
	(void)w;
	return fake.lost_since;
}

void watch_wake(struct watch *w)
{
	(void)w;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

struct fake_request *fake_find(const char *method, const char *end)
{
	for (size_t i = fake.n_requests; i > 0; i--) {
		struct fake_request *r = &fake.requests[i - 1];

		if (r->open && strcmp(r->method, method) == 0 && ends_with(r->path, end))
			return r;
	}
	return NULL;
}

static void answer_with(struct fake_request *r, int status, const json_t *body)
{
	bool fine = status >= 200 && status < 300;
	const struct kube_answer answer = {.status = status,
		.body = fine ? body : NULL,
		.error = fine ? NULL : "the server does not want to"};

	r->open = false;
	r->done(r->ud, &answer);
}

void fake_answer(struct fake_request *r, int status, const char *uid, const char *version)
{
	json_t *body =
		json_pack("{s:{s:s, s:s}}", "metadata", "uid", uid, "resourceVersion", version);

	answer_with(r, status, body);
	json_decref(body);
}

void fake_answer_json(struct fake_request *r, const char *text)
{
	json_t *body = json_loads(text, 0, NULL);

	if (!body)
		abort();
	answer_with(r, 200, body);
	json_decref(body);
}

void fake_lease(const char *name, const char *version, const char *holder, const char *announces)
{
	json_t *object = json_pack("{s:{s:s, s:s, s:s, s:s, s:{s:s}}, s:{s:s, s:i}}", "metadata",
		"name", name, "namespace", "kago", "uid", "u", "resourceVersion", version,
		"annotations", "kago.dev/announces", announces, "spec", "holderIdentity", holder,
		"leaseDurationSeconds", 40);

	fake_watch()->ops.upsert(fake_watch()->ud, object);
	json_decref(object);
}
