/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "announce/announce.h"
#include "announce/places.h"
#include "base/mem.h"
#include "values/place.h"

/* VIPs and ports from which nothing of our own TCP may come. Pure. */

/* Sorted, without duplicates. `{0}` is the empty set. */
struct served {
	struct place *items;
	size_t n_items;
};

void served_done(struct served *s);
#define CLEANUP_SERVED CLEANUP(served_done)

/* The virtual servers of TCP of these VIPs, which are of one family. */
struct served served_of(const struct places *places, const struct prefixes *vips);

bool served_has(const struct served *s, const struct place *place);

/* What `b` lacks of `a`. */
struct served served_minus(const struct served *a, const struct served *b);
bool served_equal(const struct served *a, const struct served *b);
