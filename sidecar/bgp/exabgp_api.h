/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/ipaddr.h"

/*
 * The text that exabgp's API speaks (4.2 and 5.0): commands are lines we write; each is answered by
 * "done" or "error"; with `neighbor-changes` it also tells of sessions, in JSON. Pure.
 */

enum { EXABGP_API_COMMAND_SIZE = IPNET_TEXT + IPADDR_TEXT + 32 };

/* "announce route 10.1.1.1/32 next-hop 10.0.0.106\n", in ret_buf; returns its length. */
size_t exabgp_api_announce(char ret_buf[static EXABGP_API_COMMAND_SIZE], const struct ipnet *net,
	const struct ipaddr *next_hop);
/* "withdraw route ... next-hop ...\n". */
size_t exabgp_api_withdraw(char ret_buf[static EXABGP_API_COMMAND_SIZE], const struct ipnet *net,
	const struct ipaddr *next_hop);

enum exabgp_api_kind {
	EXABGP_API_DONE,      /* the oldest unanswered command was carried out */
	EXABGP_API_ERROR,     /* it was refused */
	EXABGP_API_PEER_UP,   /* `peer`: the session is established */
	EXABGP_API_PEER_DOWN, /* `peer`: it ended; `reason` */
	EXABGP_API_OTHER,     /* nothing that matters here */
};

enum { EXABGP_API_REASON_SIZE = 256 };

struct exabgp_api_event {
	enum exabgp_api_kind kind;
	struct ipaddr peer;
	char reason[EXABGP_API_REASON_SIZE]; /* cut when longer */
};

/* One line from exabgp, without its end. Errors: -EINVAL when it is neither an answer nor JSON. */
int exabgp_api_parse(struct exabgp_api_event *ret, const char *line, struct err *e);
