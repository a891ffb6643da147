/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "values/ipaddr.h"

static void check_address(const char *text)
{
	char first[IPADDR_TEXT];
	struct ipaddr a, b;
	struct err e = {0};

	if (ipaddr_parse(&a, text, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0]);
		return;
	}
	FUZZ_CHECK(ipaddr_parse(&b, ipaddr_format(first, &a), &e) == 0);
	FUZZ_CHECK(ipaddr_equal(&a, &b));
	FUZZ_CHECK(a.family == AF_INET6 || strcmp(first, text) == 0);
}

static void check_prefix(const char *text)
{
	char first[IPNET_TEXT];
	struct ipnet a, b;
	struct err e = {0};

	if (ipnet_parse(&a, text, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0]);
		return;
	}
	FUZZ_CHECK(a.len <= ipaddr_bits(&a.addr));
	FUZZ_CHECK(ipnet_contains(&a, &a.addr));
	FUZZ_CHECK(ipnet_parse(&b, ipnet_format(first, &a), &e) == 0);
	FUZZ_CHECK(ipnet_cmp(&a, &b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);

	if (len)
		memcpy(text, data, len);
	check_address(text);
	check_prefix(text);
	return 0;
}
