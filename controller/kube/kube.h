/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "kube/kubeconf.h"
#include "loop/loop.h"

/*
 * Calls to one Kubernetes API server over libcurl, on the loop: HTTP/2 where the server has it, one
 * pool of connections, TLS verified, answers compressed. Every call ends with exactly one `done`,
 * unless it is cancelled first.
 */
struct kube;
struct kube_call;

/* `conf` is consumed. Nothing is sent yet. `priority`: of answers, and of what is to be sent. */
int kube_new(struct kube **ret, sd_event *loop, struct kubeconf *conf, enum loop_priority priority,
	struct err *e);
/* Cancels all calls. Not from a callback. */
struct kube *kube_free(struct kube *k);
DEFINE_CLEANUP(struct kube *, kube_free);

/* The namespace of our service account or context. */
const char *kube_namespace(const struct kube *k);

struct kube_answer {
	int status;         /* HTTP status; 0: there was no answer */
	const json_t *body; /* the object; NULL for streams, and with most errors; borrowed */
	const char *error;  /* for people: what went wrong; NULL when status is 2xx and all came */
	uint64_t retry_after; /* usec the server wants us to wait, at most 300 s; 0: not said */
};

struct kube_request {
	const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	const char *path;   /* escaped, with its query: "/api/v1/services?limit=100" */
	const json_t *body; /* borrowed; NULL: none */
	const char *type;   /* of the body; NULL: "application/json" */
	uint64_t timeout;   /* usec for the whole call; 0: without end */
	/* usec after which it has failed; 0: never. A document may say nothing for so long; a
	 * stream may complete no line for so long, nor may a line take longer. */
	uint64_t silence;
	/* A 2xx answer begins; NULL: no matter. */
	void (*on_open)(void *ud);
	/* For streams: called with each line of a 2xx answer; an error of it ends the call with
	 * that error. NULL: the answer is one document. */
	int (*on_line)(void *ud, const char *line, size_t len, struct err *e);
	void (*done)(void *ud, const struct kube_answer *answer);
	void *ud;
};

/*
 * Starts a call; everything in `r` is copied. No callback comes before this returns. Callbacks may
 * start and cancel calls, their own, too. The call is gone once `done` was called.
 */
struct kube_call *kube_start(struct kube *k, const struct kube_request *r);

/* Ends a call: none of its callbacks comes any more. NULL is fine; returns NULL. */
struct kube_call *kube_cancel(struct kube_call *c);

/* For metrics, since the start. */
struct kube_stats {
	uint64_t calls, failures;            /* failures: those that ended with an error */
	uint64_t bytes_sent, bytes_received; /* of bodies, as they were on the wire */
};
struct kube_stats kube_stats(const struct kube *k);

/* Percent-encodes a value of a query or a step of a path; a new string. */
char *kube_escape(const char *text) __attribute__((warn_unused_result));
