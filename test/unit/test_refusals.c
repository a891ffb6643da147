/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/limits.h"

static struct objname web, shop;

static int make(void **state)
{
	objname_init(&web, "web", "a");
	objname_init(&shop, "shop", "a");
	*state = refusals_new();
	return 0;
}

static int drop(void **state)
{
	refusals_free(*state);
	objname_done(&web);
	objname_done(&shop);
	return 0;
}

static struct refusal_of real_number(uint32_t n)
{
	struct refusal_of what = {.port = 80};
	struct err e = {0};

	assert_int_equal(place_parse(&what.place, "10.1.1.1 port 80/tcp", &e), 0);
	what.addr = ipaddr_from_bytes(AF_INET, &n);
	return what;
}

static enum refusal_end answer(
	void *ud, const struct refusal_of *what, const struct objname *service)
{
	(void)what;
	(void)service;
	return *(enum refusal_end *)ud;
}

static size_t sift(struct refusals *r, enum refusal_end end)
{
	return refusals_sift(r, answer, &end);
}

static void what_is_tried_is_refused_no_more_unless_it_is_again(void **state)
{
	const struct refusal_of what = real_number(1);
	struct refusals *r = *state;

	assert_true(refusals_add(r, &what, &web, EINVAL));
	assert_false(refusals_add(r, &what, &web, EINVAL));
	assert_int_equal(refusals_find(r, &what, &web), EINVAL);
	assert_int_equal(sift(r, REFUSAL_STAYS), 0);
	assert_int_equal(refusals_find(r, &what, &web), EINVAL);
	assert_int_equal(sift(r, REFUSAL_TRIED), 0);
	assert_int_equal(refusals_find(r, &what, &web), 0);
	assert_true(refusals_is_tried(r, &what));
	assert_true(refusals_add(r, &what, &web, EINVAL));
	assert_false(refusals_is_tried(r, &what));
	assert_int_equal(refusals_find(r, &what, &web), EINVAL);
	assert_int_equal(sift(r, REFUSAL_TRIED), 0);
	assert_int_equal(sift(r, REFUSAL_STAYS), 1);
	assert_true(refusals_empty(r));
}

static void it_is_refused_to_one_service_alone(void **state)
{
	const struct refusal_of what = real_number(1);
	struct refusals *r = *state;

	assert_true(refusals_add(r, &what, &web, EINVAL));
	assert_int_equal(refusals_find(r, &what, &shop), 0);
	assert_true(refusals_add(r, &what, &shop, EINVAL));
	assert_int_equal(refusals_find(r, &what, &web), 0);
	assert_int_equal(refusals_count(r), 1);
}

static void there_is_a_ceiling(void **state)
{
	struct refusals *r = *state;

	for (uint32_t i = 0; i <= LIMIT_REFUSALS; i++) {
		const struct refusal_of what = real_number(i);

		assert_int_equal(refusals_add(r, &what, &web, EINVAL), i < LIMIT_REFUSALS);
	}
	assert_int_equal(refusals_count(r), LIMIT_REFUSALS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_tried_is_refused_no_more_unless_it_is_again, make, drop),
		cmocka_unit_test_setup_teardown(it_is_refused_to_one_service_alone, make, drop),
		cmocka_unit_test_setup_teardown(there_is_a_ceiling, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
