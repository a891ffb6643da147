/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/places.h"

#include <stdio.h>
#include <string.h>

#include "addresses.h"

/* What was seen at each place, in any order. */
struct seen {
	const char *place;
	enum place_state state;
};

static struct places places_of(const struct seen seen[], size_t n)
{
	struct places p = {0};

	for (size_t i = 0; i < n; i++) {
		struct place at = place_of(seen[i].place);

		assert_true(places_note(&p, &at, seen[i].state, PLACE_BY_NAT));
	}
	return p;
}

#define PLACES(array) places_of((array), sizeof(array) / sizeof(array)[0])

/* "10.1.1.1+ 10.1.1.2-": those with a plus are usable. */
static void assert_vips(const struct places *p, const char *expected)
{
	CLEANUP_VIPS struct vips v = places_vips(p);
	char text[1024] = "", one[IPADDR_TEXT];
	size_t len = 0;

	for (size_t i = 0; i < v.n_items; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%c", i ? " " : "",
			ipaddr_format(one, &v.items[i].addr), v.items[i].usable ? '+' : '-');
	assert_string_equal(text, expected);
}

static void note(struct places *p, const char *at, enum place_state state, bool changes)
{
	struct place one = place_of(at);

	unsigned ways = state == PLACE_GONE ? 0 : PLACE_BY_NAT;

	assert_int_equal(places_note(p, &one, state, ways), changes);
}

static void test_a_vip_is_usable_when_one_of_its_places_is(void **state)
{
	static const struct seen seen[] = {{"10.1.1.2 port 80/tcp", PLACE_IDLE},
		{"fd00::1 port 80/tcp", PLACE_USABLE}, {"10.1.1.1 port 443/tcp", PLACE_USABLE},
		{"10.1.1.1 port 80/tcp", PLACE_IDLE}, {"10.1.1.1 port 80/udp", PLACE_IDLE}};
	CLEANUP_PLACES struct places p = PLACES(seen);

	(void)state;
	assert_vips(&p, "10.1.1.1+ 10.1.1.2- fd00::1+");
}

static void test_what_is_noted_of_one_place_leaves_the_others(void **state)
{
	static const struct seen seen[] = {{"10.1.1.1 port 80/tcp", PLACE_USABLE},
		{"10.1.1.1 port 443/tcp", PLACE_USABLE}, {"10.1.1.2 port 80/tcp", PLACE_USABLE}};
	CLEANUP_PLACES struct places p = PLACES(seen);

	(void)state;
	note(&p, "10.1.1.1 port 80/tcp", PLACE_IDLE, true);
	note(&p, "10.1.1.1 port 80/tcp", PLACE_IDLE, false);
	assert_vips(&p, "10.1.1.1+ 10.1.1.2+");
	note(&p, "10.1.1.1 port 443/tcp", PLACE_GONE, true);
	note(&p, "10.1.1.1 port 443/tcp", PLACE_GONE, false);
	assert_vips(&p, "10.1.1.1- 10.1.1.2+");
	note(&p, "10.1.1.1 port 80/tcp", PLACE_GONE, true);
	note(&p, "10.1.1.3 port 53/udp", PLACE_USABLE, true);
	assert_vips(&p, "10.1.1.2+ 10.1.1.3+");
}

static void test_a_table_is_read_place_by_place(void **state)
{
	struct ipvs_dest none[] = {{.weight = 0}, {.weight = 0}},
			 one[] = {{.weight = 0}, {.weight = 3}};
	struct ipvs_service services[] = {
		{.addr = place_of("10.1.1.1 port 80/tcp").vip, .dests = none, .n_dests = 2},
		{.addr = place_of("10.1.1.2 port 80/tcp").vip, .dests = one, .n_dests = 2},
		{.addr = place_of("10.1.1.3 port 80/tcp").vip},
	};
	const struct ipvs_table table = {services, 3};
	CLEANUP_PLACES struct places p = places_of_table(&table);

	(void)state;
	assert_vips(&p, "10.1.1.1- 10.1.1.2+ 10.1.1.3-");
}

