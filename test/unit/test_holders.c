/* SPDX-License-Identifier: Apache-2.0 */
#include "address/holders.h"
#include "objects.h"

static char key[] = "k", other_key[] = "q";

/* A Service with one TCP port; the key may be NULL. */
struct one {
	struct service_port port;
	struct service service;
};

static void one_init(struct one *ret, const char *ns, const char *name, char *share, uint16_t port)
{
	*ret = (struct one){.port = {.port = port, .protocol = IPPROTO_TCP},
		.service = {.wish = {.share = share, .n_wanted = 1}, .n_ports = 1}};
	ret->service.ports = &ret->port;
	objname_init(&ret->service.id, ns, name);
}

static const struct ipaddr vip = {.family = AF_INET, .bytes = {10, 1, 1, 1}};

static void expect_obstacle(
	const struct holders *l, const struct one *asks, const struct one *holder, bool is_port)
{
	struct obstacle o = holders_obstacle(l, &vip, &asks->service);

	assert_ptr_equal(o.holder, holder ? &holder->service : NULL);
	assert_int_equal(o.port != NULL, is_port);
}

static void test_an_address_is_of_one_or_of_those_that_share_it(void **state)
{
	CLEANUP(holders_freep) struct holders *l = holders_new();
	struct one alone, a, b, same_port, of_other_key, of_other_ns;
	const struct ipaddr *shared;
	size_t n;

	(void)state;
	one_init(&alone, "web", "alone", NULL, 1);
	one_init(&a, "web", "a", key, 80);
	one_init(&b, "web", "b", key, 81);
	one_init(&same_port, "web", "c", key, 80);
	one_init(&of_other_key, "web", "d", other_key, 82);
	one_init(&of_other_ns, "shop", "e", key, 83);
	holders_take(l, &vip, &alone.service);
	expect_obstacle(l, &a, &alone, false);
	holders_release(l, &vip, &alone.service);
	assert_true(holders_is_free(l, &vip));
	holders_take(l, &vip, &b.service);
	expect_obstacle(l, &a, NULL, false);
	holders_take(l, &vip, &a.service);
	expect_obstacle(l, &alone, &a, false); /* the first of them by seniority is named */
	expect_obstacle(l, &same_port, &a, true);
	expect_obstacle(l, &of_other_key, &a, false);
	expect_obstacle(l, &of_other_ns, &a, false);
	shared = holders_shared(&n, l, &same_port.service);
	assert_int_equal(n, 1);
	assert_true(ipaddr_equal(&shared[0], &vip));
	holders_shared(&n, l, &of_other_ns.service);
	assert_int_equal(n, 0);
	holders_release(l, &vip, &a.service);
	expect_obstacle(l, &same_port, NULL, false);
	holders_release(l, &vip, &b.service);
	assert_true(holders_is_free(l, &vip));
	holders_shared(&n, l, &a.service);
	assert_int_equal(n, 0);
	expect_obstacle(l, &of_other_ns, NULL, false);
	for (struct one *one[] = {&alone, &a, &b, &same_port, &of_other_key, &of_other_ns, NULL},
			**p = one;
		*p; p++)
		objname_done(&(*p)->service.id);
}

static void test_an_unread_service_stays_among_its_like(void **state)
{
	CLEANUP(holders_freep) struct holders *l = holders_new();
	struct one a, alone, unread, second, foreign;

	(void)state;
	one_init(&a, "web", "a", key, 80);
	one_init(&alone, "web", "b", NULL, 80);
	one_init(&unread, "web", "c", NULL, 80);
	one_init(&second, "web", "d", NULL, 80);
	one_init(&foreign, "shop", "e", NULL, 80);
	unread.service.reason = second.service.reason = foreign.service.reason =
		REASON_INVALID_SPEC;
	unread.service.wish.n_wanted = second.service.wish.n_wanted =
		foreign.service.wish.n_wanted = 0;
	assert_true(holders_keep(l, &vip, &a.service));
	assert_false(holders_keep(l, &vip, &alone.service));
	assert_true(holders_keep(l, &vip, &unread.service));
	assert_false(holders_keep(l, &vip, &foreign.service));
	holders_release(l, &vip, &a.service);
	assert_true(holders_keep(l, &vip, &second.service));
	expect_obstacle(l, &a, &unread, false);
	holders_release(l, &vip, &unread.service);
	holders_release(l, &vip, &second.service);
	assert_true(holders_keep(l, &vip, &alone.service));
	assert_false(holders_keep(l, &vip, &unread.service));
	for (struct one *one[] = {&a, &alone, &unread, &second, &foreign, NULL}, **p = one; *p; p++)
		objname_done(&(*p)->service.id);
}

static size_t n_compared;

int __real_service_cmp_seniority(const struct service *a, const struct service *b);
int __wrap_service_cmp_seniority(const struct service *a, const struct service *b);

int __wrap_service_cmp_seniority(const struct service *a, const struct service *b)
{
	n_compared++;
	return __real_service_cmp_seniority(a, b);
}

/* All who are refused an address are told who has it: how many share it must not matter to them. */
static void test_the_eldest_of_many_is_known_without_a_look_at_all(void **state)
{
	enum { MANY = 1009, STEP = 389 }; /* without a common divisor: they come in no order */
	CLEANUP(holders_freep) struct holders *l = holders_new();
	static struct one ones[MANY];
	struct one asks;
	char name[32];

	(void)state;
	one_init(&asks, "shop", "asks", NULL, 1);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "s%u", i);
		one_init(&ones[i], "web", name, key, (uint16_t)(i + 1));
		ones[i].service.created = i / 2;
	}
	for (unsigned i = 0; i < MANY; i++)
		holders_take(l, &vip, &ones[i * STEP % MANY].service);
	for (unsigned i = 1; i < MANY; i += 2)
		holders_release(l, &vip, &ones[i].service);
	for (unsigned i = 0; i < MANY; i += 2) {
		n_compared = 0;
		expect_obstacle(l, &asks, &ones[i], false);
		assert_int_equal(n_compared, 0);
		holders_release(l, &vip, &ones[i].service);
		assert_in_range(n_compared, 0, 20);
	}
	assert_true(holders_is_free(l, &vip));
	for (unsigned i = 0; i < MANY; i++)
		objname_done(&ones[i].service.id);
	objname_done(&asks.service.id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_address_is_of_one_or_of_those_that_share_it),
		cmocka_unit_test(test_an_unread_service_stays_among_its_like),
		cmocka_unit_test(test_the_eldest_of_many_is_known_without_a_look_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
