/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "announce/route.h"
#include "base/err.h"
#include "values/ipaddr.h"

/*
 * The text that exabgp's API speaks (4.2 and 5.0): commands are lines we write; each is answered by
 * "done" or "error"; with `neighbor-changes` it also tells of sessions, in JSON. Pure.
 */

/* Peers with their separators, communities with theirs, an AS path, and the words around them. */
enum {
	EXABGP_API_COMMAND_SIZE = LIMIT_BGP_PEERS * (IPADDR_TEXT + 12) + COMMUNITIES_TEXT +
				  (LIMIT_AS_PATH_PREPEND + 1) * 12 + IPNET_TEXT + IPADDR_TEXT + 256
};

/* To whom commands can be addressed. */
struct exabgp_api_peers {
	const struct config_peer *items;
	size_t n_items;
	uint32_t as; /* ours */
	struct peer_kinds kinds;
};

/*
 * "announce route 10.1.1.1/32 next-hop 10.0.0.106\n", in ret_buf; returns its length. With
 * "neighbor 10.0.0.1 " before it, unless all peers get it. Those of r->peers are of one kind where
 * the AS path is longer than it has to be.
 */
size_t exabgp_api_announce(char ret_buf[static EXABGP_API_COMMAND_SIZE], const struct route *r,
	const struct exabgp_api_peers *peers);
/* A comment, which is answered as all commands are. */
#define EXABGP_API_NOTHING "#\n"
/* Reads exabgp.conf anew, soon after it is answered. */
#define EXABGP_API_RELOAD "reload\n"
/* EXABGP_API_PEER_LISTED of each peer it has now, before it is answered. */
#define EXABGP_API_LIST "show neighbor extensive\n"
/* "withdraw route ... next-hop ...\n". */
size_t exabgp_api_withdraw(char ret_buf[static EXABGP_API_COMMAND_SIZE], const struct route *r,
	const struct exabgp_api_peers *peers);

enum exabgp_api_kind {
	EXABGP_API_DONE,        /* the oldest unanswered command was carried out */
	EXABGP_API_ERROR,       /* it was refused */
	EXABGP_API_PEER_UP,     /* `peer`: the session is established */
	EXABGP_API_PEER_CALLED, /* `peer`: there is a connection, and no session yet */
	EXABGP_API_PEER_DOWN,   /* `peer`: it ended; `reason` */
	EXABGP_API_PEER_LISTED, /* `peer`: there is a session, or shall be one */
	EXABGP_API_OTHER,       /* nothing that matters here */
};

enum { EXABGP_API_REASON_SIZE = 256 };

struct exabgp_api_event {
	enum exabgp_api_kind kind;
	struct ipaddr peer;
	char reason[EXABGP_API_REASON_SIZE]; /* cut when longer */
};

/* One line from exabgp, without its end. Errors: -EINVAL when it is neither an answer nor JSON. */
int exabgp_api_parse(struct exabgp_api_event *ret, const char *line, struct err *e);
