/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * The objects we know, Services and EndpointSlices, by namespace and name. Decoding happens at the
 * door: a wrong object is remembered as such, with the reason, and never hides its neighbours.
 */
struct store;
struct fleet_rules;
struct keep_out;
struct objname;

struct store *store_new(void) __attribute__((warn_unused_result));
struct store *store_free(struct store *s);

enum store_change { STORE_SAME, STORE_CHANGED, STORE_IGNORED };

/*
 * Takes an object as `kubectl get -o json` has it. STORE_SAME: it says nothing new for us.
 * STORE_IGNORED: a kind that is none of ours, or an EndpointSlice of a Service that is not known.
 * -EINVAL for an object that no API server would take, with "Service NS/NAME: field: what and what
 * would be right": what was known of it stands; a Service of which nothing was is known as
 * rejected.
 * What is wrong with a Service's annotations only is no error here: fleet_build tells it.
 */
int store_put(enum store_change *ret, struct store *s, const json_t *object, struct err *e);

/*
 * Slices had their time to follow Services whose ports were given other names. True if that changes
 * something.
 */
bool store_forget_names(struct store *s);

/* The rules have changed: all is decided anew by the next fleet_next. */
void store_touch(struct store *s);

/* The same for one Service. */
void store_touch_service(struct store *s, const struct objname *id);

/* The same for those with an endpoint at one of these addresses, which are sorted. */
void store_touch_endpoints(struct store *s, const struct keep_out *addrs, size_t n);

/* The same for the Services of the fleet of these rules that are to be reached by tunnels. */
void store_touch_tunnelled(struct store *s, const struct fleet_rules *rules);

/* Whether there is one. */
bool store_has_tunnelled(const struct store *s, const struct fleet_rules *rules);

/*
 * `kind` is "Service" or "EndpointSlice". True if it was there, and store_put would not say
 * STORE_IGNORED of it.
 */
bool store_remove(struct store *s, const char *kind, const char *ns, const char *name);
