/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/sender.h"

#include "base/log.h"
#include "kube/failure.h"
#include "loop/loop.h"

enum {
	/* usec; shorter than what is left of the lease when a leader has to stop */
	WRITE_TIMEOUT = 3 * 1000 * 1000,
	HTTP_NOT_FOUND = 404,
	HTTP_CONFLICT = 409,
};

struct sender {
	struct kube *kube;
	struct sender_ops ops;
	void *ud;
	char *fleet;
	struct sender_stats stats;
	bool unreachable; /* told of already */
};

/* A write on its way. */
struct sending {
	struct sender *sender;
	struct write *write;
	struct kube_call *call;
	bool clear; /* as the write was when it was sent */
	void *news;
};

struct sender *sender_new(
	struct kube *kube, const char *fleet, const struct sender_ops *ops, void *ud)
{
	struct sender *s = xnew0(struct sender);

	s->kube = kube;
	s->ops = *ops;
	s->ud = ud;
	s->fleet = xstrdup(fleet);
	return s;
}

struct sender *sender_free(struct sender *s)
{
	if (!s)
		return NULL;
	free(s->fleet);
	free(s);
	return NULL;
}

/* That the server cannot be reached is told once, until it can. */
static void log_failure(struct sender *s, const struct write *one, const char *error, bool down)
{
	CLEANUP_FREE char *service = xasprintf("%s/%s", one->id.ns, one->id.name);

	if (down && s->unreachable)
		return;
	s->unreachable = down;
	log_warn("status.not_written", LOG_STR("service", service), LOG_STR("error", error),
		LOG_STR("effect", "it is tried again; forwarding goes on"));
}

/* What is to be cleared goes by its uid: a conflict says that it is gone, or another one now. */
static bool is_missing(const struct sending *s, int status)
{
	return status == HTTP_NOT_FOUND || (s->clear && status == HTTP_CONFLICT);
}

static enum write_result judge(const struct sending *sending, const struct kube_answer *answer)
{
	const struct write *one = sending->write;
	struct sender *s = sending->sender;

	if (!answer->error || is_missing(sending, answer->status)) {
		s->stats.written += !answer->error;
		s->unreachable = false;
		return WRITE_DONE;
	}
	if (answer->status == HTTP_CONFLICT) {
		s->stats.outdated++;
		return WRITE_OUTDATED;
	}
	if (failure_is_passing(answer->status)) {
		s->stats.failed++;
		log_failure(s, one, answer->error, true);
		return WRITE_UNREACHABLE;
	}
	s->stats.refused++;
	log_failure(s, one, answer->error, false);
	return WRITE_REFUSED;
}

static void on_answer(void *ud, const struct kube_answer *answer)
{
	CLEANUP_FREE struct sending *sending = ud;
	struct sender *s = sending->sender;
	struct sender_end end = {
		.result = judge(sending, answer),
		.missing = is_missing(sending, answer->status),
		.cleared = sending->clear,
		.retry_after = answer->retry_after,
	};

	loop_doing(LOOP_HERE("on_answer"));
	sending->write->data = NULL;
	s->ops.on_end(s->ud, sending->write, &end, sending->news);
}

void sender_send(struct sender *s, struct write *one, const json_t *document, void *news)
{
	struct sending *sending = xnew0(struct sending);
	CLEANUP_FREE char *path = xasprintf(
		"/api/v1/namespaces/%s/services/%s/status?fieldManager=kago-%s&force=true",
		one->id.ns, one->id.name, s->fleet);

	*sending = (struct sending){.sender = s, .write = one, .clear = one->clear, .news = news};
	one->data = sending;
	sending->call = kube_start(s->kube, &(struct kube_request){.method = "PATCH",
						    .path = path,
						    .body = document,
						    .type = "application/apply-patch+yaml",
						    .timeout = WRITE_TIMEOUT,
						    .done = on_answer,
						    .ud = sending});
}

void sender_cancel(struct sender *s, struct write *one)
{
	struct sending *sending = one->data;

	kube_cancel(sending->call);
	s->ops.free_news(sending->news);
	free(sending);
	one->data = NULL;
}

struct sender_stats sender_stats(const struct sender *s)
{
	return s->stats;
}
