/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ipvs_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* The longest texts there are. */
static struct ipvs_service long_service(void)
{
	struct ipvs_service s = {.port = 65535, .protocol = IPPROTO_SCTP};
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&s.addr, "2001:db80:1111:2222:3333:4444:5555:6666", &e), 0);
	return s;
}

static void operations_stay_in_order_however_many(void **state)
{
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};
	struct ipvs_service s = long_service();

	(void)state;
	for (uint16_t i = 0; i < 1000; i++) {
		const struct ipvs_dest dest = {.addr = s.addr, .port = i};

		ipvs_ops_add(&ops, IPVS_ADD_DEST, &s, &dest);
	}
	assert_int_equal(ops.n_items, 1000);
	for (uint16_t i = 0; i < 1000; i++)
		assert_int_equal(ops.items[i].dest.port, i);
}

/* It may live longer than what was read. */
static void an_operation_does_not_borrow_real_servers(void **state)
{
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};
	struct ipvs_service s = long_service();
	struct ipvs_dest dest = {.addr = s.addr};

	(void)state;
	s.dests = &dest;
	s.n_dests = 1;
	ipvs_ops_add(&ops, IPVS_REMOVE_SERVICE, &s, NULL);
	assert_null(ops.items[0].service.dests);
	assert_int_equal(ops.items[0].service.n_dests, 0);
	assert_int_equal(ops.items[0].dest.addr.family, 0);
}

static void a_list_that_is_done_can_be_used_again(void **state)
{
	struct ipvs_service s = long_service();
	struct ipvs_ops ops = {0};

	(void)state;
	ipvs_ops_done(&ops);
	ipvs_ops_add(&ops, IPVS_ADD_SERVICE, &s, NULL);
	ipvs_ops_done(&ops);
	assert_int_equal(ops.n_items, 0);
	ipvs_ops_add(&ops, IPVS_EDIT_SERVICE, &s, NULL);
	assert_int_equal(ops.n_items, 1);
	ipvs_ops_done(&ops);
}

static void texts_name_the_place_and_the_real_server(void **state)
{
	struct ipvs_op op = {.kind = IPVS_EDIT_SERVICE, .service = long_service()};
	char text[IPVS_OP_TEXT];

	(void)state;
	op.dest.addr = op.service.addr;
	op.dest.port = 65535;
	assert_string_equal(ipvs_op_format(text, &op),
		"2001:db80:1111:2222:3333:4444:5555:6666 port 65535/sctp");
	for (op.kind = IPVS_ADD_DEST; op.kind <= IPVS_REMOVE_DEST; op.kind++)
		assert_string_equal(ipvs_op_format(text, &op),
			"real server 2001:db80:1111:2222:3333:4444:5555:6666 port 65535 of "
			"2001:db80:1111:2222:3333:4444:5555:6666 port 65535/sctp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_stay_in_order_however_many),
		cmocka_unit_test(an_operation_does_not_borrow_real_servers),
		cmocka_unit_test(a_list_that_is_done_can_be_used_again),
		cmocka_unit_test(texts_name_the_place_and_the_real_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
