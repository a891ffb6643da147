/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/service.h"
#include "model/slice.h"
#include "model/store.h"

/* The store as this layer reads it: store.h's users see fleets only. */

/*
 * The Services that ask for `fleet`, sorted by namespace and name, in a new array that the caller
 * frees; they are the store's.
 */
const struct service **store_services(size_t *ret_n, const struct store *s, const char *fleet)
	__attribute__((warn_unused_result));

/* The first of a Service's slices, which are chained by `next` in no particular order; NULL if
 * none. */
const struct slice *store_slices(const struct store *s, const struct objname *service);
