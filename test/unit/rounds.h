/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdlib.h>

#include "base/str.h"

/* How many rounds of `all` a test has: one of KAGO_TEST_PART, where each takes long. */
static inline unsigned test_rounds(unsigned all)
{
	const char *text = getenv("KAGO_TEST_PART");
	uint64_t part = 1;
	struct err e = {0};

	if (text && str_to_u64(&part, text, 1, UINT_MAX, &e) < 0)
		fail_msg("KAGO_TEST_PART: %s", e.msg);
	return part < all ? all / (unsigned)part : 1;
}
