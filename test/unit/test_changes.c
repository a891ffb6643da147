/* SPDX-License-Identifier: Apache-2.0 */
#include "random_services.h"

#include "address/allocation.h"
#include "decide/fleet.h"
#include "decide/fleet_diff.h"
#include "objects/objects.h"
#include "rounds.h"

/*
 * After any sequence of changes, of Services, slices, pools, the configuration and statuses written
 * by whomever, what was decided change by change is what is decided from nothing.
 */

enum { SERVICES = 10, ROUNDS = 50000 };

struct scene {
	struct world w;
	uint32_t seed;
	json_t *services[SERVICES];            /* NULL: gone */
	struct allocation *allocation, *whole; /* the second one always from nothing */
	struct fleet *fleet;
	char *text; /* the allocation, after a line feed */
	const struct assignment *before[SERVICES], *told[SERVICES];
	size_t n_before, n_told;
	bool configured;  /* so that all are told */
	unsigned n_alone; /* allocations that left others alone */
};

static unsigned roll(struct scene *s, unsigned below)
{
	return next_random(&s->seed) % below;
}

static void touch(struct scene *s, const json_t *object)
{
	struct objname id;
	struct err e = {0};

	assert_int_equal(objname_decode(&id, object, &e), 0);
	allocation_touch(s->allocation, &id);
	objname_done(&id);
}

static void put_service(struct scene *s, unsigned i)
{
	put_object(&s->w, s->services[i]);
	touch(s, s->services[i]);
}

static void remove_service(struct scene *s, unsigned i)
{
	const json_t *metadata = json_object_get(s->services[i], "metadata");

	store_remove(s->w.store, "Service",
		json_string_value(json_object_get(metadata, "namespace")),
		json_string_value(json_object_get(metadata, "name")));
	touch(s, s->services[i]);
	json_decref(s->services[i]);
	s->services[i] = NULL;
}

static json_t *load_balancer_of(json_t *service)
{
	return json_object_get(json_object_get(service, "status"), "loadBalancer");
}

/* As its owner does: its status stays. */
static void edit_service(struct scene *s, unsigned i)
{
	json_t *object = random_service(&s->seed, i, true);
	const json_t *id = json_object_get(json_object_get(object, "metadata"), "namespace");
	json_t *before = s->services[i];

	if (before &&
		!json_equal(id, json_object_get(json_object_get(before, "metadata"), "namespace")))
		remove_service(s, i);
	else if (before)
		json_object_set(json_object_get(object, "status"), "loadBalancer",
			load_balancer_of(before));
	json_decref(s->services[i]);
	s->services[i] = object;
	put_service(s, i);
}

/* As the leader does, if it may. */
static void write_status(struct scene *s, unsigned i)
{
	const json_t *metadata = json_object_get(s->services[i], "metadata");
	const struct assignment *a = allocation_find(s->allocation,
		json_string_value(json_object_get(metadata, "namespace")),
		json_string_value(json_object_get(metadata, "name")));
	json_t *ingress = json_array();
	char addr[IPADDR_TEXT];

	for (size_t k = 0; a && k < a->n_vips; k++)
		json_array_append_new(
			ingress, json_pack("{s:s}", "ip", ipaddr_format(addr, &a->vips[k])));
	json_object_set_new(load_balancer_of(s->services[i]), "ingress", ingress);
	put_service(s, i);
}

/* As others do, which may not. */
static void forge_status(struct scene *s, unsigned i)
{
	json_auto_t *other = random_service(&s->seed, i, false);

	json_object_set(
		json_object_get(s->services[i], "status"), "loadBalancer", load_balancer_of(other));
	put_service(s, i);
}

static void put_slice(struct scene *s, unsigned i)
{
	CLEANUP_FREE char *yaml =
		xasprintf("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
			  "metadata: {name: e%u, namespace: shop, labels: "
			  "{kubernetes.io/service-name: s%u}}\naddressType: IPv%s\n"
			  "ports: [{port: 8080}]\nendpoints: [{addresses: [%s%u]}]\n",
			i, i, i % 2 ? "4" : "6", i % 2 ? "172.16.0." : "fd01::", 1 + roll(s, 9));
	json_auto_t *object = object_of(yaml);

	put_object(&s->w, object);
}

/* Fewer pools, or other Services that are ours: a reload. */
static void configure(struct scene *s)
{
	s->w.rules.n_pools = 1 + roll(s, N_POOLS);
	s->w.rules.fleet = roll(s, 4) ? "a" : "b";
	for (size_t i = 0; i < N_POOLS; i++) {
		s->w.pools[i].per_namespace = roll(s, 3) ? 0 : 1 + roll(s, 3);
		s->w.pools[i].per_service = roll(s, 3) ? 0 : 1 + roll(s, 2);
	}
	store_touch(s->w.store);
	allocation_touch_all(s->allocation);
	s->configured = true;
}

