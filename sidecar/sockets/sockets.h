/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * All sockets that a sidecar has in the node's network namespace. A socket belongs to the namespace
 * that it was made in, so whoever has it need not be there, nor be able to go there. To make one
 * where one is takes no capability, but for SOCKETS_ARP and SOCKETS_NDP, which take CAP_NET_RAW.
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
	SOCKETS_N_USUAL = SOCKETS_NAMES + SOCKETS_N_NAMES,

	/* Who answers for VIPs on the node's network has these, too (l2/responder.h). */
	SOCKETS_ARP = SOCKETS_N_USUAL, /* hears and sends ARP (sockets/frames.h) */
	SOCKETS_NDP,                   /* the same for neighbour discovery */
	SOCKETS_GROUPS,                /* joins multicast groups; none where there is no IPv6 */
	SOCKETS_LINKS,                 /* asks for interfaces and their addresses */
	SOCKETS_LINK_NEWS,             /* hears of changes of these */
	SOCKETS_N,
};

/* By role; -1: there is none, or somebody has taken it. */
struct sockets {
	int fds[SOCKETS_N];
};

#define SOCKETS_NONE ((struct sockets){.fds = {[0 ... SOCKETS_N - 1] = -1}})

/* The usual ones, in the namespace at `netns` ("": in that where we are). */
int sockets_make(struct sockets *ret, const char *netns, struct err *e);

/* Adds the others there. Errors: -EPERM, that names the capability. */
int sockets_make_l2(struct sockets *s, const char *netns, struct err *e);

/* Adds of these the ones that take the capability, where we are: the rest may come without it. */
int sockets_make_frames(struct sockets *s, struct err *e);
void sockets_done(struct sockets *s);
#define CLEANUP_SOCKETS CLEANUP(sockets_done)

static inline struct sockets sockets_steal(struct sockets *s)
{
	struct sockets stolen = *s;

	*s = SOCKETS_NONE;
	return stolen;
}

/*
 * Whether all usual ones are there, all of the others or none, and each is what its role wants.
 * Errors: -EPROTO.
 */
int sockets_check(const struct sockets *s, struct err *e);

size_t sockets_count(const struct sockets *s);

/* Whether there is one for this role still: each role has a user of its own, which takes it out. */
bool sockets_has(const struct sockets *s, enum sockets_role role);
