/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "values/sketch.h"

/* What another load balancer says, against nothing: all that is told is in it, each once. */
static void check_difference(const struct sketch *s)
{
	const struct sketch empty = {0};
	struct sketch_entry entries[SKETCH_DIFFERENT];
	struct sketch again = {0};
	bool all;
	size_t n = sketch_difference(entries, &all, s, &empty);

	FUZZ_CHECK(n <= SKETCH_DIFFERENT);
	for (size_t i = 0; i < n; i++)
		sketch_toggle(&again, &entries[i]);
	FUZZ_CHECK(!all || sketch_equal(&again, s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1), *again = NULL;
	struct sketch s, back;
	struct err e = {0};

	if (len)
		memcpy(text, data, len);
	if (sketch_parse(&s, text, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0]);
		return 0;
	}
	again = sketch_format(&s);
	FUZZ_CHECK(sketch_parse(&back, again, &e) == 0 && sketch_equal(&s, &back));
	check_difference(&s);
	return 0;
}
