/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct ipaddr addr(const char *text)
{
	struct ipaddr a = {0};
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&a, text, &e), 0);
	return a;
}

/* One virtual server with two real servers, and the same in the kernel. */
struct fixture {
	struct real_server reals[2];
	struct virtual_server vs;
	const struct virtual_server *wanted[1];
	struct ipvs_dest dests[2];
	struct ipvs_service services[2];
	struct ipvs_table kernel;
};

static void fill(struct fixture *f)
{
	*f = (struct fixture){
		.reals = {{addr("172.16.0.1"), 8080, 1}, {addr("172.16.0.2"), 8080, 1}},
		.dests = {{.addr = addr("172.16.0.1"), .port = 8080, .weight = 1},
			{.addr = addr("172.16.0.2"), .port = 8080, .weight = 1}},
	};
	f->vs = (struct virtual_server){.vip = addr("10.1.1.1"),
		.port = 80,
		.protocol = IPPROTO_TCP,
		.scheduler = SCHEDULER_MH,
		.reals = f->reals,
		.n_reals = 2};
	f->wanted[0] = &f->vs;
	f->services[0] = (struct ipvs_service){.addr = addr("10.1.1.1"),
		.port = 80,
		.protocol = IPPROTO_TCP,
		.scheduler = "mh",
		.dests = f->dests,
		.n_dests = 2};
	f->services[1] = f->services[0];
	f->services[1].addr = addr("10.1.1.2");
	f->kernel = (struct ipvs_table){.services = f->services, .n_services = 1};
}

static struct verify_report compare(const struct fixture *f)
{
	return verify_compare(f->wanted, 1, &f->kernel);
}

static void test_what_was_asked_for_is_no_mismatch(void **state)
{
	struct fixture f;
	struct verify_report r;

	(void)state;
	fill(&f);
	r = compare(&f);
	assert_int_equal(verify_mismatches(&r), 0);
	assert_string_equal(r.first, "");
}

static void test_missing_service(void **state)
{
	struct fixture f;
	struct verify_report r;

	(void)state;
	fill(&f);
	f.kernel.n_services = 0;
	r = compare(&f);
	assert_int_equal(r.missing, 1);
	assert_string_equal(r.first, "10.1.1.1 port 80/tcp: missing");
}

static void test_stray_service(void **state)
{
	struct fixture f;
	struct verify_report r;

	(void)state;
	fill(&f);
	f.kernel.n_services = 2;
	r = compare(&f);
	assert_int_equal(r.stray, 1);
	assert_string_equal(r.first, "10.1.1.2 port 80/tcp: not asked for");
}

static void test_missing_and_stray_real_server(void **state)
{
	struct fixture f;
	struct verify_report r;

	(void)state;
	fill(&f);
	f.dests[1].addr = addr("172.16.0.3");
	r = compare(&f);
	assert_int_equal(r.missing, 1);
	assert_int_equal(r.stray, 1);
	assert_string_equal(
		r.first, "10.1.1.1 port 80/tcp, real server 172.16.0.2 port 8080: missing");
}

static void test_other_settings_differ(void **state)
{
	struct fixture f;
	struct verify_report r;

	(void)state;
	fill(&f);
	memcpy(f.services[0].scheduler, "rr", 3);
	r = compare(&f);
	assert_int_equal(r.different, 1);
	fill(&f);
	f.services[0].timeout = 100;
	r = compare(&f);
	assert_int_equal(r.different, 1);
}

static void test_a_failed_check_is_no_mismatch_but_other_weights_are(void **state)
{
	struct fixture f;
	struct verify_report r;

	(void)state;
	fill(&f);
	f.dests[0].weight = 0;
	r = compare(&f);
	assert_int_equal(r.different, 1);
	f.vs.check.type = CHECK_TCP;
	r = compare(&f);
	assert_int_equal(r.different, 0);
	assert_int_equal(r.down, 1);
	/* It shall drain, and the kernel still sends it new connections. */
	f.dests[0].weight = 1;
	f.reals[0].weight = 0;
	r = compare(&f);
	assert_int_equal(r.different, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_asked_for_is_no_mismatch),
		cmocka_unit_test(test_missing_service),
		cmocka_unit_test(test_stray_service),
		cmocka_unit_test(test_missing_and_stray_real_server),
		cmocka_unit_test(test_other_settings_differ),
		cmocka_unit_test(test_a_failed_check_is_no_mismatch_but_other_weights_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
