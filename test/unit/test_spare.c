/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/spare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "letters.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

/* With the template, for the virtual server "a". */
static bool is_spare(const char *template, const char *addr, uint16_t port)
{
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	CLEANUP(fleet_unrefp) struct fleet *fleet = letters_fleet("a");
	struct ipaddr spare;
	struct err e = {0};

	assert_int_equal(mustache_parse(&m, template, strlen(template), &e), 0);
	assert_int_equal(ipaddr_parse(&spare, addr, &e), 0);
	return spare_is(m, fleet->servers[0], &spare, port);
}

static void the_sorry_server_of_a_template_is_one(void **state)
{
	(void)state;
	assert_true(is_spare("sorry_server 10.9.9.9 80\n", "10.9.9.9", 80));
	assert_true(is_spare("a\n\tsorry_server\t10.9.9.9  \t80 # of all\n", "10.9.9.9", 80));
	assert_true(is_spare("sorry_server fd00::9 80", "fd00::9", 80));
}

static void each_of_several_is_one(void **state)
{
	static const char template[] = "sorry_server 10.9.9.8 80\nsorry_server 10.9.9.9 80\n";

	(void)state;
	assert_true(is_spare(template, "10.9.9.8", 80));
	assert_true(is_spare(template, "10.9.9.9", 80));
	assert_false(is_spare(template, "10.9.9.7", 80));
}

static void it_may_depend_on_the_virtual_server(void **state)
{
	static const char template[] = "{{#virtual_servers}}sorry_server 10.9.9.9 {{port}}\n"
				       "{{/virtual_servers}}";

	(void)state;
	assert_true(is_spare(template, "10.9.9.9", 80));
	assert_false(is_spare(template, "10.9.9.9", 81));
}

static void nothing_else_is_one(void **state)
{
	(void)state;
	assert_false(is_spare("", "10.9.9.9", 80));
	assert_false(is_spare("sorry_server", "10.9.9.9", 80));
	assert_false(is_spare("sorry_server 10.9.9.9", "10.9.9.9", 80));
	assert_false(is_spare("sorry_server 10.9.9.9 8080", "10.9.9.9", 80));
	assert_false(is_spare("sorry_server 10.9.9.9 8", "10.9.9.9", 80));
	assert_false(is_spare("sorry_server 10.9.9.99 80", "10.9.9.9", 80));
	assert_false(is_spare("real_server 10.9.9.9 80", "10.9.9.9", 80));
}

static void a_template_that_makes_nothing_has_none(void **state)
{
	(void)state;
	assert_false(is_spare("sorry_server 10.9.9.9 80\n{{missing}}", "10.9.9.9", 80));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sorry_server_of_a_template_is_one),
		cmocka_unit_test(each_of_several_is_one),
		cmocka_unit_test(it_may_depend_on_the_virtual_server),
		cmocka_unit_test(nothing_else_is_one),
		cmocka_unit_test(a_template_that_makes_nothing_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
