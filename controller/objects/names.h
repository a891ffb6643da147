/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Names as Kubernetes has them: RFC 1123, so a first digit is fine. Only a name that is one label is
 * held to the length of one. */
bool dns_label_valid(const char *text); /* at most 63 of [a-z0-9-], no dash at either end */
bool dns_subdomain_valid(
	const char *text); /* such, of any length, joined by dots: LIMIT_NAME in all */

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
