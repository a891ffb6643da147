/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/passwords.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "loop/loop.h"

#include "own_clock.h"

enum { PATIENCE = 20 * 1000 * 1000 };

/* A mounted Secret: NAME -> ..data/NAME, ..data -> a folder of one version. */
struct secret {
	char folder[32];
	unsigned version;
	sd_event *loop;
	struct passwords *passwords;
	char *first, *second; /* paths */
	unsigned n_changes;
};

static char *in(const struct secret *s, const char *name)
{
	return xasprintf("%s/%s", s->folder, name);
}

static void write_to(const char *path, const char *text)
{
	struct err e = {0};

	assert_int_equal(fs_write_atomic(path, text, strlen(text), &e), 0);
}

/* As the kubelet does it. */
static void mount_version(struct secret *s, const char *first, const char *second)
{
	CLEANUP_FREE char *name = xasprintf("..v%u", ++s->version), *folder = in(s, name);
	CLEANUP_FREE char *one = xasprintf("%s/first", folder);
	CLEANUP_FREE char *other = xasprintf("%s/second", folder);
	CLEANUP_FREE char *temporary = in(s, "..data_tmp"), *data = in(s, "..data");
	struct err e = {0};

	assert_int_equal(fs_mkdir(folder, &e), 0);
	write_to(one, first);
	write_to(other, second);
	assert_int_equal(symlink(name, temporary), 0);
	assert_int_equal(rename(temporary, data), 0);
}

static void on_change(void *ud)
{
	struct secret *s = ud;

	s->n_changes++;
}

static void ignore(void *ud)
{
	(void)ud;
}

static void follow(struct secret *s, char *first, char *second)
{
	const struct config_peer peers[] = {
		{.password_file = first}, {.password_file = NULL}, {.password_file = second}};

	passwords_follow(s->passwords, peers, 3);
}

static int set_up(void **state)
{
	struct secret *s = xnew0(struct secret);
	struct err e = {0};

	own_clock_begin();
	memcpy(s->folder, "/tmp/test_passwords.XXXXXX", sizeof "/tmp/test_passwords.XXXXXX");
	if (!mkdtemp(s->folder) || loop_new(&s->loop, ignore, NULL, &e) < 0)
		return -1;
	s->first = in(s, "first");
	s->second = in(s, "second");
	if (symlink("..data/first", s->first) < 0 || symlink("..data/second", s->second) < 0)
		return -1;
	mount_version(s, "one\n", "two");
	s->passwords = passwords_new(s->loop, on_change, s);
	follow(s, s->first, s->second);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct secret *s = *state;

	passwords_free(s->passwords);
	sd_event_unref(s->loop);
	for (; s->version; s->version--)
		for (int i = 0; i < 3; i++) {
			static const char *const names[] = {"/first", "/second", ""};
			CLEANUP_FREE char *path =
				xasprintf("%s/..v%u%s", s->folder, s->version, names[i]);

			remove(path);
		}
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"first", "second", "..data"};
		CLEANUP_FREE char *path = in(s, names[i]);

		unlink(path);
	}
	rmdir(s->folder);
	free(s->first);
	free(s->second);
	free(s);
	return 0;
}

static const char *found(const struct secret *s, const char *path)
{
	const char *encoded = "none";
	struct err e = {0};

	passwords_find(&encoded, s->passwords, path, &e);
	return encoded;
}

/* Both, as Base64. */
static void run_until(struct secret *s, const char *first, const char *second)
{
	uint64_t end = loop_clock() + PATIENCE;

	while (strcmp(found(s, s->first), first) != 0 || strcmp(found(s, s->second), second) != 0) {
		if (loop_clock() >= end)
			fail_msg("%s and %s", found(s, s->first), found(s, s->second));
		own_clock_pass(s->loop, 10 * 1000);
	}
}

#define ONE "b25l"
#define TWO "dHdv"

static void test_a_mounted_password_is_followed(void **state)
{
	struct secret *s = *state;

	run_until(s, ONE, TWO);
	own_clock_pass(s->loop, 1000 * 1000);
	assert_int_equal(s->n_changes, 0);
	mount_version(s, "two\n", "two");
	run_until(s, TWO, TWO);
	assert_int_equal(s->n_changes, 1);
	mount_version(s, "two", "two"); /* the line end is none of it */
	own_clock_pass(s->loop, 1000 * 1000);
	assert_int_equal(s->n_changes, 1);
}

static void test_one_that_cannot_be_read_any_more_is_kept(void **state)
{
	struct secret *s = *state;
	CLEANUP_FREE char *data = in(s, "..data");

	own_clock_pass(s->loop, 1000 * 1000);
	assert_int_equal(unlink(data), 0);
	own_clock_pass(s->loop, 1000 * 1000);
	run_until(s, ONE, TWO);
	mount_version(s, "", "two");
	own_clock_pass(s->loop, 1000 * 1000);
	follow(s, s->first, s->second);
	run_until(s, ONE, TWO);
	assert_int_equal(s->n_changes, 0);
	mount_version(s, "two", "one");
	run_until(s, TWO, ONE);
	assert_true(s->n_changes > 0);
}

static void test_one_that_was_never_there_is_found_when_it_comes(void **state)
{
	struct secret *s = *state;
	CLEANUP_FREE char *folder = in(s, "later"), *path = xasprintf("%s/password", folder);
	const char *encoded;
	struct err e = {0};

	own_clock_pass(s->loop, 1000 * 1000); /* the clock knows no timers that are gone */
	follow(s, s->first, path);
	assert_int_equal(passwords_find(&encoded, s->passwords, path, &e), -ENOENT);
	assert_non_null(strstr(e.msg, path));
	own_clock_pass(s->loop, 1000 * 1000);
	assert_int_equal(fs_mkdir(folder, &e), 0);
	write_to(path, "one");
	for (int i = 0; i < 100 && s->n_changes == 0; i++)
		own_clock_pass(s->loop, 100 * 1000);
	assert_int_equal(s->n_changes, 1);
	assert_int_equal(passwords_find(&encoded, s->passwords, path, &e), 0);
	assert_string_equal(encoded, ONE);
	/* Nobody has the other one any more. */
	assert_true(passwords_find(&encoded, s->passwords, s->second, &e) < 0);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_mounted_password_is_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_one_that_cannot_be_read_any_more_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_one_that_was_never_there_is_found_when_it_comes, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
