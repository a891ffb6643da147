/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "lead/lease_addresses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	struct ipaddr list[LIMIT_LEASE_ADDRESSES];
	struct err e = {0};
	size_t n = 0;

	if (len)
		memcpy(text, data, len);
	if (lease_addresses_parse(list, &n, text, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0] && n == 0);
		return 0;
	}
	FUZZ_CHECK(n <= LIMIT_LEASE_ADDRESSES && (n > 0) == (text[0] != '\0'));
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(ipaddr_is_unicast(&list[i]));
	return 0;
}
