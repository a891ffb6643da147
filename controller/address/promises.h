/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/mem.h"
#include "objects/service.h"
#include "values/ipaddr.h"

/*
 * Addresses that were given to Services and are on their way into their status: what is decided
 * meanwhile takes them as given, or two Services could get one address. A promise ends when the
 * status says what was promised, when it says anything else than at the time of the promise, and
 * when the Service is gone or another one of the same name. Pure.
 */
struct promises;

struct promises *promises_new(void) __attribute__((warn_unused_result));
struct promises *promises_free(struct promises *p);
DEFINE_CLEANUP(struct promises *, promises_free);

/*
 * What a Service has: what it was promised, or else what its status says; in ret_vips, borrowed
 * from one of them, sorted. `p` may be NULL.
 */
size_t promises_held(
	const struct ipaddr **ret_vips, const struct promises *p, const struct service *s);

/* A Service is to have these addresses: promised, if its status does not say them. */
void promises_make(
	struct promises *p, const struct service *s, const struct ipaddr vips[], size_t n);

/* A Service is not ours any more. */
void promises_forget(struct promises *p, const struct objname *id);

/* Forgets those for whom promises_make was not called since promises_begin. */
void promises_begin(struct promises *p);
void promises_sweep(struct promises *p);

size_t promises_count(const struct promises *p);
