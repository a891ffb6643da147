/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "values/tunnel_set.h"

enum { MAX = 4096 };

/* Nodes, and in the next line their addresses. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	struct tunnel_set s = {0};
	struct err e = {0};
	char *own = text;

	if (len)
		memcpy(text, data, len);
	strsep(&own, "\n");
	if (!own)
		own = text + strlen(text);
	if (tunnel_set_parse(&s, text, own, MAX, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0] && !s.kinds);
		return 0;
	}
	FUZZ_CHECK(tunnel_set_is(&s, text, own));
	for (size_t i = 0; i < s.nodes.n_items; i++)
		FUZZ_CHECK(tunnel_set_kinds(&s, s.nodes.items[i]));
	tunnel_set_done(&s);
	return 0;
}
