/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/share.h"

#include "base/digest.h"

enum { PRIORITY_MAX = 254, PRIORITIES = 127 };

static uint64_t digest_of(const struct ipaddr *addr)
{
	uint64_t digest = DIGEST_INIT;

	digest_add(&digest, addr->bytes, ipaddr_bits(addr) / 8);
	return digest;
}

unsigned share_of(const struct ipaddr *vip)
{
	return (unsigned)(digest_spread(digest_of(vip)) % SHARES);
}

unsigned share_priority(const struct ipaddr *pod, unsigned share, bool impaired)
{
	uint64_t digest = digest_spread(digest_spread(digest_of(pod)) ^ share);

	return PRIORITY_MAX - (unsigned)(digest % PRIORITIES) - (impaired ? PRIORITIES : 0);
}
