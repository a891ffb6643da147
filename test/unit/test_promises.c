/* SPDX-License-Identifier: Apache-2.0 */
#include "addresses.h"

#include "address/promises.h"

enum who { ONE, SUCCESSOR };

/* A Service whose status has this address; NULL: none. Its parts are borrowed. */
static struct service service(enum who who, struct ipaddr *held)
{
	static char id[] = "ns\0web";
	static char first[] = "u1", second[] = "u2";
	struct service s = {.id = {.ns = id, .name = id + 3, .len = sizeof id},
		.uid = who == ONE ? first : second};

	if (held) {
		s.held.vips = held;
		s.held.n_vips = 1;
		s.held.ingress_digest = held->bytes[3];
	}
	return s;
}

static void assert_has(const struct promises *p, const struct service *s, const char *expected)
{
	const struct ipaddr *vips;
	size_t n = promises_held(&vips, p, s);
	char text[IPADDR_TEXT];

	assert_int_equal(n, expected ? 1 : 0);
	if (expected)
		assert_string_equal(ipaddr_format(text, vips), expected);
}

static void test_a_promise_counts_until_the_status_says_it(void **state)
{
	CLEANUP(promises_freep) struct promises *p = promises_new();
	struct ipaddr a = addr_of("10.1.1.1");
	struct service before = service(ONE, NULL), after = service(ONE, &a);

	(void)state;
	assert_has(p, &before, NULL);
	promises_make(p, &before, &a, 1);
	assert_has(p, &before, "10.1.1.1");
	assert_has(p, &after, "10.1.1.1");
	promises_make(p, &after, &a, 1);
	assert_int_equal(promises_count(p), 0);
}

static void test_a_status_that_others_change_ends_a_promise(void **state)
{
	CLEANUP(promises_freep) struct promises *p = promises_new();
	struct ipaddr a = addr_of("10.1.1.1"), other = addr_of("10.1.1.9");
	struct service before = service(ONE, NULL), after = service(ONE, &other);

	(void)state;
	promises_make(p, &before, &a, 1);
	assert_has(p, &after, "10.1.1.9");
}

static void test_another_service_of_the_same_name_was_promised_nothing(void **state)
{
	CLEANUP(promises_freep) struct promises *p = promises_new();
	struct ipaddr a = addr_of("10.1.1.1");
	struct service old = service(ONE, NULL), new = service(SUCCESSOR, NULL);

	(void)state;
	promises_make(p, &old, &a, 1);
	assert_has(p, &new, NULL);
}

static void test_that_an_address_goes_can_be_promised_too(void **state)
{
	CLEANUP(promises_freep) struct promises *p = promises_new();
	struct ipaddr a = addr_of("10.1.1.1");
	struct service s = service(ONE, &a);

	(void)state;
	promises_make(p, &s, NULL, 0);
	assert_has(p, &s, NULL);
}

static void test_what_is_promised_to_nobody_any_more_is_forgotten(void **state)
{
	CLEANUP(promises_freep) struct promises *p = promises_new();
	struct ipaddr a = addr_of("10.1.1.1");
	struct service s = service(ONE, NULL);

	(void)state;
	promises_begin(p);
	promises_make(p, &s, &a, 1);
	promises_sweep(p);
	assert_int_equal(promises_count(p), 1);
	promises_begin(p);
	promises_sweep(p);
	assert_int_equal(promises_count(p), 0);
	promises_make(p, &s, &a, 1);
	promises_forget(p, &s.id);
	assert_int_equal(promises_count(p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_promise_counts_until_the_status_says_it),
		cmocka_unit_test(test_a_status_that_others_change_ends_a_promise),
		cmocka_unit_test(test_another_service_of_the_same_name_was_promised_nothing),
		cmocka_unit_test(test_that_an_address_goes_can_be_promised_too),
		cmocka_unit_test(test_what_is_promised_to_nobody_any_more_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
