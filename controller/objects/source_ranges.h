/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "values/ipaddr.h"

/*
 * Which clients may use a Service: spec.loadBalancerSourceRanges, or if that is empty the
 * annotation that Kubernetes had before it. docs/annotations.md is the users' side of this.
 */
#define SOURCES_ANNOTATION "service.beta.kubernetes.io/load-balancer-source-ranges"

struct source_ranges {
	struct ipnet *nets; /* sorted, none inside another */
	size_t n_nets;      /* 0: everybody may */
};

/*
 * Host bits are cleared, as Kubernetes takes them. Errors: -EINVAL with "FIELD: what is wrong and
 * what would be right".
 */
int source_ranges_parse(struct source_ranges *ret, const json_t *object, struct err *e);
void source_ranges_done(struct source_ranges *s);
bool source_ranges_equal(const struct source_ranges *a, const struct source_ranges *b);

/* Those of one address family, in a new array; NULL if there are none. */
struct ipnet *source_ranges_of(size_t *ret_n, const struct source_ranges *s, int family)
	__attribute__((warn_unused_result));
