/* SPDX-License-Identifier: Apache-2.0 */
#include "addresses.h"

#include <linux/ip_vs.h>

#include "base/mem.h"
#include "net/ipvs_table.h"
#include "net/maglev.h"

DEFINE_CLEANUP(struct maglev *, maglev_free);

enum { FALLBACK = IP_VS_SVC_F_SCHED1, BY_PORT = IP_VS_SVC_F_SCHED2, N_REALS = 5 };

/* Five real servers, 10.244.1.1 to .5, which the kernel's list has in the reverse order. */
struct scene {
	struct ipvs_service service;
	struct ipvs_dest reals[N_REALS];
};

static void scene_init(struct scene *s, uint32_t flags)
{
	*s = (struct scene){.service = {.flags = flags, .dests = s->reals, .n_dests = N_REALS}};
	for (unsigned i = 0; i < N_REALS; i++) {
		s->reals[i] = (struct ipvs_dest){.addr = addr_of("10.244.1.1"), .port = 8080};
		s->reals[i].addr.bytes[3] = (uint8_t)(1 + i);
		s->reals[i].position = N_REALS - 1 - i;
		s->reals[i].weight = 1;
	}
}

static void assert_choice(
	const struct scene *s, const char *client, uint16_t port, const char *expected)
{
	CLEANUP(maglev_freep) struct maglev *table = maglev_new(&s->service);
	const struct ipaddr from = addr_of(client);
	const struct ipvs_dest *dest = maglev_choose(table, &from, port);
	char text[IPADDR_TEXT];

	assert_string_equal(dest ? ipaddr_format(text, &dest->addr) : "none", expected);
}

/* What Linux 6.1 chooses: the lab asks the kernel itself, of many more. */
static void test_choices_are_the_kernels(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, FALLBACK | BY_PORT);
	assert_choice(&s, "192.0.2.1", 1024, "10.244.1.5");
	assert_choice(&s, "192.0.2.1", 1025, "10.244.1.4");
	assert_choice(&s, "192.0.2.77", 40000, "10.244.1.3");
	assert_choice(&s, "203.0.113.9", 65535, "10.244.1.1");
	assert_choice(&s, "10.9.9.9", 20000, "10.244.1.5");
}

static void test_without_mh_port_a_client_has_one_real_server(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, FALLBACK);
	assert_choice(&s, "192.0.2.77", 1024, "10.244.1.4");
	assert_choice(&s, "192.0.2.77", 40000, "10.244.1.4");
	assert_choice(&s, "10.9.9.9", 20000, "10.244.1.1");
}

static void test_clients_of_one_that_drains_go_elsewhere_and_no_others(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, FALLBACK | BY_PORT);
	s.reals[2].weight = 0;
	assert_choice(&s, "192.0.2.77", 40000, "10.244.1.1");
	assert_choice(&s, "192.0.2.1", 1025, "10.244.1.4");
	s.service.flags = BY_PORT;
	assert_choice(&s, "192.0.2.77", 40000, "none");
}

static void test_none_is_chosen_of_none(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, FALLBACK | BY_PORT);
	for (size_t i = 0; i < N_REALS; i++)
		s.reals[i].weight = 0;
	assert_choice(&s, "192.0.2.1", 1024, "none");
	s.service.n_dests = 0;
	assert_choice(&s, "192.0.2.1", 1024, "none");
}

/* A list that was filled in another order makes another table. */
static void test_the_order_of_the_list_counts(void **state)
{
	enum { CLIENTS = 20000 };
	CLEANUP(maglev_freep) struct maglev *a = NULL;
	CLEANUP(maglev_freep) struct maglev *b = NULL;
	struct scene first, second;
	struct ipaddr client = addr_of("192.0.2.1");
	unsigned n_different = 0;

	(void)state;
	scene_init(&first, FALLBACK | BY_PORT);
	scene_init(&second, FALLBACK | BY_PORT);
	for (unsigned i = 0; i < N_REALS; i++)
		second.reals[i].position = i;
	a = maglev_new(&first.service);
	b = maglev_new(&second.service);
	for (int i = 1; i < CLIENTS; i++) {
		uint16_t port = (uint16_t)i;

		n_different += maglev_choose(a, &client, port)->addr.bytes[3] !=
			       maglev_choose(b, &client, port)->addr.bytes[3];
	}
	assert_in_range(n_different, 1, CLIENTS / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choices_are_the_kernels),
		cmocka_unit_test(test_without_mh_port_a_client_has_one_real_server),
		cmocka_unit_test(test_clients_of_one_that_drains_go_elsewhere_and_no_others),
		cmocka_unit_test(test_none_is_chosen_of_none),
		cmocka_unit_test(test_the_order_of_the_list_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
