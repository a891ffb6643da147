/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "config/loader.h"
#include "config/schema.h"

/* The lists of kago.yaml. */

/* Sets the list `k` of the struct at `base`. */
int lists_load(struct loader *l, struct loader_place where, const struct schema_key *k, void *base,
	const json_t *list);

/* Frees all lists. */
void lists_done(struct config *c);