static void alter(struct scene *s)
{
	unsigned i = roll(s, SERVICES), what = roll(s, 400);
	char name[16];

	snprintf(name, sizeof name, "e%u", i);
	if (what == 0)
		configure(s);
	else if (what < 50)
		put_slice(s, i);
	else if (what < 60)
		store_remove(s->w.store, "EndpointSlice", "shop", name);
	else if (what < 180 || !s->services[i])
		edit_service(s, i);
	else if (what < 220)
		remove_service(s, i);
	else if (what < 380)
		write_status(s, i);
	else
		forge_status(s, i);
}

/* Notes that this one was told. */
static void on_changed(void *ud, const struct assignment *now)
{
	struct scene *s = ud;

	s->told[s->n_told++] = now;
}

static bool was_told(const struct scene *s, const struct assignment *one)
{
	for (size_t i = 0; i < s->n_told; i++)
		if (s->told[i] == one)
			return true;
	return false;
}

/* Whoever differs from before was told, and nobody else. */
static void check_told(struct scene *s, char *text)
{
	const struct assignment *const *items;
	char *rest = text, *line;
	size_t n;

	items = allocation_items(s->allocation, &n);
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *whole = NULL;

		line = strsep(&rest, "\n");
		whole = xasprintf("\n%s\n", line);
		assert_int_equal(was_told(s, items[i]), !strstr(s->text, whole));
	}
}

/* Of those that were there before, some are the very same. */
static bool is_next(const struct scene *s)
{
	const struct assignment *const *items;
	size_t n;

	items = allocation_items(s->allocation, &n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < s->n_before; k++)
			if (items[i] == s->before[k])
				return true;
	return false;
}

static void settle(struct scene *s)
{
	const struct assignment *const *items;
	char *text;

	items = allocation_items(s->allocation, &s->n_before);
	if (s->n_before)
		memcpy(s->before, items, s->n_before * sizeof *items);
	s->n_told = 0;
	allocation_settle(s->allocation, on_changed, s);
	s->n_alone += is_next(s);
	text = describe(s->allocation);
	if (!s->configured)
		check_told(s, text);
	free(text);
	free(s->text);
	s->configured = false;
	text = describe(s->allocation);
	s->text = xasprintf("\n%s", text);
	free(text);
}

static void check_allocation(struct scene *s, unsigned round)
{
	const struct assignment *const *items, *const *others;
	CLEANUP_FREE char *wanted = NULL;
	size_t n, n_others;

	settle(s);
	allocation_touch_all(s->whole);
	allocation_settle(s->whole, NULL, NULL);
	wanted = describe(s->whole);
	if (strcmp(s->text + 1, wanted) != 0) {
		print_message("round %u, change by change:%s", round, s->text);
		print_message("from nothing:\n%s", wanted);
		fail();
	}
	items = allocation_items(s->allocation, &n);
	others = allocation_items(s->whole, &n_others);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(items[i]->pool, others[i]->pool);
		assert_int_equal(allocation_holds_up(s->allocation, items[i]),
			allocation_holds_up(s->whole, others[i]));
	}
}

static void check_fleet(struct scene *s)
{
	CLEANUP(fleet_unrefp) struct fleet *whole = fleet_build(s->w.store, &s->w.rules);
	struct fleet *next = fleet_next(s->fleet, s->w.store, &s->w.rules);
	struct fleet_diff d;

	if (next) {
		fleet_unref(s->fleet);
		s->fleet = next;
	}
	d = fleet_diff(fleet_servers(s->fleet), s->fleet->n_servers, fleet_servers(whole),
		whole->n_servers, NULL, NULL);
	assert_true(fleet_diff_empty(&d));
	assert_int_equal(s->fleet->n_services, whole->n_services);
	for (size_t i = 0; i < whole->n_services; i++) {
		const struct fleet_service *a = s->fleet->services[i], *b = whole->services[i];

		assert_string_equal(a->name, b->name);
		assert_int_equal(a->outcome, b->outcome);
		assert_string_equal(a->message, b->message);
		assert_true(ipaddrs_equal(a->vips, a->n_vips, b->vips, b->n_vips));
	}
}

static void test_change_by_change_is_the_same_as_from_nothing(void **state)
{
	unsigned rounds = test_rounds(ROUNDS);
	struct scene s = {.seed = 20261130, .text = xstrdup("\n")};

	(void)state;
	world_init(&s.w);
	s.allocation = allocation_new(s.w.store, &s.w.rules);
	s.whole = allocation_new(s.w.store, &s.w.rules);
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned n = 1 + roll(&s, 3); n > 0; n--)
			alter(&s);
		check_allocation(&s, round);
		check_fleet(&s);
	}
	assert_in_range(s.n_alone, rounds / 3, rounds);
	free(s.text);
	allocation_free(s.allocation);
	allocation_free(s.whole);
	fleet_unref(s.fleet);
	for (unsigned i = 0; i < SERVICES; i++)
		json_decref(s.services[i]);
	world_done(&s.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change_by_change_is_the_same_as_from_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
