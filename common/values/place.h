/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "values/ipaddr.h"

/*
 * Where a virtual server is: a VIP, a protocol and a port; no two of a kernel are at one place. It
 * has no padding, so it can be the key of a hash.
 */
struct place {
	struct ipaddr vip;
	uint16_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	uint16_t port;
};

enum { PLACE_TEXT = IPADDR_TEXT + sizeof " port 65535/sctp" };

/* Total order: by VIP, protocol, port. */
int place_cmp(const struct place *a, const struct place *b);

/* "10.1.1.1 port 80/tcp", in ret_buf; returns ret_buf. */
const char *place_format(char ret_buf[static PLACE_TEXT], const struct place *p);

/* What place_format gives. Errors: -EINVAL, with a message that quotes the text. */
int place_parse(struct place *ret, const char *text, struct err *e);

/* "tcp", "udp", "sctp". */
const char *place_protocol(uint16_t protocol);
