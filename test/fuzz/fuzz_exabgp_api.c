/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "bgp/exabgp_api.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *line = xcalloc(len + 1, 1);
	struct exabgp_api_event ev = {0};
	struct err e = {0};

	if (len)
		memcpy(line, data, len);
	if (exabgp_api_parse(&ev, line, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && str_has_prefix(e.msg, "line from exabgp: "));
		return 0;
	}
	FUZZ_CHECK(memchr(ev.reason, '\0', sizeof ev.reason));
	if (ev.kind == EXABGP_API_PEER_UP || ev.kind == EXABGP_API_PEER_DOWN)
		FUZZ_CHECK(ev.peer.family);
	return 0;
}
