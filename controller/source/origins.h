/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"

/* Which file an object comes from: the first by name of those that have it. */

/* That a file has an object. It belongs to the file, and stays in its place until it is dropped. */
struct origin {
	const char *file; /* its name, borrowed */
	struct object *object;
	struct origin *prev, *next; /* of the same object; sorted by file, and as added in one */
};

struct object {
	UT_hash_handle hh;
	struct origin *origins; /* the first one counts */
	const char *told;       /* the name of the file it came from when last settled, or NULL */
	struct object *next_changed;
	bool changed;
	const char *kind, *ns, *name;
	char key[]; /* "KIND\0NAMESPACE\0NAME\0" */
};

struct origins {
	struct object *objects;
	struct object *changed; /* whose origins came or went since last settled */
};

/* Also for an object without a kind or a name, so that the store can say what is wrong. */
void origins_add(struct origins *o, struct origin *origin, const char *file, const json_t *object);
void origins_drop(struct origins *o, struct origin *origin);

/* Whether the object comes from there. */
static inline bool origin_counts(const struct origin *origin)
{
	return origin->object->origins == origin;
}

/* Takes note of where changed objects come from now, and frees those that have no file. */
void origins_settle(struct origins *o);

/* Origins that were not dropped must not be used after it. */
void origins_done(struct origins *o);
