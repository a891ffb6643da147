/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "l2/mac.h"

/*
 * Neighbour solicitations and advertisements (RFC 4861, sections 4.3, 4.4 and 7) as IPv6 packets,
 * without the Ethernet header. Pure.
 */

enum { NDP_BYTES = 40 + 24 + 8, NDP_MAX = 1500 };

struct ndp {
	enum ndp_type { NDP_SOLICITATION = 135, NDP_ADVERTISEMENT = 136 } type;
	struct ipaddr source, destination; /* "::" as the source: it asks whether it is free */
	struct ipaddr target;
	bool has_mac;
	struct mac mac;           /* that of the source, or in an advertisement of the target */
	bool solicited, override; /* of an advertisement */
};

/*
 * False: it is something else, cut off, or not as RFC 4861 has it (sections 7.1.1 and 7.1.2). Has
 * the packet extension headers, it is not read.
 */
bool ndp_parse(struct ndp *ret, const void *packet, size_t len);

/* Returns how many bytes it has. */
size_t ndp_build(uint8_t ret[static NDP_BYTES], const struct ndp *n);

/* Tells who asks for the target that it is at `ours`; who has no address yet, by telling all. */
struct ndp ndp_answer(const struct ndp *solicitation, const struct mac *ours);

/* Tells all that `vip` is at `ours` (RFC 4861, section 7.2.6). */
struct ndp ndp_announcement(const struct ipaddr *vip, const struct mac *ours);

/* Asks who has `vip` without a claim to it, which owners answer to all (RFC 4862, section 5.4). */
struct ndp ndp_probe(const struct ipaddr *vip);

/* Where it is asked for the address (RFC 4291, section 2.7.1). */
struct ipaddr ndp_group(const struct ipaddr *a);
