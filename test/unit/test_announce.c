/* SPDX-License-Identifier: Apache-2.0 */
#include "announce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ipnet net(const char *text)
{
	struct ipnet n;
	struct err e = {0};

	if (ipnet_parse(&n, text, &e) < 0)
		fail_msg("%s", e.msg);
	return n;
}

enum { MAX_SERVICES = 8, MAX_DESTS = 3 };

/* A table as ipvs_read makes it. */
struct fixture {
	struct ipvs_table table;
	struct ipvs_service services[MAX_SERVICES];
	struct ipvs_dest dests[MAX_SERVICES][MAX_DESTS];
};

/* Adds a service with a real server of each weight; -1 ends the weights. */
static void add_service(struct fixture *f, const char *vip, uint16_t port, const int *weights)
{
	struct ipvs_service *s = &f->services[f->table.n_services];
	struct ipvs_dest *dests = f->dests[f->table.n_services++];

	f->table.services = f->services;
	s->addr = net(vip).addr;
	s->port = port;
	s->dests = dests;
	for (; weights[s->n_dests] >= 0; s->n_dests++)
		dests[s->n_dests].weight = (uint32_t)weights[s->n_dests];
}

#define WEIGHTS(...) ((const int[]){__VA_ARGS__, -1})
#define NO_WEIGHTS ((const int[]){-1})

static const struct announce_rules both_families = {.next_hop4 = true, .next_hop6 = true};

/* The set as one text, "a b c". */
static void assert_prefixes(const struct prefixes *p, const char *expected)
{
	char text[1024] = "";
	size_t len = 0;

	for (size_t i = 0; i < p->n_items; i++) {
		char one[IPNET_TEXT];

		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "",
			ipnet_format(one, &p->items[i]));
	}
	assert_string_equal(text, expected);
}

static void test_a_vip_is_announced_when_one_service_has_one_usable_real_server(void **state)
{
	struct fixture f = {0};
	CLEANUP_VIPS struct vips v = {0};
	CLEANUP_PREFIXES struct prefixes p = {0};

	(void)state;
	add_service(&f, "10.1.1.1", 80, WEIGHTS(0, 0));
	add_service(&f, "10.1.1.1", 443, WEIGHTS(0, 3));
	add_service(&f, "10.1.1.2", 80, WEIGHTS(0));
	add_service(&f, "10.1.1.3", 80, NO_WEIGHTS);
	add_service(&f, "fd00::1", 80, WEIGHTS(1));
	v = vips_of_table(&f.table);
	p = announce_build(&v, &both_families);
	assert_prefixes(&p, "10.1.1.1/32 fd00::1/128");
}

static void test_a_family_without_next_hop_is_left_out(void **state)
{
	const struct announce_rules only4 = {.next_hop4 = true};
	struct fixture f = {0};
	CLEANUP_VIPS struct vips v = {0};
	CLEANUP_PREFIXES struct prefixes announced = {0}, node = {0};

	(void)state;
	add_service(&f, "10.1.1.1", 80, WEIGHTS(1));
	add_service(&f, "fd00::1", 80, WEIGHTS(1));
	v = vips_of_table(&f.table);
	announced = announce_build(&v, &only4);
	node = announce_routed(&v, &only4, false);
	assert_prefixes(&announced, "10.1.1.1/32");
	assert_prefixes(&node, "10.1.1.1/32");
}

static void test_an_aggregate_replaces_its_vips_while_one_is_usable(void **state)
{
	const struct ipnet aggregates[] = {net("10.1.1.0/24"), net("10.9.0.0/16")};
	const struct announce_rules rules = {aggregates, 2, true, true};
	struct fixture f = {0};
	CLEANUP_VIPS struct vips v = {0};
	CLEANUP_PREFIXES struct prefixes announced = {0}, node = {0}, local = {0};

	(void)state;
	add_service(&f, "10.1.1.1", 80, WEIGHTS(1));
	add_service(&f, "10.1.1.2", 80, WEIGHTS(1));
	add_service(&f, "10.2.0.1", 80, WEIGHTS(1));
	add_service(&f, "10.9.0.1", 80, WEIGHTS(0));
	v = vips_of_table(&f.table);
	announced = announce_build(&v, &rules);
	node = announce_routed(&v, &rules, false);
	local = announce_routed(&v, &rules, true);
	assert_prefixes(&announced, "10.1.1.0/24 10.2.0.1/32");
	assert_prefixes(&node, "10.1.1.0/24 10.1.1.1/32 10.1.1.2/32 10.2.0.1/32");
	assert_prefixes(&local, "10.1.1.0/24 10.1.1.1/32 10.1.1.2/32 10.2.0.1/32 10.9.0.1/32");
}

