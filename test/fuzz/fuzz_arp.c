/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fuzz.h"
#include "l2/arp.h"

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
	return 0;
}
