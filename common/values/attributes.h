/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "values/community.h"

/*
 * What is said of a BGP route besides its prefix and next hop: by a Service's annotations, or by
 * kago.yaml for all that say nothing. What is not said is left to who stands behind.
 */

enum attributes_said {
	ATTRIBUTES_COMMUNITIES = 1,
	ATTRIBUTES_LOCAL_PREFERENCE = 2,
	ATTRIBUTES_MED = 4,
	ATTRIBUTES_PREPEND = 8,
	ATTRIBUTES_PEERS = 16,
};

/* Immutable once others have it. */
struct attributes {
	unsigned n_refs;
	unsigned said; /* enum attributes_said; what is not said is 0 */
	struct communities communities;
	uint32_t local_preference; /* for peers of our own AS */
	uint32_t med;
	unsigned prepend; /* how often our AS comes once more, for peers of another AS */
	/* Names of those who get the route, as bgp.peers has them; sorted, no two alike. */
	char *peers[LIMIT_BGP_PEERS];
	size_t n_peers;
};

/* The caller has the first reference. */
struct attributes *attributes_new(void) __attribute__((warn_unused_result));
/* Both take NULL; attributes_unref returns it. */
struct attributes *attributes_ref(struct attributes *a);
struct attributes *attributes_unref(struct attributes *a);
DEFINE_CLEANUP(struct attributes *, attributes_unref);

/* NULL equals NULL alone. */
bool attributes_equal(const struct attributes *a, const struct attributes *b);
/* The same but for who gets the route. NULL says nothing. */
bool attributes_sound_equal(const struct attributes *a, const struct attributes *b);

/* What `a` says, and what `defaults` say where it says nothing; a new reference. */
struct attributes *attributes_over(struct attributes *a, struct attributes *defaults)
	__attribute__((warn_unused_result));

/*
 * Each says one thing. Errors: -EINVAL with what would be right, not naming who says it.
 */
int attributes_set_communities(struct attributes *a, const char *text, struct err *e);
int attributes_set_local_preference(struct attributes *a, const char *text, struct err *e);
int attributes_set_med(struct attributes *a, const char *text, struct err *e);
int attributes_set_prepend(struct attributes *a, const char *text, struct err *e);
/* Names or addresses, with blanks or commas between them; at least one. */
int attributes_set_peers(struct attributes *a, const char *text, struct err *e);

/* Their names, with blanks between; new. */
char *attributes_peers_text(const struct attributes *a) __attribute__((warn_unused_result));

bool attributes_has_peer(const struct attributes *a, const char *name);
