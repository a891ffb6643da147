/* SPDX-License-Identifier: Apache-2.0 */
#include "config/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"

static int read_from(char **ret, size_t *ret_len, const char *content, size_t len, struct err *e)
{
	char path[] = "/tmp/kago-password.XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	close(fd);
	r = password_read(ret, ret_len, path, e);
	unlink(path);
	return r;
}

static void assert_read(const char *content, size_t len, size_t wanted)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t n;

	assert_int_equal(read_from(&text, &n, content, len, &e), 0);
	assert_int_equal(n, wanted);
	assert_memory_equal(text, content, wanted);
	assert_int_equal(text[n], '\0');
}

static void test_one_line_end_belongs_to_the_editor(void **state)
{
	(void)state;
	assert_read("secret", 6, 6);
	assert_read("secret\n", 7, 6);
	assert_read("secret\n\n", 8, 7);
	assert_read("a\0b", 3, 3);
}

static void test_it_has_1_to_80_bytes(void **state)
{
	char longest[PASSWORD_MAX + 2];
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t n;

	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[PASSWORD_MAX] = '\n';
	assert_read(longest, PASSWORD_MAX + 1, PASSWORD_MAX);
	longest[PASSWORD_MAX] = 'x';
	assert_int_equal(read_from(&text, &n, longest, PASSWORD_MAX + 1, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "must have 1 to 80 bytes"));
	assert_int_equal(read_from(&text, &n, "\n", 1, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line_end_belongs_to_the_editor),
		cmocka_unit_test(test_it_has_1_to_80_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
