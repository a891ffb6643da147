/* SPDX-License-Identifier: Apache-2.0 */
#include "random_services.h"

#include "rounds.h"

/* What holds for all Services that users can think of: many small worlds, made from seeds. */

enum { SEEDS = 150, SERVICES = 24 };

static void random_services(json_t *ret[SERVICES], uint32_t seed)
{
	for (unsigned i = 0; i < SERVICES; i++)
		ret[i] = random_service(&seed, i, false);
}

static void free_services(json_t *services[SERVICES])
{
	for (unsigned i = 0; i < SERVICES; i++)
		json_decref(services[i]);
}

/* What the leader writes: the addresses of an allocation, as the status of its Services. */
static void write_back(json_t *services[SERVICES], const struct allocation *all)
{
	for (unsigned i = 0; i < SERVICES; i++) {
		const json_t *metadata = json_object_get(services[i], "metadata");
		const struct assignment *a = allocation_find(all,
			json_string_value(json_object_get(metadata, "namespace")),
			json_string_value(json_object_get(metadata, "name")));
		json_t *ingress = json_array();
		char addr[IPADDR_TEXT];

		for (size_t k = 0; k < a->n_vips; k++)
			json_array_append_new(ingress,
				json_pack("{s:s}", "ip", ipaddr_format(addr, &a->vips[k])));
		json_object_set_new(
			json_object_get(json_object_get(services[i], "status"), "loadBalancer"),
			"ingress", ingress);
	}
}

/* The allocation of the Services from `first` on, `step` by `step`, put in this order. */
static struct allocation *allocate(
	struct world *w, json_t *const services[SERVICES], unsigned first, unsigned step)
{
	store_free(w->store);
	w->store = store_new();
	for (unsigned i = 0, k = first; i < SERVICES; i++, k = (k + step) % SERVICES)
		put_object(w, services[k]);
	return world_allocate(w);
}

static void assert_same(const struct allocation *a, const char *wanted, uint32_t seed)
{
	CLEANUP_FREE char *text = describe(a);

	if (strcmp(text, wanted) != 0) {
		print_message("seed %u:\n%s", seed, wanted);
		assert_string_equal(text, wanted);
	}
}

static void test_the_order_of_objects_does_not_matter(void **state)
{
	static const unsigned steps[] = {5, 7, 23};

	(void)state;
	for (uint32_t seed = 0; seed < test_rounds(SEEDS); seed++) {
		CLEANUP(allocation_freep) struct allocation *all = NULL;
		CLEANUP_FREE char *text = NULL;
		json_t *services[SERVICES];
		struct world w;

		world_init(&w);
		random_services(services, seed);
		all = allocate(&w, services, 0, 1);
		text = describe(all);
		for (unsigned i = 0; i < 3; i++) {
			CLEANUP(allocation_freep)
			struct allocation *other = allocate(&w, services, 3 * i, steps[i]);

			assert_same(other, text, seed);
		}
		free_services(services);
		world_done(&w);
	}
}

static void test_what_was_written_changes_nothing(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < test_rounds(SEEDS); seed++) {
		CLEANUP(allocation_freep) struct allocation *all = NULL, *again = NULL;
		CLEANUP_FREE char *text = NULL;
		json_t *services[SERVICES];
		struct world w;

		world_init(&w);
		random_services(services, seed);
		all = allocate(&w, services, 0, 1);
		text = describe(all);
		write_back(services, all);
		again = allocate(&w, services, 0, 1);
		assert_same(again, text, seed);
		free_services(services);
		world_done(&w);
	}
}

static bool have_a_port_in_common(const struct service *a, const struct service *b)
{
	for (size_t i = 0; i < a->n_ports; i++)
		for (size_t k = 0; k < b->n_ports; k++)
			if (a->ports[i].port == b->ports[k].port &&
				a->ports[i].protocol == b->ports[k].protocol)
				return true;
	return false;
}

