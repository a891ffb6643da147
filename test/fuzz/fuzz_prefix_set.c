/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "fuzz.h"
#include "values/prefix_set.h"

static void check_ends(const struct prefix_set *s)
{
	for (size_t i = 0; i < s->n_ranges; i++) {
		FUZZ_CHECK(prefix_set_contains(s, &s->ranges[i].first));
		FUZZ_CHECK(prefix_set_contains(s, &s->ranges[i].last));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	CLEANUP_FREE char *again = NULL;
	struct prefix_set s = {0};
	struct err e = {0};

	if (len)
		memcpy(text, data, len);
	if (prefix_set_parse(&s, text, LIMIT_ANNOUNCES, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0] && !s.ranges);
		return 0;
	}
	again = prefix_set_format(&s, LIMIT_ANNOUNCES);
	FUZZ_CHECK(strcmp(again, text) == 0);
	check_ends(&s);
	prefix_set_done(&s);
	return 0;
}
