/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <string.h>

#include "base/mem.h"

/* What a test expects of metrics, which are consumed. Comes after cmocka.h. */

static inline void expect_line(char *consumed, const char *line)
{
	CLEANUP_FREE char *text = consumed, *wanted = xasprintf("\n%s\n", line);

	if (!strstr(text, wanted))
		fail_msg("there is no line '%s' in:\n%s", line, text);
}

static inline void expect_nowhere(char *consumed, const char *part)
{
	CLEANUP_FREE char *text = consumed;

	if (strstr(text, part))
		fail_msg("there is '%s' in:\n%s", part, text);
}