static void test_the_reason_says_whether_ipvs_still_has_it(void **state)
{
	struct fixture f = {0};
	CLEANUP_VIPS struct vips v = {0};
	const struct ipnet kept = net("10.1.1.0/24"), gone = net("10.1.2.1/32");

	(void)state;
	add_service(&f, "10.1.1.1", 80, WEIGHTS(0));
	v = vips_of_table(&f.table);
	assert_string_equal(announce_why_not(&v, &kept), "no usable real server");
	assert_string_equal(announce_why_not(&v, &gone), "gone from IPVS");
}

static void test_two_looks_together_lose_only_what_both_lack(void **state)
{
	struct fixture before = {0}, first = {0}, second = {0};
	CLEANUP_VIPS struct vips a = {0}, b = {0}, c = {0}, both = {0};
	CLEANUP_PREFIXES struct prefixes p = {0};

	(void)state;
	add_service(&before, "10.1.1.1", 80, WEIGHTS(1));
	add_service(&before, "10.1.1.2", 80, WEIGHTS(1));
	add_service(&before, "10.1.1.3", 80, WEIGHTS(1));
	add_service(&first, "10.1.1.1", 80, WEIGHTS(1));
	add_service(&first, "10.1.1.3", 80, WEIGHTS(0));
	add_service(&second, "10.1.1.2", 80, WEIGHTS(1));
	add_service(&second, "10.1.1.3", 80, WEIGHTS(0));
	a = vips_of_table(&before.table);
	b = vips_of_table(&first.table);
	c = vips_of_table(&second.table);
	assert_true(vips_lost_any(&a, &b));
	assert_false(vips_lost_any(&b, &b));
	both = vips_union(&b, &c);
	p = announce_build(&both, &both_families);
	assert_prefixes(&p, "10.1.1.1/32 10.1.1.2/32");
	assert_non_null(vips_find(&both, &first.services[1].addr));
}

static void test_a_set_stays_sorted_and_without_duplicates(void **state)
{
	static const char *const texts[] = {"10.1.1.2/32", "fd00::/64", "10.1.1.1/32",
		"10.1.1.2/32", "10.1.1.0/24", "10.1.1.1/32"};
	CLEANUP_PREFIXES struct prefixes p = {0}, copy = {0}, rest = {0}, some = {0};
	struct ipnet absent = net("10.1.1.3/32"), first = net("10.1.1.1/32");

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct ipnet n = net(texts[i]);

		prefixes_add(&p, &n);
	}
	assert_prefixes(&p, "10.1.1.0/24 10.1.1.1/32 10.1.1.2/32 fd00::/64");
	copy = prefixes_copy(&p);
	assert_true(prefixes_equal(&copy, &p));
	prefixes_remove(&copy, &absent);
	prefixes_remove(&copy, &first);
	assert_prefixes(&copy, "10.1.1.0/24 10.1.1.2/32 fd00::/64");
	assert_false(prefixes_equal(&copy, &p));
	rest = prefixes_minus(&p, &copy, SIZE_MAX);
	assert_prefixes(&rest, "10.1.1.1/32");
	some = prefixes_minus(&p, &rest, 2);
	assert_prefixes(&some, "10.1.1.0/24 10.1.1.2/32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_vip_is_announced_when_one_service_has_one_usable_real_server),
		cmocka_unit_test(test_a_family_without_next_hop_is_left_out),
		cmocka_unit_test(test_an_aggregate_replaces_its_vips_while_one_is_usable),
		cmocka_unit_test(test_the_reason_says_whether_ipvs_still_has_it),
		cmocka_unit_test(test_two_looks_together_lose_only_what_both_lack),
		cmocka_unit_test(test_a_set_stays_sorted_and_without_duplicates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