static bool may_share(const struct service *a, const struct service *b)
{
	if (strcmp(a->id.ns, b->id.ns) != 0)
		return false;
	if (a->reason || b->reason) /* what it shares may be unreadable */
		return true;
	return a->wish.share && b->wish.share && strcmp(a->wish.share, b->wish.share) == 0 &&
	       !have_a_port_in_common(a, b);
}

static void check_pair(const struct assignment *a, const struct assignment *b, uint32_t seed)
{
	char addr[IPADDR_TEXT];

	for (size_t i = 0; i < a->n_vips; i++)
		for (size_t k = 0; k < b->n_vips; k++)
			if (ipaddr_equal(&a->vips[i], &b->vips[k]) &&
				!may_share(a->service, b->service))
				fail_msg("seed %u: %s/%s and %s/%s have %s", seed,
					a->service->id.ns, a->service->id.name, b->service->id.ns,
					b->service->id.name, ipaddr_format(addr, &a->vips[i]));
}

static void test_no_two_have_one_address_unless_they_share_it(void **state)
{
	size_t n_vips = 0;

	(void)state;
	for (uint32_t seed = 0; seed < test_rounds(SEEDS); seed++) {
		CLEANUP(allocation_freep) struct allocation *all = NULL;
		const struct assignment *const *items;
		json_t *services[SERVICES];
		struct world w;
		size_t n_items;

		world_init(&w);
		random_services(services, seed);
		all = allocate(&w, services, 0, 1);
		items = allocation_items(all, &n_items);
		for (size_t i = 0; i < n_items; i++) {
			n_vips += items[i]->n_vips;
			for (size_t k = 0; k < i; k++)
				check_pair(items[i], items[k], seed);
		}
		free_services(services);
		world_done(&w);
	}
	assert_true(n_vips > (size_t)5 * test_rounds(SEEDS));
}

/* That it has, and not for lack of something else. */
static bool has_all(const struct assignment *a)
{
	const struct wish *w = &a->service->wish;

	return !a->reason && a->n_vips >= (w->n_vips ? w->n_vips : w->n_wanted);
}

/* Half of the Services go, others come: who had what it wants still has it. */
static void check_stability(
	struct world *w, json_t *const before[SERVICES], uint32_t seed, bool they_come)
{
	CLEANUP(allocation_freep) struct allocation *all = allocate(w, before, 0, 1), *now = NULL;
	const struct assignment *const *items;
	struct store *old = w->store;
	uint32_t random = seed + 7777;
	size_t n_items;

	w->store = store_new();
	for (unsigned i = 0; i < SERVICES; i += they_come ? 1 : 2)
		put_object(w, before[i]);
	for (unsigned i = 0; they_come && i < SERVICES; i++) {
		json_auto_t *object = random_service(&random, SERVICES + i, true);

		put_object(w, object);
	}
	now = world_allocate(w);
	items = allocation_items(all, &n_items);
	for (size_t i = 0; i < n_items; i++) {
		const struct assignment *a = items[i];
		const struct assignment *b =
			allocation_find(now, a->service->id.ns, a->service->id.name);
		CLEANUP_FREE char *had = vips_of(a), *has = b ? vips_of(b) : NULL;

		if (b && has_all(a) && strcmp(had, has) != 0)
			fail_msg("seed %u: %s/%s had %s and has %s", seed, a->service->id.ns,
				a->service->id.name, had, has);
	}
	store_free(old);
}

static void test_others_that_come_and_go_do_not_matter(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < test_rounds(SEEDS); seed++) {
		CLEANUP(allocation_freep) struct allocation *all = NULL;
		json_t *services[SERVICES];
		struct world w;

		world_init(&w);
		random_services(services, seed);
		all = allocate(&w, services, 0, 1);
		write_back(services, all);
		check_stability(&w, services, seed, false);
		check_stability(&w, services, seed, true);
		free_services(services);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_order_of_objects_does_not_matter),
		cmocka_unit_test(test_what_was_written_changes_nothing),
		cmocka_unit_test(test_no_two_have_one_address_unless_they_share_it),
		cmocka_unit_test(test_others_that_come_and_go_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
