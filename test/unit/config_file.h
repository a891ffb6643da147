/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"

/* Configurations from texts, for tests. */

DEFINE_CLEANUP(struct config *, config_free);

static char path[] = "/tmp/test_config.XXXXXX"; /* of the file that each text is written to */

static inline int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static inline int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static inline int load(struct config **ret, const char *text, struct err *e)
{
	if (fs_write_atomic(path, text, strlen(text), e) < 0)
		fail_msg("%s", e->msg);
	*ret = NULL;
	if (config_load(ret, path, e) >= 0 && config_check(*ret, e) < 0)
		*ret = config_free(*ret);
	return *ret ? 0 : -e->code;
}

static inline struct config *loaded(const char *text)
{
	struct config *c = NULL;
	struct err e = {0};

	if (load(&c, text, &e) < 0)
		fail_msg("%s", e.msg);
	return c;
}

struct refusal_case {
	const char *text, *error; /* behind "PATH:" */
};

static inline void expect_refused(const struct refusal_case cases[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *expected = xasprintf("%s:%s", path, cases[i].error);
		struct config *c = NULL;
		struct err e = {0};

		if (load(&c, cases[i].text, &e) != -EINVAL)
			fail_msg("not refused: %s", cases[i].text);
		assert_string_equal(e.msg, expected);
		assert_null(c);
	}
}
