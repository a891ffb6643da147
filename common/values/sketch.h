/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A set of any size in a few bytes: two sets are equal if their sketches are, and where they differ
 * in a dozen entries or so, the two sketches say in which. (An invertible Bloom lookup table:
 * Eppstein, Goodrich, Uyeda, Varghese, "What's the Difference?", SIGCOMM 2011, without counters.)
 * An entry costs the same however large the set is. Pure; for accidents, not for enemies.
 */
enum {
	SKETCH_HASHES = 4,
	SKETCH_PART = 12, /* cells for each hash */
	SKETCH_CELLS = SKETCH_HASHES * SKETCH_PART,
	SKETCH_DIFFERENT = SKETCH_CELLS, /* the most entries that two sketches can tell */
	SKETCH_CELL_BYTES = 20,
	SKETCH_BYTES = SKETCH_CELLS * SKETCH_CELL_BYTES,
};

struct sketch_entry {
	uint64_t key, value;
};

struct sketch {
	struct sketch_cell {
		uint64_t key, value; /* of all entries in it, by exclusive or */
		uint32_t check;
	} cells[SKETCH_CELLS];
};

/* Puts an entry in, or takes it out if it is in there. All 0 is the empty set. */
void sketch_toggle(struct sketch *s, const struct sketch_entry *entry);

bool sketch_equal(const struct sketch *a, const struct sketch *b);

/* A number that is the same for equal sketches. */
uint64_t sketch_digest(const struct sketch *s);

/*
 * The entries that are in one of both and not in the other, sorted by key and value; returns how
 * many. *ret_all is false if there are more, which cannot be told.
 */
size_t sketch_difference(struct sketch_entry ret[static SKETCH_DIFFERENT], bool *ret_all,
	const struct sketch *a, const struct sketch *b);

/* As text, in base64; a new string. And back: -EINVAL. */
char *sketch_format(const struct sketch *s) __attribute__((warn_unused_result));
int sketch_parse(struct sketch *ret, const char *text, struct err *e);
