/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "node/site.h"

/*
 * Who shares the VIPs: the addresses of all living load balancers' pods, as the controller tells
 * them, put in the form that VRRP needs. It takes one family: IPv4 where this pod and another one
 * have it, else IPv6; so the pods of a fleet need a family in common. Pure.
 */
struct roster {
	struct ipaddr own;    /* of this pod; family 0: it is not in the list */
	struct ipaddr *peers; /* of that family; sorted */
	size_t n_peers;
};

#define CLEANUP_ROSTER CLEANUP(roster_done)

/* An empty list means that nobody keeps one, as with manifests: this pod is alone then. */
struct roster roster_of(const struct dual *pod, const struct ipaddr addrs[], size_t n_addrs);
void roster_done(struct roster *r);

/* One more, of its family, that it does not have yet. */
void roster_add_peer(struct roster *r, const struct ipaddr *addr);

bool roster_equal(const struct roster *a, const struct roster *b);

/* Whether it has us and nobody else that VRRP could reach. */
bool roster_is_alone(const struct roster *r);
