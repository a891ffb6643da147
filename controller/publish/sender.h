/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/mem.h"
#include "kube/kube.h"
#include "publish/writes.h"

/* Sends status documents by server-side apply and makes of each answer what it means for us. */
struct sender;

/* How a write has ended. */
struct sender_end {
	enum write_result result;
	bool missing; /* there is no such Service any more */
	bool cleared; /* what was sent was to clear its status */
	uint64_t retry_after;
};

struct sender_ops {
	/* `news`: what was given with the write; consumed. */
	void (*on_end)(void *ud, struct write *one, const struct sender_end *end, void *news);
	void *(*free_news)(void *news); /* NULL is fine; returns NULL */
};

/*
 * `kube` is borrowed. `fleet` makes the name of the field manager, kago-FLEET, so that no fleet
 * takes away what another one wrote.
 */
struct sender *sender_new(struct kube *kube, const char *fleet, const struct sender_ops *ops,
	void *ud) __attribute__((warn_unused_result));
/* Nothing may be in flight. */
struct sender *sender_free(struct sender *s);
DEFINE_CLEANUP(struct sender *, sender_free);

/* `news` is consumed; write.data is ours until the end. */
void sender_send(struct sender *s, struct write *one, const json_t *document, void *news);

/* Gives up a write in flight, without on_end. */
void sender_cancel(struct sender *s, struct write *one);

struct sender_stats {
	uint64_t written, outdated, refused, failed; /* writes by what became of them */
};
struct sender_stats sender_stats(const struct sender *s);
