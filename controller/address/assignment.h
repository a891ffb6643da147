/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "objects/service.h"
#include "values/ipaddr.h"

/* What one Service shall have. */

struct assignment {
	struct service *service; /* a reference; may be one that is wrong, with its reason */
	struct ipaddr *vips;     /* sorted; those it has or gets; may be there with a reason */
	size_t n_vips;
	const char
		*pool; /* that the first of them is from, borrowed; NULL: of none, or no address */
	/* Why it has not what it asks for, which is the Service's own reason when that is wrong.
	 * The same for people, with what would be right. */
	enum reason reason;
	char *message;
	bool waits; /* for what others have, so that what becomes of them may change the above */
};

/* Takes a reference. */
struct assignment *assignment_new(struct service *s) __attribute__((warn_unused_result));
struct assignment *assignment_free(struct assignment *a);
DEFINE_CLEANUP(struct assignment *, assignment_free);

bool assignment_has(const struct assignment *a, const struct ipaddr *addr);

/* Notes an address that it has not yet. */
void assignment_add(struct assignment *a, const struct ipaddr *addr);

/* Consumes `message`. */
void assignment_refuse(struct assignment *a, enum reason reason, char *message);
void assignment_approve(struct assignment *a);

/* Whether both say the same, of the same pools. */
bool assignment_equal(const struct assignment *a, const struct assignment *b);
