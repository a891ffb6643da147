/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"
#include "values/ipaddr.h"

/*
 * The text that BIRD 2's control socket speaks: it greets, and answers each line that we write.
 * Lines of one answer begin with a number of four digits and "-", or with a blank if it is that of
 * the line before; the last one with the number and a blank. Pure.
 */

#define BIRD_API_SESSIONS "show bfd sessions\n"

enum bfd_state { BFD_UNKNOWN, BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP }; /* RFC 5880, 4.1 */

/* "Up" and so on, as routers write it. */
const char *bfd_state_name(enum bfd_state state);

struct bird_sessions {
	struct {
		struct ipaddr peer;
		enum bfd_state state;
	} items[LIMIT_BGP_PEERS];
	size_t n_items;
};

/* The bytes of the first answer in `text`, its last line's end included; 0: it is not whole yet. */
size_t bird_api_whole(const char *text, size_t len);

/*
 * A whole answer to BIRD_API_SESSIONS. Errors: -EINVAL, in one that says anything else than
 * sessions, also for BIRD's own errors, more sessions than peers or two of one peer.
 */
int bird_api_sessions(struct bird_sessions *ret, const char *text, size_t len, struct err *e);
