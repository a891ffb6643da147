/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "keepalived/line.h"
#include "values/place.h"

static void check_place(const char *text)
{
	char first[PLACE_TEXT];
	struct place a, b;
	struct err e = {0};

	if (place_parse(&a, text, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0]);
		return;
	}
	FUZZ_CHECK(place_parse(&b, place_format(first, &a), &e) == 0);
	FUZZ_CHECK(place_cmp(&a, &b) == 0);
	FUZZ_CHECK(a.port > 0);
}

static void check_line(const char *text)
{
	const struct keepalived_line l = keepalived_line_parse(text);
	char place[PLACE_TEXT];

	FUZZ_CHECK(l.text >= text && l.text <= text + strlen(text));
	if (l.kind < KEEPALIVED_SERVER_UP)
		return;
	FUZZ_CHECK(l.place.vip.family && l.addr.family);
	FUZZ_CHECK(*place_format(place, &l.place));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);

	if (len)
		memcpy(text, data, len);
	check_place(text);
	check_line(text);
	return 0;
}
