/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/lines.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

/* What was heard, as "[one][two]". */
struct heard {
	char text[1 << 20];
	size_t len;
	const char *last; /* where the last line stood */
	size_t fail_at;   /* the number of the line that is not liked; 0: none */
	size_t n;
};

static int on_line(void *ud, const char *line, size_t len, struct err *e)
{
	struct heard *h = ud;

	assert_true(h->len + len + 2 < sizeof h->text);
	h->text[h->len] = '[';
	memcpy(h->text + h->len + 1, line, len);
	h->len += len + 2;
	h->text[h->len - 1] = ']';
	h->text[h->len] = '\0';
	h->last = line;
	h->n++;
	return h->n == h->fail_at ? err_set(e, EBADMSG, "line %zu is not liked", h->n) : 1;
}

static int setup(void **state)
{
	*state = xnew0(struct heard);
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static int feed(struct lines *l, struct heard *h, const char *text, struct err *e)
{
	return lines_feed(l, text, strlen(text), on_line, h, e);
}

static void test_a_line_comes_when_its_end_is_there(void **state)
{
	struct lines l = {.max = 100};
	struct heard *h = *state;
	struct err e = {0};

	assert_int_equal(feed(&l, h, "o", &e), 0);
	assert_int_equal(feed(&l, h, "ne", &e), 0);
	assert_string_equal(h->text, "");
	assert_int_equal(lines_pending(&l), 3);
	assert_int_equal(feed(&l, h, "\ntwo\nth", &e), 0);
	assert_string_equal(h->text, "[one][two]");
	assert_int_equal(lines_pending(&l), 2);
	lines_done(&l);
	assert_int_equal(lines_pending(&l), 0);
	assert_int_equal(feed(&l, h, "four\n", &e), 0);
	assert_string_equal(h->text, "[one][two][four]");
	assert_int_equal(lines_pending(&l), 0);
	lines_done(&l);
}

static void test_ends_may_be_crlf_and_empty_lines_are_left_out(void **state)
{
	struct lines l = {.max = 100};
	struct heard *h = *state;
	struct err e = {0};

	assert_int_equal(feed(&l, h, "\n\r\none\r\n\n\r\ntw\ro\r", &e), 0);
	assert_int_equal(feed(&l, h, "\n\r", &e), 0);
	assert_int_equal(feed(&l, h, "\n", &e), 0);
	assert_string_equal(h->text, "[one][tw\ro]");
	lines_done(&l);
}

static void test_a_line_in_one_piece_is_not_copied(void **state)
{
	static const char text[] = "first\nsecond\n";
	struct lines l = {.max = 100};
	struct heard *h = *state;
	struct err e = {0};

	assert_int_equal(feed(&l, h, text, &e), 0);
	assert_ptr_equal(h->last, text + 6);
	assert_null(l.partial);
}

static void test_the_longest_line_fits_and_one_byte_more_does_not(void **state)
{
	static const struct {
		const char *pieces[4];
		int result;
	} cases[] = {
		{{"1234\n"}, 0},
		{{"1234\r\n"}, 0},
		{{"1234", "\n"}, 0},
		{{"1234", "\r", "\n"}, 0},
		{{"1234\r", "\n"}, 0},
		{{"12345\n"}, -EFBIG},
		{{"12345\r\n"}, -EFBIG},
		{{"12345"}, -EFBIG},
		{{"1234", "5"}, -EFBIG},
		{{"1234\r", "5"}, -EFBIG},
		{{"1234\r", "\r"}, -EFBIG},
		{{"123", "456789\n"}, -EFBIG},
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct lines l = {.max = 4};
		struct err e = {0};
		int r = 0;

		for (size_t j = 0; j < N(cases[i].pieces) && cases[i].pieces[j] && r == 0; j++)
			r = feed(&l, *state, cases[i].pieces[j], &e);
		if (r != cases[i].result)
			fail_msg("case %zu: %d, not %d", i, r, cases[i].result);
		if (r < 0)
			assert_string_equal(e.msg, "a line of more than 4 bytes");
		lines_done(&l);
	}
}

static void test_the_first_error_of_the_owner_ends_it(void **state)
{
	struct lines l = {.max = 100};
	struct heard *h = *state;
	struct err e = {0};

	h->fail_at = 2;
	assert_int_equal(feed(&l, h, "one\ntw", &e), 0);
	assert_int_equal(feed(&l, h, "o\nthree\n", &e), -EBADMSG);
	assert_string_equal(e.msg, "line 2 is not liked");
	assert_string_equal(h->text, "[one][two]");
	lines_done(&l);
}

static void test_memory_of_a_rare_long_line_is_given_back(void **state)
{
	struct lines l = {.max = 1 << 20};
	CLEANUP_FREE char *big = xcalloc(1 << 19, 1);
	struct heard *h = *state;
	struct err e = {0};

	memset(big, 'x', (1 << 19) - 1);
	assert_int_equal(feed(&l, h, big, &e), 0);
	assert_true(l.size >= (1 << 19) - 1);
	assert_int_equal(feed(&l, h, "\nshort", &e), 0);
	assert_true(l.size < 1 << 10);
	assert_int_equal(feed(&l, h, "\n", &e), 0);
	assert_string_equal(h->text + (1 << 19) + 1, "[short]");
	lines_done(&l);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static size_t random_text(char *text, size_t size, uint32_t *seed)
{
	static const char some[] = "ab{}\n\n\r\"";
	size_t len = next_random(seed) % size;

	for (size_t i = 0; i < len; i++)
		text[i] = next_random(seed) % 4 ? 'x' : some[next_random(seed) % (N(some) - 1)];
	return len;
}

static int feed_in_pieces(
	struct heard *h, const char *text, size_t len, size_t max, size_t step, uint32_t *seed)
{
	struct lines l = {.max = max};
	struct err e = {0};
	int r = 0;

	h->len = 0;
	h->text[0] = '\0';
	for (size_t at = 0; at < len && r == 0;) {
		size_t n = next_random(seed) % step + 1;

		n = n < len - at ? n : len - at;
		r = lines_feed(&l, text + at, n, on_line, h, &e);
		at += n;
	}
	lines_done(&l);
	return r;
}

static void test_it_does_not_matter_where_the_pieces_end(void **state)
{
	struct heard *h = *state;
	char text[400];

	for (uint32_t round = 1; round <= 3000; round++) {
		uint32_t seed = round;
		size_t len = random_text(text, sizeof text, &seed);
		size_t max = next_random(&seed) % 60 + 1;
		CLEANUP_FREE char *whole = NULL;
		uint32_t big = 0;
		int r;

		r = feed_in_pieces(h, text, len, max, len ? 1u << 30 : 1, &big);
		whole = xstrdup(h->text);
		if (feed_in_pieces(h, text, len, max, next_random(&seed) % 40 + 1, &seed) != r ||
			strcmp(h->text, whole) != 0)
			fail_msg("seed %u: cut '%s', whole '%s'", round, h->text, whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_line_comes_when_its_end_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_ends_may_be_crlf_and_empty_lines_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_line_in_one_piece_is_not_copied, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_longest_line_fits_and_one_byte_more_does_not, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_first_error_of_the_owner_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_memory_of_a_rare_long_line_is_given_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_it_does_not_matter_where_the_pieces_end, setup, teardown),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
