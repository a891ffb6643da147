/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/inquiry.h"

#include <jansson.h>
#include <stdlib.h>

#include "check/survey/nodes.h"
#include "kube/kube.h"
#include "kube/kubeconf.h"
#include "kube/version.h"
#include "lead/lease.h"
#include "loop/loop.h"

enum { TIMEOUT = 5 * 1000 * 1000 /* usec for each call */ };

#define REVIEWS "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

struct inquiry {
	sd_event *loop;
	struct api_facts *facts;
	struct tunnels_facts *tunnels;
	char *fleet;
	struct kube *kube;
	sd_event_source *failed; /* there is nobody to ask, which the loop tells */
	struct question {
		struct inquiry *inquiry;
		size_t number;
	} questions[N_PERMISSIONS];
	size_t n_open;
	void (*done)(void *ud);
	void *ud;
};

static void on_review(void *ud, const struct kube_answer *answer)
{
	const struct question *question = ud;
	struct inquiry *q = question->inquiry;
	const json_t *status = json_object_get(answer->body, "status");
	const json_t *allowed = json_object_get(status, "allowed");

	if (json_is_boolean(allowed))
		q->facts->may[question->number] = json_is_true(allowed) ? API_ALLOWED : API_DENIED;
	else if (!q->facts->may_error)
		xreplace(&q->facts->may_error, answer->error ? answer->error : "no answer");
	if (--q->n_open == 0)
		q->done(q->ud);
}

static json_t *review_of(const struct permission *p, const char *ns)
{
	json_t *what = json_pack("{s:s, s:s, s:s, s:s}", "group", p->group, "resource", p->resource,
		"verb", p->verb, "namespace", ns);

	if (*p->subresource)
		json_object_set_new(what, "subresource", json_string(p->subresource));
	return json_pack("{s:s, s:s, s:{s:o}}", "apiVersion", "authorization.k8s.io/v1", "kind",
		"SelfSubjectAccessReview", "spec", "resourceAttributes", what);
}

static void ask_permissions(struct inquiry *q)
{
	for (size_t i = 0; i < N_PERMISSIONS; i++) {
		const struct permission *p = &permissions()[i];
		json_auto_t *body = review_of(p, p->of_leases ? q->facts->lease_ns : q->facts->ns);

		q->questions[i] = (struct question){q, i};
		q->n_open++;
		kube_start(q->kube, &(struct kube_request){
					    .method = "POST",
					    .path = REVIEWS,
					    .body = body,
					    .timeout = TIMEOUT,
					    .done = on_review,
					    .ud = &q->questions[i],
				    });
	}
}

static void on_leases(void *ud, const struct kube_answer *answer)
{
	struct inquiry *q = ud;

	if (answer->error || !answer->body)
		q->tunnels->error = xstrdup(answer->error ? answer->error : "no answer");
	else
		nodes_look(q->tunnels, answer->body, q->fleet);
	if (--q->n_open == 0)
		q->done(q->ud);
}

static void ask_for_leases(struct inquiry *q)
{
	CLEANUP_FREE char *ns = kube_escape(q->facts->lease_ns);
	CLEANUP_FREE char *labels = xasprintf(LEASE_FLEET_LABEL "=%s", q->fleet);
	CLEANUP_FREE char *selector = kube_escape(labels);
	CLEANUP_FREE char *path = xasprintf(
		"/apis/%s/namespaces/%s/leases?labelSelector=%s", LEASE_API_VERSION, ns, selector);

	q->n_open++;
	kube_start(q->kube, &(struct kube_request){.method = "GET",
				    .path = path,
				    .timeout = TIMEOUT,
				    .done = on_leases,
				    .ud = q});
}

static void on_version(void *ud, const struct kube_answer *answer)
{
	struct inquiry *q = ud;
	const char *version = json_string_value(json_object_get(answer->body, "gitVersion"));

	if (answer->error)
		q->facts->error = xstrdup(answer->error);
	else if (!version || version_minor(&q->facts->minor, answer->body) < 0)
		q->facts->error = xstrdup("it does not say its version");
	q->facts->unreachable = answer->status == 0;
	if (q->facts->error) {
		q->done(q->ud);
		return;
	}
	q->facts->version = xstrdup(version);
	ask_permissions(q);
	ask_for_leases(q);
}

static void on_failed(void *ud)
{
	struct inquiry *q = ud;

	q->done(q->ud);
}

static int connect_kube(
	struct inquiry *q, sd_event *loop, const struct config *config, struct err *e)
{
	CLEANUP(kubeconf_freep) struct kubeconf *conf = NULL;
	int r = kubeconf_find(&conf, config->kubernetes.kubeconfig, config->kubernetes.context, e);

	if (r < 0)
		return r;
	q->facts->server = xstrdup(conf->server);
	return kube_new(&q->kube, loop, steal(conf), LOOP_ANSWERS, e);
}

struct inquiry *inquiry_new(sd_event *loop, struct api_facts *ret,
	struct tunnels_facts *ret_tunnels, const struct config *config)
{
	const char *lease_ns = config->kubernetes.lease_namespace;
	struct inquiry *q = xnew0(struct inquiry);
	struct err e = {0};

	q->loop = loop;
	q->facts = ret;
	q->tunnels = ret_tunnels;
	q->fleet = xstrdup(config->fleet);
	ret->asked = true;
	ret->ns = xstrdup(config->kubernetes.namespace);
	if (connect_kube(q, loop, config, &e) < 0)
		ret->credentials_error = xstrdup(e.msg);
	else if (!*lease_ns)
		lease_ns = kube_namespace(q->kube);
	ret->lease_ns = xstrdup(lease_ns);
	return q;
}

void inquiry_start(struct inquiry *q, void (*done)(void *ud), void *ud)
{
	struct err e = {0};

	q->done = done;
	q->ud = ud;
	if (q->kube)
		kube_start(q->kube, &(struct kube_request){.method = "GET",
					    .path = "/version",
					    .timeout = TIMEOUT,
					    .done = on_version,
					    .ud = q});
	else if (loop_timer_new(&q->failed, q->loop, on_failed, q, &e) >= 0)
		loop_timer_arm(q->failed, 0);
}

struct inquiry *inquiry_free(struct inquiry *q)
{
	if (!q)
		return NULL;
	kube_free(q->kube);
	sd_event_source_disable_unref(q->failed);
	free(q->fleet);
	free(q);
	return NULL;
}
