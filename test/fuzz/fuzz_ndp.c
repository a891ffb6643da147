/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fuzz.h"
#include "l2/ndp.h"

/* Whoever is asked for understands it. */
static void ask_for(const struct ipaddr *target)
{
	const struct ndp probe = ndp_probe(target);
	uint8_t packet[NDP_BYTES];
	struct ndp read = {0};

	FUZZ_CHECK(ndp_parse(&read, packet, ndp_build(packet, &probe)));
	FUZZ_CHECK(read.type == NDP_SOLICITATION && !read.has_mac);
	FUZZ_CHECK(IN6_IS_ADDR_UNSPECIFIED(&read.source.v6));
	FUZZ_CHECK(ipaddr_equal(&read.target, target));
}

/* What is understood is understood when it is built again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t packet[NDP_BYTES];
	struct ndp n = {0}, again = {0};

	if (!ndp_parse(&n, data, len))
		return 0;
	FUZZ_CHECK(n.type == NDP_SOLICITATION || !IN6_IS_ADDR_UNSPECIFIED(&n.source.v6));
	FUZZ_CHECK(ndp_parse(&again, packet, ndp_build(packet, &n)));
	FUZZ_CHECK(again.type == n.type && again.has_mac == n.has_mac &&
		   again.solicited == n.solicited && again.override == n.override);
	FUZZ_CHECK(ipaddr_equal(&again.source, &n.source) &&
		   ipaddr_equal(&again.destination, &n.destination) &&
		   ipaddr_equal(&again.target, &n.target) && mac_equal(&again.mac, &n.mac));
	ask_for(&n.target);
	return 0;
}
