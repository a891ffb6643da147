/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/ipaddr.h"

/*
 * Which clients may use a Service: spec.loadBalancerSourceRanges, or if that is empty the
 * annotation that Kubernetes had before it. docs/annotations.md is the users' side of this.
 */
#define SOURCES_ANNOTATION "service.beta.kubernetes.io/load-balancer-source-ranges"

struct sources {
	struct ipnet *nets; /* sorted, none inside another */
	size_t n_nets;      /* 0: everybody may */
};

/*
 * Host bits are cleared, as Kubernetes takes them. Errors: -EINVAL with "FIELD: what is wrong and
 * what would be right".
 */
int sources_parse(struct sources *ret, const json_t *object, struct err *e);
void sources_done(struct sources *s);
bool sources_equal(const struct sources *a, const struct sources *b);

/* Those of one address family, in a new array; NULL if there are none. */
struct ipnet *sources_of(size_t *ret_n, const struct sources *s, int family)
	__attribute__((warn_unused_result));
