/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * All sockets that a sidecar has in the node's network namespace. A socket belongs to the namespace
 * that it was made in, so whoever has it need not be there, nor be able to go there. To make one
 * where one is takes no capability.
 */
enum sockets_role {
	SOCKETS_ROUTES,    /* sets routes, for who has CAP_NET_ADMIN */
	SOCKETS_SITE,      /* asks for the node's address */
	SOCKETS_QUESTIONS, /* asks where packets go */
	SOCKETS_NEWS,      /* hears of changes of routes */
	SOCKETS_OWNERS,    /* asks whose names are (sock_diag(7)) */
	SOCKETS_RULES,     /* sets rules of nftables, for who has CAP_NET_ADMIN */
	SOCKETS_TRACKING,  /* asks what connection tracking knows, for who has CAP_NET_ADMIN */
	SOCKETS_NAMES,     /* the first of those that get names */
	SOCKETS_N_NAMES = 26,
	SOCKETS_N = SOCKETS_NAMES + SOCKETS_N_NAMES,
};

/* By role; -1: there is none, or somebody has taken it. */
struct sockets {
	int fds[SOCKETS_N];
};

#define SOCKETS_NONE ((struct sockets){.fds = {[0 ... SOCKETS_N - 1] = -1}})

/* In the namespace at `netns` ("": in that where we are). */
int sockets_make(struct sockets *ret, const char *netns, struct err *e);
void sockets_done(struct sockets *s);
#define CLEANUP_SOCKETS CLEANUP(sockets_done)

static inline struct sockets sockets_steal(struct sockets *s)
{
	struct sockets stolen = *s;

	*s = SOCKETS_NONE;
	return stolen;
}

/* Whether all are there, and each is what its role wants. Errors: -EPROTO. */
int sockets_check(const struct sockets *s, struct err *e);

/* Whether there is one for this role still: each role has a user of its own, which takes it out. */
bool sockets_has(const struct sockets *s, enum sockets_role role);
