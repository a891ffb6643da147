/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "kube/kube.h"

/*
 * Follows one collection of the API server for ever: a list, streamed where the server can
 * (KEP-3157) and else in pages, then a watch with bookmarks that is resumed where it ended. What is
 * too old to resume (410) is listed again, and only then what is gone is removed: nothing is
 * dropped meanwhile, nor while the server cannot be reached. Failures are tried again with backoff,
 * not sooner than the server's Retry-After.
 */
struct watch;

struct watch_spec {
	const char *api_version, *kind; /* "v1", "Service": of the items */
	const char *path;               /* the collection: "/api/v1/services" */
	const char *selectors;          /* an escaped piece of a query, such as
					   "fieldSelector=spec.type%3DLoadBalancer"; "" for all */
	uint64_t silence; /* usec that it may say nothing, bookmarks included, or that one line
			     may take, until a stream is dead */
};

struct watch_ops {
	/* The object is new or may have changed; borrowed, without managedFields. */
	void (*upsert)(void *ud, const json_t *object);
	void (*remove)(void *ud, const char *kind, const char *ns, const char *name);
	/* A complete list is in: the first, and each after watch_relist. */
	void (*synced)(void *ud);
	/* It stopped working, or fails in another way than before, or an object was no object. */
	void (*problem)(void *ud, const char *where, const char *what);
	/* It works again. `lost_for`: usec. */
	void (*recovered)(void *ud, const char *where, uint64_t lost_for);
};

/* `spec` is copied; `kube` is borrowed. */
int watch_new(struct watch **ret, sd_event *loop, struct kube *kube, const struct watch_spec *spec,
	const struct watch_ops *ops, void *ud, struct err *e);
struct watch *watch_free(struct watch *w);
DEFINE_CLEANUP(struct watch *, watch_free);

/*
 * Lists again, from the newest state there is and not from a cache, and calls `synced` when that is
 * in: what was written before this call is known then.
 */
void watch_relist(struct watch *w);

/* The server has answered somebody: one that waits because it could not be reached tries now. */
void watch_wake(struct watch *w);

/* Loop time since when it does not work; 0: it works. */
uint64_t watch_lost_since(const struct watch *w);
