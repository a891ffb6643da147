/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "values/community.h"

/* What can be read is printed in words that are read as the same, and in numbers of our own. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char ours[] = "0123456789abcdefx:";
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	char printed[COMMUNITIES_TEXT], number[COMMUNITY_TEXT];
	struct communities all, again;
	struct err e = {0};

	if (len)
		memcpy(text, data, len);
	if (communities_parse(&all, text, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0]);
		return 0;
	}
	FUZZ_CHECK(all.n_items > 0 && all.n_items <= LIMIT_COMMUNITIES);
	communities_format(printed, &all);
	FUZZ_CHECK(communities_parse(&again, printed, &e) == 0);
	FUZZ_CHECK(communities_equal(&all, &again));
	for (size_t i = 0; i < all.n_items; i++) {
		community_number(number, &all.items[i]);
		FUZZ_CHECK(number[0] && strspn(number, ours) == strlen(number));
	}
	return 0;
}
