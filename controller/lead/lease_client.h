/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "kube/kube.h"
#include "kube/watch.h"
#include "lead/lease.h"

/* What those who write the Leases of a fleet share: who they are and how they write. */
struct lease_client {
	struct kube *kube;
	sd_event *loop;
	char *ns, *fleet, *identity;
	void (*problem)(void *ud, const char *where, const char *what);
	void (*recovered)(void *ud, const char *where, uint64_t lost_for);
	void *ud;
};

/*
 * Follows the Leases of the fleet, as watch_new. `labels`: what else their labels have to be, such
 * as ",!kago.dev/agent"; `fields`: a selector of fields; "" for all.
 */
int lease_client_watch(struct watch **ret, const struct lease_client *c, const char *labels,
	const char *fields, uint64_t silence, const struct watch_ops *ops, void *ud, struct err *e);

/*
 * Creates the Lease, or updates it if it has a resource version. Namespace, label and the time of
 * the renewal are filled in. `timeout`: usec. As kube_start: `done` comes once, later.
 */
struct kube_call *lease_client_put(const struct lease_client *c, const struct lease *l,
	uint64_t timeout, void (*done)(void *ud, const struct kube_answer *answer), void *ud);

/* Deletes the Lease if it has that uid and, unless it is NULL, that version. */
struct kube_call *lease_client_delete(const struct lease_client *c, const char *name,
	const char *uid, const char *version, uint64_t timeout,
	void (*done)(void *ud, const struct kube_answer *answer), void *ud);

/* The resource version in an answer that succeeded; "" in others. Borrowed from it. */
const char *lease_client_version(const struct kube_answer *answer);

/*
 * Tells of the first failure in a row, and of the first success after. `since` is the caller's,
 * when it began; 0 at first. A conflict (409) is a success here: the server works.
 */
void lease_client_tell(const struct lease_client *c, uint64_t *since, const char *name,
	const struct kube_answer *answer);
