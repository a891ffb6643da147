/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "base/mem.h"
#include "kube/kube.h"
#include "objects/service.h"

/*
 * Finds out who else writes the status of a Service: the API server knows the field managers, of
 * which nothing is kept otherwise.
 */
struct contest;

/* Who it is, as it names itself; NULL: nobody any more. Not called when the server cannot say. */
typedef void contest_fn(void *ud, const struct objname *service, const char *manager);

/* `kube` is borrowed. `fleet`: whose own field manager is left out. */
struct contest *contest_new(struct kube *kube, const char *fleet, contest_fn *found, void *ud)
	__attribute__((warn_unused_result));
struct contest *contest_free(struct contest *c);
DEFINE_CLEANUP(struct contest *, contest_free);

/* Does nothing while it is at work on another one. */
void contest_ask(struct contest *c, const struct objname *service);

/* The answer is not wanted any more. */
void contest_cancel(struct contest *c);

/*
 * Of managedFields (KEP-555), who but `own` wrote status.loadBalancer last, borrowed; NULL if
 * nobody did. Pure.
 */
const char *contest_find(const json_t *managed_fields, const char *own);

/* What people are told. `manager` NULL: somebody who is gone again. */
char *contest_note(const char *manager) __attribute__((warn_unused_result));
