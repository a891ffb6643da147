/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "bfd/bird_api.h"
#include "fuzz.h"

/* What BIRD says comes in pieces: all answers that are whole, one after another. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	size_t at = 0, whole;

	if (len)
		memcpy(text, data, len);
	while ((whole = bird_api_whole(text + at, len - at))) {
		struct bird_sessions s = {0};
		struct err e = {0};
		int r = bird_api_sessions(&s, text + at, whole, &e);

		FUZZ_CHECK(whole <= len - at && text[at + whole - 1] == '\n');
		FUZZ_CHECK(r == 0 || (r == -EINVAL && str_has_prefix(e.msg, "answer of BIRD: ")));
		FUZZ_CHECK(s.n_items <= LIMIT_BGP_PEERS);
		for (size_t i = 0; i < s.n_items; i++)
			FUZZ_CHECK(s.items[i].peer.family && s.items[i].state != BFD_UNKNOWN);
		at += whole;
	}
	return 0;
}
