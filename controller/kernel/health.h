/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "values/ipaddr.h"
#include "values/place.h"

/*
 * Which real servers a health check has taken down: the one thing beside the decision that says
 * what weight a real server has. keepalived tells it in words as it happens. What is found at
 * weight 0 without a word, and what was down when keepalived starts anew, counts as down until the
 * new checks must have had their say: keepalived does not tell of a real server that it finds well
 * at the first look. Pure; times are usec of any one clock.
 */
struct health;

/* No time: as long as no checks are made nothing can be said. */
#define HEALTH_NEVER UINT64_MAX

struct health *health_new(void) __attribute__((warn_unused_result));
struct health *health_free(struct health *h);

bool health_is_down(const struct health *h, const struct place *place, const struct ipaddr *addr,
	uint16_t port);
size_t health_n_down(const struct health *h);

/* It is down until it is said to be up, or until `until`. */
void health_set_down(struct health *h, const struct place *place, const struct ipaddr *addr,
	uint16_t port, uint64_t until);
void health_set_up(
	struct health *h, const struct place *place, const struct ipaddr *addr, uint16_t port);

/* A real server that is down. */
struct health_entry {
	struct place place;
	struct ipaddr addr;
	uint16_t port;
	uint64_t until; /* HEALTH_NEVER: keepalived said so, or nobody checks */
};

/*
 * Calls `fn` for each that is down, which may change `until`; those for whom it returns false are
 * down no more.
 */
void health_sift(struct health *h, bool (*fn)(void *ud, struct health_entry *entry), void *ud);

/* The earliest `until`; HEALTH_NEVER if none. */
uint64_t health_due(const struct health *h);
