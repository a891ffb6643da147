/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/repairs.h"

#include "ipvs_sim.h"

/* What differ_build and its like give: operations, by letters: A E R for services, a e r for real
 * servers. */
static struct repairs counted(const char *letters)
{
	static const char kinds[] = "AERaer";
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};
	struct ipvs_service service = {
		.addr = letters_addr(10, 1, 1, 1), .port = 80, .protocol = IPPROTO_TCP};
	const struct ipvs_dest dest = {.addr = sim_addr(2), .port = 8080};
	struct repairs r = {0};

	for (const char *c = letters; *c; c++)
		ipvs_ops_add(&ops, (enum ipvs_op_kind)(strchr(kinds, *c) - kinds), &service, &dest);
	repairs_count(&r, &ops);
	return r;
}

static void assert_counted(
	const char *letters, size_t missing, size_t different, size_t stray, const char *first)
{
	const struct repairs r = counted(letters);

	assert_int_equal(r.missing, missing);
	assert_int_equal(r.different, different);
	assert_int_equal(r.stray, stray);
	assert_string_equal(r.first, first);
}

static void nothing_done_is_nothing_wrong(void **state)
{
	(void)state;
	assert_counted("", 0, 0, 0, "");
}

static void a_service_is_counted_with_its_real_servers_but_not_with_what_fills_it(void **state)
{
	(void)state;
	assert_counted("AaaeE", 3, 0, 0, "10.1.1.1 port 80/tcp: missing");
}

static void each_kind_is_counted_and_the_first_is_named(void **state)
{
	(void)state;
	assert_counted("Eaer", 1, 2, 1, "10.1.1.1 port 80/tcp: different");
	assert_counted("rr", 0, 0, 2,
		"real server 172.16.0.2 port 8080 of 10.1.1.1 port 80/tcp: not asked for");
	assert_counted("R", 0, 0, 1, "10.1.1.1 port 80/tcp: not asked for");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_done_is_nothing_wrong),
		cmocka_unit_test(
			a_service_is_counted_with_its_real_servers_but_not_with_what_fills_it),
		cmocka_unit_test(each_kind_is_counted_and_the_first_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
