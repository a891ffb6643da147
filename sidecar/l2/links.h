/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <net/if.h>
#include <stddef.h>

#include "base/mem.h"
#include "l2/mac.h"

/*
 * The node's interfaces and the networks at them, and which of them a VIP is answered for on. Pure;
 * l2/link_news.h fills it.
 */

struct link {
	int index;
	char name[IF_NAMESIZE];
	struct mac mac;
	bool usable; /* Ethernet, up, and connected */
};

/* An address of an interface, with the network that it is in. */
struct network {
	int index;
	struct ipaddr address;
	struct ipnet net;
};

/* `{0}` has none. */
struct links {
	struct link *items; /* sorted by index */
	size_t n_items;
	struct network *networks;
	size_t n_networks;
};

void links_done(struct links *l);
#define CLEANUP_LINKS CLEANUP(links_done)

static inline struct links links_steal(struct links *l)
{
	struct links stolen = *l;

	*l = (struct links){0};
	return stolen;
}

/*
 * Each says whether that changes anything. A link that goes takes its networks along; a network may
 * be there before its link.
 */
bool links_put(struct links *l, const struct link *one);
bool links_drop(struct links *l, int index);
bool links_put_network(struct links *l, const struct network *n);
bool links_drop_network(struct links *l, const struct network *n);

bool links_equal(const struct links *a, const struct links *b);

/* NULL: there is none. Borrowed until the next change. */
const struct link *links_find(const struct links *l, int index);

/* Whether it is that of one of our interfaces. */
bool links_have_mac(const struct links *l, const struct mac *mac);

/* Interfaces by name (`l2.interfaces`), borrowed. */
struct link_names {
	char *const *items;
	size_t n_items;
};

/*
 * The next link, after `last` (NULL: the first), on which the VIP is answered for. Of those that
 * are usable and named these are all whose networks hold it, or if none does all of them. Where
 * nothing is named it is one alone, whose network is the smallest that holds it, the first of
 * several: two would tell clients of two MAC addresses. NULL: no other.
 */
const struct link *links_next(const struct links *l, const struct link_names *names,
	const struct ipaddr *vip, const struct link *last);

/* Of all that links_next goes by: if that changes, so does the digest. */
uint64_t links_digest(const struct links *l, const struct link_names *names);
