/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "values/ipaddr.h"

/*
 * A set of addresses, made of prefixes, with a compact text for an annotation:
 * "10.1.1.0-10.1.1.255,10.1.2.7,fd00::1". Ranges ascend, IPv4 first, and neither overlap nor touch.
 * What does not fit is left out at the end, which is "..." then: whether the set holds an address
 * behind its last range is unknown, and counts as yes. Who announces more than ten thousand ranges
 * more likely announces it than not, and a wrong "no" would raise alarms about what works. Pure.
 */

struct prefix_range {
	struct ipaddr first, last;
};

/* `{0}` is the empty set. */
struct prefix_set {
	struct prefix_range *ranges;
	size_t n_ranges;
	bool more; /* there are others, behind the last range */
};

/* From prefixes in any order, overlapping or not; one that ends in an IPv4-mapped address, which
 * has no text, is left out. */
void prefix_set_build(struct prefix_set *ret, const struct ipnet nets[], size_t n_nets);

/* Exactly what prefix_set_format makes, up to `max` bytes. Errors: -EINVAL. */
int prefix_set_parse(struct prefix_set *ret, const char *text, size_t max, struct err *e);

/* A new string of at most `max` bytes, which are 100 or more. */
char *prefix_set_format(const struct prefix_set *s, size_t max) __attribute__((warn_unused_result));

bool prefix_set_contains(const struct prefix_set *s, const struct ipaddr *a);

void prefix_set_done(struct prefix_set *s);
