/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "address/allocation.h"
#include "base/err.h"
#include "base/mem.h"
#include "decide/fleet.h"
#include "kube/kube.h"
#include "lead/membership.h"
#include "objects/store.h"
#include "publish/events.h"
#include "publish/sender.h"
#include "publish/status_document.h"

/*
 * The leader's pen: gives Services their addresses and keeps their status and Events in step with
 * what is known. Only while it leads; then it looks at the Services for which something
 * has changed, for some milliseconds at a time, and writes what differs, against the
 * resourceVersion it was decided on.
 */
struct publisher;

/* What it works with; all borrowed, and outliving it. */
struct publisher_parts {
	struct kube *kube;
	struct events *events;
	const struct membership *membership;
	const struct store *store;
	const struct fleet_rules *rules;
	const struct status_features *features;
};

struct publisher_ops {
	/* The newest decision; NULL before the first. */
	struct fleet *(*fleet)(void *ud);
};

int publisher_new(struct publisher **ret, sd_event *loop, const struct publisher_parts *parts,
	const struct publisher_ops *ops, void *ud, struct err *e);
struct publisher *publisher_free(struct publisher *p);
DEFINE_CLEANUP(struct publisher *, publisher_free);

/*
 * Leading begins: the store has everything that was written before. Or it ends: calls in flight are
 * given up.
 */
void publisher_lead(struct publisher *p, bool leads);

/*
 * An object of the store has changed or is gone: a Service, or if NULL an EndpointSlice. Until
 * publisher_decided only addresses are given, and none before publisher_refresh if a Service is
 * among them, for what was decided about it holds no more.
 */
void publisher_touch(struct publisher *p, const struct objname *service);

/* The same of what is not known one by one, such as the rules. */
void publisher_touch_all(struct publisher *p);

/*
 * A Service was read, whether or not that changes anything for us: with its new resourceVersion
 * what the server found outdated can be written.
 */
void publisher_seen(struct publisher *p, const struct objname *service);

/*
 * After what was touched: gives addresses, which do not depend on the decision. Does nothing unless
 * it leads.
 */
void publisher_refresh(struct publisher *p);

/* There is a decision about the objects as they are: what differs from the one before is told. */
void publisher_decided(struct publisher *p);

/* Who announces what has changed. */
void publisher_members(struct publisher *p);

/* A Service that had marks of ours is no LoadBalancer any more, or gone: they are taken out. */
void publisher_clear(struct publisher *p, const char *ns, const char *name, const char *uid);

/* The API server, which could not be reached, answers again. */
void publisher_wake(struct publisher *p);

/* What the leader decided about addresses; NULL while it does not lead or has to decide anew. */
const struct allocation *publisher_allocation(const struct publisher *p);

struct publisher_stats {
	struct sender_stats writes;
	size_t pending;
};
struct publisher_stats publisher_stats(const struct publisher *p);
