/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* How packets get to a real server, and its replies to the client. */

enum forward_method {
	FORWARD_NAT,    /* rewritten; replies come back through the load balancer */
	FORWARD_TUNNEL, /* unchanged, inside another packet; replies go to the client directly */
};

/* What a tunnelled packet is put into: IP alone (RFC 2003), or UDP (draft-ietf-intarea-gue). */
enum encapsulation { ENCAPSULATION_IPIP, ENCAPSULATION_GUE };

/* Who takes packets out of tunnels: the agents of pods' nodes, or the pods themselves. */
enum tunnel_to { TUNNEL_TO_NODES, TUNNEL_TO_PODS };

struct forward {
	enum forward_method method;
	enum encapsulation encapsulation; /* of FORWARD_TUNNEL; else 0 */
	uint16_t port;                    /* of ENCAPSULATION_GUE: UDP's; else 0 */
};

bool forward_equal(const struct forward *a, const struct forward *b);

/* "nat", "tunnel". Errors: -EINVAL with what would be right. */
const char *forward_method_name(enum forward_method m);
int forward_method_parse(enum forward_method *ret, const char *text, struct err *e);

/* "ipip", "gue", as keepalived spells it. Errors: -EINVAL with what would be right. */
const char *encapsulation_name(enum encapsulation c);
int encapsulation_parse(enum encapsulation *ret, const char *text, struct err *e);

/* "nodes", "pods". Errors: -EINVAL with what would be right. */
const char *tunnel_to_name(enum tunnel_to to);
int tunnel_to_parse(enum tunnel_to *ret, const char *text, struct err *e);

/* "nat", "ipip", "gue": for reports. */
const char *forward_name(const struct forward *f);
