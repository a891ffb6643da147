/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct virtual_server simple(void)
{
	return (struct virtual_server){
		.vip = {.family = AF_INET}, .port = 80, .protocol = IPPROTO_TCP};
}

static void numbers_and_paths_do_not_change_a_shape(void **state)
{
	struct virtual_server a = simple(), b = simple();
	char root[] = "/", path[] = "/x";

	(void)state;
	a.persistence = 1;
	a.check = (struct health_check){.type = CHECK_HTTP,
		.path = root,
		.port = 81,
		.interval = 5000000,
		.timeout = 3000000};
	b.persistence = 2;
	b.check = (struct health_check){.type = CHECK_HTTP,
		.path = path,
		.port = 82,
		.interval = 6000000,
		.timeout = 4000000};
	b.port = 81;
	b.vip.bytes[0] = 11;
	assert_int_equal(shape_of(&a), shape_of(&b));
}

/* All there are, and no two the same. */
static void everything_else_does(void **state)
{
	static const uint16_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	static const int families[] = {AF_INET, AF_INET6};
	struct real_server real = {.target = 80};
	bool seen[SHAPES] = {0};
	char host[] = "example.org";

	(void)state;
	for (unsigned i = 0; i < SHAPES; i++) {
		struct virtual_server vs = simple();

		real.forward.method = i / 72 % 3 > 0 ? FORWARD_TUNNEL : FORWARD_NAT;
		real.forward.encapsulation =
			i / 72 % 3 > 1 ? ENCAPSULATION_GUE : ENCAPSULATION_IPIP;
		vs.reals = &real;
		vs.n_reals = 1;
		vs.protocol = protocols[i % 3];
		vs.vip.family = families[i / 3 % 2];
		vs.scheduler = (enum scheduler)(i / 6 % 6);
		vs.persistence = i / 36 % 2;
		if (i / 216 > 0) {
			unsigned check = i / 216 - 1;

			vs.check.type = (enum check_type)(1 + check / 4);
			vs.check.port = check % 2 ? 81 : 0;
			vs.check.host = check / 2 % 2 ? host : NULL;
		}
		assert_in_range(shape_of(&vs), 0, SHAPES - 1);
		assert_false(seen[shape_of(&vs)]);
		seen[shape_of(&vs)] = true;
	}
}

/* As one with a check on another port has. */
static void a_tunnel_to_another_port_gives_the_check_a_line(void **state)
{
	struct real_server real = {.forward = {.method = FORWARD_TUNNEL}, .target = 8080};
	struct virtual_server a = simple(), b = simple();

	(void)state;
	a.reals = b.reals = &real;
	a.n_reals = b.n_reals = 1;
	a.check.type = b.check.type = CHECK_TCP;
	b.check.port = 81;
	assert_int_equal(shape_of(&a), shape_of(&b));
	real.target = 80;
	assert_int_not_equal(shape_of(&a), shape_of(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_paths_do_not_change_a_shape),
		cmocka_unit_test(everything_else_does),
		cmocka_unit_test(a_tunnel_to_another_port_gives_the_check_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
