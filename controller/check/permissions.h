/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * What the controller may have to do at the API server: the rules of charts/kago/rbac, one verb
 * each, those of a resource next to each other.
 */
struct permission {
	const char *group, *resource, *subresource, *verb; /* "" where there is none */
	bool of_leases;   /* in the namespace of the Leases; else in those that are followed */
	const char *loss; /* what does not work without it */
};

enum { N_PERMISSIONS = 12 };

/* All N_PERMISSIONS. */
const struct permission *permissions(void);
