/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/linger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { KEEP = 5000 };

static struct prefixes set_of(const char *text)
{
	struct prefixes p = {0};
	struct ipnet net;
	struct err e = {0};

	assert_int_equal(ipnet_parse(&net, text, &e), 0);
	prefixes_add(&p, &net);
	return p;
}

static void test_what_is_not_wanted_any_more_stays_for_a_while(void **state)
{
	CLEANUP_PREFIXES struct prefixes vip = set_of("10.1.1.1"), nothing = {0};
	struct linger_set l = {0};

	(void)state;
	linger_update(&l, &vip, &nothing, 1000, KEEP);
	linger_update(&l, &nothing, &nothing, 1000 + KEEP - 1, KEEP);
	assert_int_equal(l.n_items, 1);
	assert_int_equal(ipnet_cmp(&l.items[0].net, &vip.items[0]), 0);
	linger_update(&l, &nothing, &nothing, 1000 + KEEP, KEEP);
	assert_int_equal(l.n_items, 0);
	linger_done(&l);
}

static void test_what_is_wanted_again_does_not_linger(void **state)
{
	CLEANUP_PREFIXES struct prefixes vip = set_of("10.1.1.1"), nothing = {0};
	struct linger_set l = {0};

	(void)state;
	linger_update(&l, &vip, &nothing, 1000, KEEP);
	linger_update(&l, &nothing, &vip, 2000, KEEP);
	assert_int_equal(l.n_items, 0);
	/* Lost again, it gets its whole time. */
	linger_update(&l, &vip, &nothing, 3000, KEEP);
	linger_update(&l, &nothing, &nothing, 3000 + KEEP - 1, KEEP);
	assert_int_equal(l.n_items, 1);
	linger_drop(&l, &vip.items[0]);
	linger_drop(&l, &vip.items[0]);
	assert_int_equal(l.n_items, 0);
	linger_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_not_wanted_any_more_stays_for_a_while),
		cmocka_unit_test(test_what_is_wanted_again_does_not_linger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
