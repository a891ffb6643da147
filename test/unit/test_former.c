/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/former.h"

#include <stdio.h>
#include <string.h>

#include "addresses.h"

enum { BEGIN = 1000 * 1000 };

#define OWN "172.16.0.1"

/* Our roster, as members come and go. */
struct fixture {
	struct formers formers;
	struct roster roster;
};

/* The peers, after members have become "a b" besides us. */
static void assert_peers(struct fixture *f, const char *members, uint64_t at, const char *expected)
{
	const struct dual pod = {.v4 = addr_of(OWN)};
	struct ipaddr addrs[8] = {pod.v4};
	char copy[256], found[256] = "", text[IPADDR_TEXT], *next = copy;
	struct roster now;
	size_t n = 1;

	snprintf(copy, sizeof copy, "%s", members);
	while (*copy && next)
		addrs[n++] = addr_of(strsep(&next, " "));
	now = roster_of(&pod, addrs, n);
	formers_keep(&f->formers, &f->roster, &now, at);
	roster_done(&f->roster);
	f->roster = now;
	for (size_t i = 0; i < now.n_peers; i++)
		snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i ? " " : "",
			ipaddr_format(text, &now.peers[i]));
	assert_string_equal(found, expected);
}

static void test_who_leaves_stays_a_peer_for_an_hour(void **state)
{
	struct fixture f = {0};

	(void)state;
	assert_peers(&f, "172.16.0.2 172.16.0.3", BEGIN, "172.16.0.2 172.16.0.3");
	assert_peers(&f, "172.16.0.3", BEGIN + 1, "172.16.0.2 172.16.0.3");
	assert_peers(&f, "", BEGIN + 2, "172.16.0.2 172.16.0.3");
	assert_peers(&f, "172.16.0.4", BEGIN + FORMER_MAX, "172.16.0.2 172.16.0.3 172.16.0.4");
	assert_peers(&f, "172.16.0.4", BEGIN + FORMER_MAX + 1, "172.16.0.3 172.16.0.4");
	assert_peers(&f, "172.16.0.4", BEGIN + FORMER_MAX + 2, "172.16.0.4");
	roster_done(&f.roster);
}

static void test_who_comes_back_leaves_anew(void **state)
{
	struct fixture f = {0};

	(void)state;
	assert_peers(&f, "172.16.0.2", BEGIN, "172.16.0.2");
	assert_peers(&f, "", BEGIN + 1, "172.16.0.2");
	assert_peers(&f, "172.16.0.2", BEGIN + 2, "172.16.0.2");
	assert_peers(&f, "", BEGIN + FORMER_MAX, "172.16.0.2");
	assert_peers(&f, "", BEGIN + FORMER_MAX + 1, "172.16.0.2");
	assert_peers(&f, "", BEGIN + 2 * FORMER_MAX, "");
	roster_done(&f.roster);
}

static void test_of_too_many_the_first_goes(void **state)
{
	struct fixture f = {0};
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 2 * LIMIT_FORMER_MEMBERS; i++) {
		const struct dual pod = {.v4 = addr_of(OWN)};
		struct ipaddr addrs[] = {pod.v4, {0}};
		struct roster now;

		snprintf(text, sizeof text, "172.16.1.%u", i);
		addrs[1] = addr_of(text);
		now = roster_of(&pod, addrs, 2);
		formers_keep(&f.formers, &f.roster, &now, BEGIN + i);
		roster_done(&f.roster);
		f.roster = now;
	}
	assert_int_equal(f.roster.n_peers, LIMIT_FORMER_MEMBERS + 1);
	roster_done(&f.roster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_leaves_stays_a_peer_for_an_hour),
		cmocka_unit_test(test_who_comes_back_leaves_anew),
		cmocka_unit_test(test_of_too_many_the_first_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
