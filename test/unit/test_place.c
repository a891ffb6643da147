/* SPDX-License-Identifier: Apache-2.0 */
#include "values/place.h"

#include <errno.h>
#include <string.h>

#include "addresses.h"

static void a_place_is_read_as_it_is_written(void **state)
{
	static const char *const texts[] = {
		"10.1.1.1 port 80/tcp", "10.1.1.1 port 53/udp", "fd00::1 port 65535/sctp"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char text[PLACE_TEXT];
		struct err e = {0};
		struct place p;

		assert_int_equal(place_parse(&p, texts[i], &e), 0);
		assert_string_equal(place_format(text, &p), texts[i]);
	}
}

static void what_is_no_place_is_quoted(void **state)
{
	static const char *const texts[] = {"", "10.1.1.1", "10.1.1.1 port 80",
		"10.1.1.1 port 0/tcp", "10.1.1 port 80/tcp", "10.1.1.1 port 80/icmp",
		"10.1.1.1 port 80/tcp "};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct err e = {0};
		struct place p;

		assert_int_equal(place_parse(&p, texts[i], &e), -EINVAL);
		assert_non_null(strstr(e.msg, texts[i]));
	}
}

static void places_are_ordered_by_vip_protocol_and_port(void **state)
{
	const struct place sorted[] = {place_of("9.1.1.1 port 81/udp"),
		place_of("10.1.1.1 port 81/tcp"), place_of("10.1.1.1 port 82/tcp"),
		place_of("10.1.1.1 port 80/udp"), place_of("fd00::1 port 1/tcp")};
	const size_t n = sizeof sorted / sizeof sorted[0];

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			assert_int_equal(place_cmp(&sorted[i], &sorted[j]), (i > j) - (i < j));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_read_as_it_is_written),
		cmocka_unit_test(what_is_no_place_is_quoted),
		cmocka_unit_test(places_are_ordered_by_vip_protocol_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
