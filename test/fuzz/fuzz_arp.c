/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fuzz.h"
#include "l2/arp.h"

/* Who is asked for claims nothing by that, whoever it is. */
static void ask_for(const struct arp *a)
{
	const struct arp probe = arp_probe(&a->target, &a->sender_mac);
	uint8_t data[ARP_BYTES];
	struct arp read = {0};

	arp_build(data, &probe);
	FUZZ_CHECK(arp_parse(&read, data, sizeof data));
	FUZZ_CHECK(read.op == ARP_REQUEST && read.sender.v4.s_addr == 0);
	FUZZ_CHECK(ipaddr_equal(&read.target, &a->target));
	FUZZ_CHECK(mac_equal(&read.sender_mac, &a->sender_mac));
}

/* What is understood is built again as it was, but for what Ethernet padded. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t again[ARP_BYTES];
	struct arp a = {0};

	if (!arp_parse(&a, data, len))
		return 0;
	FUZZ_CHECK(len >= ARP_BYTES);
	arp_build(again, &a);
	FUZZ_CHECK(memcmp(again, data, ARP_BYTES) == 0);
	ask_for(&a);
	return 0;
}