static void test_two_looks_together_lose_only_what_both_lack(void **state)
{
	static const struct seen before[] = {{"10.1.1.1 port 80/tcp", PLACE_USABLE},
		{"10.1.1.2 port 80/tcp", PLACE_USABLE}, {"10.1.1.3 port 80/tcp", PLACE_USABLE}};
	static const struct seen first[] = {
		{"10.1.1.1 port 80/tcp", PLACE_USABLE}, {"10.1.1.3 port 80/tcp", PLACE_IDLE}};
	static const struct seen second[] = {
		{"10.1.1.2 port 80/tcp", PLACE_USABLE}, {"10.1.1.3 port 80/tcp", PLACE_IDLE}};
	CLEANUP_PLACES struct places a = PLACES(before), b = PLACES(first), c = PLACES(second);
	CLEANUP_PLACES struct places both = places_union(&b, &c);

	(void)state;
	assert_true(places_lost_any(&a, &b));
	assert_true(places_lost_any(&a, &both));
	assert_false(places_lost_any(&b, &a));
	assert_false(places_lost_any(&b, &b));
	assert_vips(&both, "10.1.1.1+ 10.1.1.2+ 10.1.1.3-");
}

static void test_where_two_looks_differ(void **state)
{
	const struct seen before[] = {{"10.1.1.1 port 80/tcp", PLACE_USABLE},
		{"10.1.1.2 port 80/tcp", PLACE_USABLE}, {"10.1.1.3 port 80/tcp", PLACE_IDLE}};
	const struct seen now[] = {{"10.1.1.1 port 80/tcp", PLACE_USABLE},
		{"10.1.1.3 port 80/tcp", PLACE_USABLE}, {"10.1.1.4 port 80/tcp", PLACE_IDLE}};
	CLEANUP_PLACES struct places a = PLACES(before), b = PLACES(now);
	struct place at[3],
		expected[] = {place_of("10.1.1.2 port 80/tcp"), place_of("10.1.1.3 port 80/tcp"),
			place_of("10.1.1.4 port 80/tcp")};

	(void)state;
	assert_int_equal(places_differ(&a, &b, at, 3), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(place_cmp(&at[i], &expected[i]), 0);
	assert_int_equal(places_differ(&a, &b, at, 1), 3);
	assert_int_equal(place_cmp(&at[0], &expected[0]), 0);
	assert_int_equal(places_differ(&a, &a, at, 3), 0);
}

static void note_ways(struct places *p, const char *at, unsigned ways)
{
	struct place one = place_of(at);

	assert_true(places_note(p, &one, PLACE_USABLE, ways));
}

static void assert_prefixes(const struct prefixes *p, const char *expected)
{
	char text[1024] = "", one[IPNET_TEXT];
	size_t len = 0;

	for (size_t i = 0; i < p->n_items; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "",
			ipnet_format(one, &p->items[i]));
	assert_string_equal(text, expected);
}

static void test_vips_with_tunnels_are_told_from_those_with_nothing_else(void **state)
{
	CLEANUP_PLACES struct places p = {0};
	CLEANUP_PREFIXES struct prefixes some = {0}, only = {0};

	(void)state;
	note_ways(&p, "10.1.1.1 port 80/tcp", PLACE_BY_TUNNEL);
	note_ways(&p, "10.1.1.1 port 53/udp", PLACE_BY_TUNNEL);
	note_ways(&p, "10.1.1.2 port 80/tcp", PLACE_BY_TUNNEL);
	note_ways(&p, "10.1.1.2 port 81/tcp", PLACE_BY_NAT);
	note_ways(&p, "10.1.1.3 port 80/tcp", PLACE_BY_NAT);
	note_ways(&p, "10.1.1.4 port 80/tcp", PLACE_BY_NAT | PLACE_BY_TUNNEL);
	places_tunnels(&some, &only, &p);
	assert_prefixes(&some, "10.1.1.1/32 10.1.1.2/32 10.1.1.4/32");
	assert_prefixes(&only, "10.1.1.1/32");
	{
		CLEANUP_PREFIXES struct prefixes nat = places_by_nat(&p);

		assert_prefixes(&nat, "10.1.1.2/32 10.1.1.3/32 10.1.1.4/32");
	}
	/* Another way is news. */
	note_ways(&p, "10.1.1.4 port 80/tcp", PLACE_BY_NAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vips_with_tunnels_are_told_from_those_with_nothing_else),
		cmocka_unit_test(test_where_two_looks_differ),
		cmocka_unit_test(test_a_vip_is_usable_when_one_of_its_places_is),
		cmocka_unit_test(test_what_is_noted_of_one_place_leaves_the_others),
		cmocka_unit_test(test_a_table_is_read_place_by_place),
		cmocka_unit_test(test_two_looks_together_lose_only_what_both_lack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
