/* SPDX-License-Identifier: Apache-2.0 */
#include "table/edges.h"

#include "addresses.h"

/* Prefixes, ended by NULL. */
static struct edges settled(const char *const texts[])
{
	struct ipnet nets[8];
	struct edges e;
	size_t n = 0;

	for (; texts[n]; n++)
		nets[n] = net_of(texts[n]);
	e = edges_of(nets, n);
	edges_settle(&e);
	return e;
}

static void test_what_has_the_same_addresses_is_equal(void **state)
{
	static const struct {
		const char *a[5], *b[5];
		bool equal;
	} cases[] = {
		{{NULL}, {NULL}, true},
		{{"10.0.0.0/24"}, {"10.0.0.0/25", "10.0.0.128/25"}, true},
		{{"0.0.0.0/0"}, {"128.0.0.0/1", "0.0.0.0/1"}, true},
		{{"10.0.0.1/32", "10.0.0.2/32"}, {"10.0.0.2/32", "10.0.0.1/32"}, true},
		{{"fd00::/16"}, {"fd00::/17", "fd00:8000::/17"}, true},
		{{"10.0.0.0/24", "10.3.0.0/24"}, {"10.0.0.0/24"}, false},
		{{"10.0.0.0/24"}, {"10.0.0.0/25"}, false},
		{{"255.255.255.255/32"}, {"255.255.255.254/32"}, false},
		{{"10.0.0.255/32"}, {"10.0.0.254/31"}, false},
		{{"10.0.0.0/24"}, {NULL}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct edges a = settled(cases[i].a), b = settled(cases[i].b);

		if (edges_equal(&a, &b) != cases[i].equal)
			fail_msg("case %zu: %s", i, cases[i].equal ? "differ" : "are equal");
		edges_done(&a);
		edges_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_has_the_same_addresses_is_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
