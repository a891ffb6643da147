/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/sweep.h"

#include "doc/jsonx.h"
#include "kube/watch_event.h"
#include "kube/watch_query.h"
#include "objects/held.h"

enum { PAGE_TIMEOUT = 30 * 1000 * 1000 /* usec */ };

struct sweep {
	struct kube *kube;
	struct kube_call *call;
	struct sweep_ops ops;
	void *ud;
	char *path;
	char *next;
};

static void ask(struct sweep *s);

static void look_at(const struct sweep *s, const json_t *object)
{
	struct watch_event_id id;
	struct held held;
	struct err e = {0};

	const char *uid = "";

	held_decode(&held, object);
	if (held_is_marked(&held) && watch_event_identify(&id, object, &e) == 0 &&
		jsonx_str(&uid, object, "metadata.uid", &e) == 0)
		s->ops.on_marked(s->ud, id.ns, id.name, uid);
	held_done(&held);
}

static int take_page(struct sweep *s, const json_t *document, struct err *e)
{
	struct watch_event_page page;
	const json_t *item;
	size_t i;
	int r = watch_event_page_read(&page, document, e);

	if (r < 0)
		return r;
	json_array_foreach(page.items, i, item)
		if (json_is_object(item))
			look_at(s, item);
	free(s->next);
	s->next = xstrdup(page.next);
	return 0;
}

static void on_page(void *ud, const struct kube_answer *answer)
{
	const char *error = answer->error;
	struct sweep *s = ud;
	struct err e = {0};

	s->call = NULL;
	if (!error && take_page(s, answer->body, &e) < 0)
		error = e.msg;
	if (!error && *s->next)
		ask(s);
	else
		s->ops.done(s->ud, error);
}

static void ask(struct sweep *s)
{
	CLEANUP_FREE char *query = watch_query_page(
		s->path, "fieldSelector=spec.type%21%3DLoadBalancer", WATCH_PAGE_ITEMS, s->next);

	s->call = kube_start(s->kube, &(struct kube_request){.method = "GET",
					      .path = query,
					      .timeout = PAGE_TIMEOUT,
					      .done = on_page,
					      .ud = s});
}

struct sweep *sweep_start(
	struct kube *kube, const char *namespace, const struct sweep_ops *ops, void *ud)
{
	struct sweep *s = xnew0(struct sweep);

	s->kube = kube;
	s->ops = *ops;
	s->ud = ud;
	s->path = *namespace ? xasprintf("/api/v1/namespaces/%s/services", namespace)
			     : xstrdup("/api/v1/services");
	s->next = xstrdup("");
	ask(s);
	return s;
}

struct sweep *sweep_free(struct sweep *s)
{
	if (!s)
		return NULL;
	kube_cancel(s->call);
	free(s->path);
	free(s->next);
	free(s);
	return NULL;
}
