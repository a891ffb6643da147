/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* A namespace and a name in one piece of memory, which serves as the key of a hash table. */
struct objname {
	char *ns;   /* "NS\0NAME\0"; owned */
	char *name; /* the second half of it */
	size_t len; /* of both with their NULs */
};

void objname_init(struct objname *ret, const char *ns, const char *name);
void objname_done(struct objname *n);

/* metadata.name and metadata.namespace ("default" when absent) of an object. Errors: -EINVAL. */
int objname_decode(struct objname *ret, const json_t *object, struct err *e);

/* By namespace, then name. */
int objname_cmp(const struct objname *a, const struct objname *b);
