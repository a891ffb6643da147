/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "values/ipaddr.h"

/*
 * What the status of a Service says now, as far as kago writes it: enough to know whether it has to
 * be written, and small, for there is one of each Service. docs/troubleshooting.md has the
 * conditions.
 */

enum condition_type {
	CONDITION_ACCEPTED,         /* "kago.dev/Accepted": what it asks for can be done */
	CONDITION_ADDRESS_ASSIGNED, /* "kago.dev/AddressAssigned" */
	CONDITION_ANNOUNCED,        /* "kago.dev/Announced": some load balancer does */
	N_CONDITIONS
};
const char *condition_type_name(enum condition_type type);

struct held_condition {
	uint64_t digest; /* of all but lastTransitionTime (held_condition_digest); 0: not there */
	int64_t since;   /* lastTransitionTime, usec since 1970; 0 when unreadable */
	char status;     /* 'T', 'F' or 'U', as in True, False and Unknown */
};

struct held {
	struct ipaddr *vips; /* of loadBalancer.ingress[].ip, or held_keep; sorted, no two alike */
	size_t n_vips;
	uint64_t ingress_digest; /* of loadBalancer.ingress (held_ingress_digest); 0: none */
	struct held_condition conditions[N_CONDITIONS];
};

/* Reads the `status` of an object; what it does not understand is as if it were not there. */
void held_decode(struct held *ret, const json_t *object);
void held_done(struct held *h);
bool held_equal(const struct held *a, const struct held *b);

/*
 * Addresses that somebody else wrote over what kago had given stay those of before: whenever a
 * leader gives or takes one, it says so in the condition AddressAssigned. `before` is what the
 * same Service held.
 */
void held_keep(struct held *now, const struct held *before);

/* Whether the status has anything that kago put there: one of its conditions. */
bool held_is_marked(const struct held *h);

/* Whether all conditions are there and True. */
bool held_is_well(const struct held *h);

/* Equal for equal JSON, whatever the order of its keys; never 0. */
uint64_t held_ingress_digest(const json_t *ingress);
/* The same of a condition, without its lastTransitionTime. */
uint64_t held_condition_digest(const json_t *condition);
