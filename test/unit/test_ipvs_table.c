/* SPDX-License-Identifier: Apache-2.0 */
#include "addresses.h"

#include "base/mem.h"
#include "net/ipvs_table.h"

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

static void add_service(
	struct ipvs_table *t, const char *vip, uint16_t protocol, uint16_t port, uint64_t conns)
{
	struct ipvs_service s = {
		.addr = addr_of(vip), .protocol = protocol, .port = port, .conns = conns};

	ipvs_table_add(t, &s);
}

static void add_dest(struct ipvs_service *s, const char *ip, uint16_t port, uint32_t weight)
{
	struct ipvs_dest d = {.addr = addr_of(ip), .port = port, .weight = weight};

	ipvs_service_add(s, &d);
}

static void assert_service(
	const struct ipvs_service *s, const char *vip, uint16_t protocol, uint16_t port)
{
	char text[IPADDR_TEXT];

	assert_string_equal(ipaddr_format(text, &s->addr), vip);
	assert_int_equal(s->protocol, protocol);
	assert_int_equal(s->port, port);
}

static void services_are_sorted_by_address_protocol_and_port(void **state)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = ipvs_table_new();

	(void)state;
	add_service(t, "fd00::1", IPPROTO_TCP, 80, 0);
	add_service(t, "10.1.1.2", IPPROTO_TCP, 80, 0);
	add_service(t, "10.1.1.1", IPPROTO_UDP, 53, 0);
	add_service(t, "10.1.1.1", IPPROTO_TCP, 443, 0);
	add_service(t, "10.1.1.1", IPPROTO_TCP, 80, 0);
	ipvs_table_sort(t);
	assert_int_equal(t->n_services, 5);
	assert_service(&t->services[0], "10.1.1.1", IPPROTO_TCP, 80);
	assert_service(&t->services[1], "10.1.1.1", IPPROTO_TCP, 443);
	assert_service(&t->services[2], "10.1.1.1", IPPROTO_UDP, 53);
	assert_service(&t->services[3], "10.1.1.2", IPPROTO_TCP, 80);
	assert_service(&t->services[4], "fd00::1", IPPROTO_TCP, 80);
}

static void a_service_seen_twice_is_there_once(void **state)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = ipvs_table_new();

	(void)state;
	for (int pass = 0; pass < 2; pass++)
		for (uint16_t port = 1; port <= 20; port++)
			add_service(t, "10.1.1.1", IPPROTO_TCP, port, 7);
	add_dest(&t->services[0], "10.0.0.1", 80, 1);
	add_dest(&t->services[20], "10.0.0.2", 80, 1);
	ipvs_table_sort(t);
	assert_int_equal(t->n_services, 20);
	for (uint16_t port = 1; port <= 20; port++)
		assert_service(&t->services[port - 1], "10.1.1.1", IPPROTO_TCP, port);
}

static void real_servers_are_sorted_and_there_once(void **state)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = ipvs_table_new();
	struct ipvs_service *s;

	(void)state;
	add_service(t, "10.1.1.1", IPPROTO_TCP, 80, 0);
	s = &t->services[0];
	add_dest(s, "10.0.0.2", 80, 1);
	add_dest(s, "10.0.0.1", 8080, 2);
	add_dest(s, "10.0.0.1", 80, 3);
	add_dest(s, "10.0.0.2", 80, 1);
	ipvs_service_sort(s);
	assert_int_equal(s->n_dests, 3);
	assert_int_equal(s->dests[0].weight, 3);
	assert_int_equal(s->dests[1].weight, 2);
	assert_int_equal(s->dests[2].weight, 1);
}

static void what_is_there_is_found_and_nothing_else(void **state)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = ipvs_table_new();
	const struct ipaddr vip = addr_of("10.1.1.1"), vip6 = addr_of("fd00::1"),
			    rs = addr_of("10.0.0.9");
	const struct ipvs_service *s;

	(void)state;
	assert_null(ipvs_table_find(t, &vip, IPPROTO_TCP, 80));
	for (uint16_t port = 100; port > 0; port--)
		add_service(t, "10.1.1.1", IPPROTO_TCP, port, port);
	add_service(t, "fd00::1", IPPROTO_UDP, 53, 1000);
	add_dest(&t->services[20], "10.0.0.9", 8080, 5);
	ipvs_table_sort(t);
	for (uint16_t port = 1; port <= 100; port++) {
		s = ipvs_table_find(t, &vip, IPPROTO_TCP, port);
		assert_non_null(s);
		assert_int_equal(s->conns, port);
	}
	assert_int_equal(ipvs_table_find(t, &vip6, IPPROTO_UDP, 53)->conns, 1000);
	assert_null(ipvs_table_find(t, &vip, IPPROTO_UDP, 53));
	assert_null(ipvs_table_find(t, &vip, IPPROTO_TCP, 101));
	assert_null(ipvs_table_find(t, &vip6, IPPROTO_TCP, 53));
	s = ipvs_table_find(t, &vip, IPPROTO_TCP, 80);
	assert_int_equal(ipvs_service_find(s, &rs, 8080)->weight, 5);
	assert_null(ipvs_service_find(s, &rs, 80));
	assert_null(ipvs_service_find(ipvs_table_find(t, &vip, IPPROTO_TCP, 1), &rs, 8080));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_are_sorted_by_address_protocol_and_port),
		cmocka_unit_test(a_service_seen_twice_is_there_once),
		cmocka_unit_test(real_servers_are_sorted_and_there_once),
		cmocka_unit_test(what_is_there_is_found_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
