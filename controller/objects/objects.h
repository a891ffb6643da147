/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "objects/fleet_rules.h"
#include "objects/service.h"
#include "objects/slice.h"
#include "objects/store.h"

/* The store as this layer reads it: store.h's users see fleets only. */

/*
 * The Services that ask for the fleet of these rules, sorted by namespace and name, in a new array
 * that the caller frees; they are the store's.
 */
const struct service **store_services(size_t *ret_n, const struct store *s,
	const struct fleet_rules *rules) __attribute__((warn_unused_result));

/* The same of those that are left (service_is_left). */
const struct service **store_left(size_t *ret_n, const struct store *s,
	const struct fleet_rules *rules) __attribute__((warn_unused_result));

/*
 * The Services that have changed, or their slices, since the last call, each perhaps twice; or with
 * `all` anything: for fleet_next alone. The caller frees them with store_news_done.
 */
struct store_news {
	struct objname *services;
	size_t n_services;
	bool all;
};
struct store_news store_take_news(struct store *s);
void store_news_done(struct store_news *news);

/* NULL when it is not known. It is the store's, to be read, or kept with service_ref. */
struct service *store_find(const struct store *s, const char *ns, const char *name);

/* The slices of the API server itself, those of the Service default/kubernetes; NULL if none. */
const struct slice *store_api_server(const struct store *s);

/* The first of a Service's slices, which are chained by `next` in no particular order; NULL if
 * none. The Service is the store's. */
const struct slice *store_slices(const struct service *service);
