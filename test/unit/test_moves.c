/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/moves.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Peers by the last digit of their addresses, and a hold time behind each: "1a 2a". */
static json_t *view_of(const char *text)
{
	json_t *peers = json_array();

	for (const char *at = text; *at; at += at[2] ? 3 : 2)
		json_array_append_new(peers, json_pack("{s:s%, s:s%}", "address", at, (size_t)1,
						     "hold_time", at + 1, (size_t)1));
	return json_pack("{s:s, s:o}", "program", "/kago-sidecar", "peers", peers);
}

static const struct {
	const char *before, *after, *kept;
	size_t n_kept, n_changed, n_added, n_removed;
	int now[3];
} cases[] = {
	{"", "", "", 0, 0, 0, 0, {0}},
	{"", "1a 2a", "", 0, 0, 2, 0, {0}},
	{"1a 2a", "", "", 0, 0, 0, 2, {PEER_GONE, PEER_GONE}},
	{"1a 2a", "1a 2a", "1a 2a", 2, 0, 0, 0, {0, 1}},
	{"1a 2a", "1a 2b", "1a", 1, 1, 0, 0, {0, PEER_GONE}},
	{"1a 2a", "2a 1a", "1a 2a", 2, 0, 0, 0, {1, 0}},
	{"1a 2a 3a", "4a 3a 1b", "3a", 1, 1, 1, 1, {PEER_GONE, PEER_GONE, 1}},
};

static void test_what_is_the_same_is_kept_wherever_it_stands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *before = view_of(cases[i].before), *after = view_of(cases[i].after);
		json_t *kept = view_of(cases[i].kept), *copy = json_deep_copy(after);
		CLEANUP_MOVES struct moves m = moves_find(before, after);

		print_message("'%s' to '%s'\n", cases[i].before, cases[i].after);
		assert_int_equal(m.n_kept, cases[i].n_kept);
		assert_int_equal(m.n_changed, cases[i].n_changed);
		assert_int_equal(m.n_added, cases[i].n_added);
		assert_int_equal(m.n_removed, cases[i].n_removed);
		assert_memory_equal(m.now, cases[i].now, sizeof cases[i].now);
		assert_true(json_equal(m.kept, kept));
		assert_true(json_equal(after, copy));
		json_decref(before);
		json_decref(after);
		json_decref(kept);
		json_decref(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_the_same_is_kept_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
