/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "l2/mac.h"

/* ARP for IPv4 on Ethernet (RFC 826, RFC 5227), without the Ethernet header. Pure. */

enum { ARP_BYTES = 28 };

struct arp {
	enum arp_op { ARP_REQUEST = 1, ARP_REPLY = 2 } op;
	struct mac sender_mac, target_mac;
	struct ipaddr sender, target; /* 0.0.0.0 as the sender: a probe, which claims nothing */
};

/* False: it is something else, or cut off. Ethernet pads, so there may be more behind it. */
bool arp_parse(struct arp *ret, const void *data, size_t len);

void arp_build(uint8_t ret[static ARP_BYTES], const struct arp *a);

/* Tells who asks for the target that it is at `ours`. */
struct arp arp_answer(const struct arp *request, const struct mac *ours);

/* Tells all that `vip` is at `ours` (RFC 5227, section 2.3); and whether one is such. */
struct arp arp_announcement(const struct ipaddr *vip, const struct mac *ours);
bool arp_is_announcement(const struct arp *a);

/* Asks who has `vip` without a claim to it (RFC 5227, section 2.1.1). */
struct arp arp_probe(const struct ipaddr *vip, const struct mac *ours);
