/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "values/name_set.h"

enum { MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	CLEANUP_FREE char *again = NULL;
	struct name_set s = {0};
	struct err e = {0};

	if (len)
		memcpy(text, data, len);
	if (name_set_parse(&s, text, MAX, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0] && !s.names);
		return 0;
	}
	again = name_set_format(&s);
	FUZZ_CHECK(strcmp(again, text) == 0);
	for (size_t i = 0; i < s.n_items; i++)
		FUZZ_CHECK(name_set_has(&s, s.items[i]));
	name_set_done(&s);
	return 0;
}
