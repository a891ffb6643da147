/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/vrrp_word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FOUND_SIZE = 256 };

static void note(void *ud, const struct vrrp_word *word)
{
	static const char *const kinds[] = {"?", "-", "+", "!", "pulse"};
	char *text = ud;
	size_t len = strlen(text);

	len += (size_t)snprintf(
		text + len, FOUND_SIZE - len, "%s%s", len ? " " : "", kinds[word->kind]);
	if (word->kind == VRRP_OWNS || word->kind == VRRP_YIELDS)
		snprintf(text + len, FOUND_SIZE - len, "%u", word->share);
}

/* In pieces of every length. */
static void assert_words(const char *said, const char *expected)
{
	for (size_t piece = 1; piece <= strlen(said); piece++) {
		struct vrrp_words w = {0};
		char found[FOUND_SIZE] = "";

		for (size_t at = 0; at < strlen(said); at += piece) {
			size_t rest = strlen(said) - at;

			vrrp_words_read(&w, said + at, rest < piece ? rest : piece, note, found);
		}
		assert_string_equal(found, expected);
	}
}

static void test_whose_a_share_is(void **state)
{
	(void)state;
	assert_words("INSTANCE \"share3\" MASTER 200\n", "+3");
	assert_words("INSTANCE \"share0\" BACKUP 1\nINSTANCE \"share15\" MASTER 254\n", "!0 +15");
	assert_words("INSTANCE \"share1\" FAULT 128\n", "!1");
	assert_words("INSTANCE \"share1\" STOP 128\n", "!1");
	assert_words("INSTANCE \"share1\" DELETED 128\n", "!1");
}

static void test_the_pulse_and_what_is_of_no_interest(void **state)
{
	(void)state;
	assert_words("INSTANCE \"pulse\" BACKUP_PRIORITY 101\n", "pulse");
	assert_words("INSTANCE \"pulse\" MASTER_PRIORITY 102\n", "pulse");
	assert_words("INSTANCE \"pulse\" MASTER 102\n", "-");
	assert_words("INSTANCE \"share2\" MASTER_PRIORITY 73\n", "-");
	assert_words("INSTANCE \"share2\" MASTER_RX_LOWER_PRI 200\n", "-");
}

static void test_what_cannot_be_read(void **state)
{
	(void)state;
	assert_words("\n", "?");
	assert_words("INSTANCE \"share16\" MASTER 200\n", "?");
	assert_words("INSTANCE \"share\" MASTER 200\n", "?");
	assert_words("INSTANCE \"share03\" MASTER 200\n", "?");
	assert_words("INSTANCE \"share3\" MASTER\n", "?");
	assert_words("INSTANCE \"share3\" MASTER 256\n", "?");
	assert_words("INSTANCE \"share3\" MASTERLY 200\n", "?");
	assert_words("INSTANCE \"pulse\" NONSENSE 200\n", "?");
	assert_words("INSTANCE share3 MASTER 200\n", "?");
	assert_words("GROUP \"share3\" MASTER 0\n", "?");
}

/* And is forgotten, to its end. */
static void test_a_line_that_is_too_long(void **state)
{
	char said[3 * LIMIT_VRRP_LINE];
	size_t long_line = 2 * LIMIT_VRRP_LINE;

	(void)state;
	memset(said, 'x', sizeof said);
	snprintf(said + long_line, sizeof said - long_line,
		"INSTANCE \"share3\" MASTER 200\nINSTANCE \"share4\" MASTER 200\n");
	assert_words(said, "? +4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_a_share_is),
		cmocka_unit_test(test_the_pulse_and_what_is_of_no_interest),
		cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_a_line_that_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
