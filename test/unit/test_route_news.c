/* SPDX-License-Identifier: Apache-2.0 */
#include "app/route_news.h"

#include "base/mem.h"
#include "decide/fleet_diff.h"
#include "objects.h"

/* A Service with a VIP and an annotation. */
#define SAYS(name, vip, day, says)                                                                 \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name                               \
	", namespace: shop, creationTimestamp: '2026-01-" day "T00:00:00Z', annotations: "         \
	"{kago.dev/vip: '" vip "'" says "}}\nspec: {type: LoadBalancer, loadBalancerClass: "       \
	"kago.dev/a, ports: [{port: 80}]}\n"
#define MED(n) ", kago.dev/bgp-med: '" n "'"
#define PEERS(who) ", kago.dev/bgp-peers: " who

static struct fleet *fleet_of(const char *objects)
{
	static char name[] = "a";
	static const struct config_peer peers[] = {{.address.family = AF_INET, .name = name}};
	const struct fleet_rules rules = {.fleet = "a", .peers = peers, .n_peers = 1};
	CLEANUP(store_freep) struct store *s = store_new();

	put_all(s, objects);
	return fleet_build(s, &rules);
}

/* What is told when the objects change, as JSON; "" is nothing. */
static void assert_told(
	struct route_news *r, struct fleet **before, const char *objects, const char *expected)
{
	struct fleet *now = fleet_of(objects);
	json_t *msg = route_news_next(r, *before, now);
	char *text = msg ? json_dumps(msg, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	assert_string_equal(text ? text : "", expected);
	free(text);
	json_decref(msg);
	fleet_unref(*before);
	*before = now;
}

#define TOLD(set, gone) "{\"all\":false,\"gone\":[" gone "],\"set\":[" set "],\"type\":\"routes\"}"

static void test_what_changes_is_told_and_nothing_else(void **state)
{
	CLEANUP(fleet_unrefp) struct fleet *before = NULL;
	struct route_news r = {0};

	(void)state;
	assert_told(&r, &before, SAYS("a", "10.1.1.1", "01", ""), "");
	assert_told(&r, &before,
		SAYS("a", "10.1.1.1", "01", "") SAYS("b", "10.1.1.2,10.1.1.3", "02", MED("7")),
		TOLD("{\"med\":\"7\",\"prefix\":\"10.1.1.2/32\"},"
		     "{\"med\":\"7\",\"prefix\":\"10.1.1.3/32\"}",
			""));
	assert_told(&r, &before,
		SAYS("a", "10.1.1.1", "01", PEERS("a"))
			SAYS("b", "10.1.1.2,10.1.1.3", "02", MED("7")),
		TOLD("{\"peers\":\"a\",\"prefix\":\"10.1.1.1/32\"}", ""));
	/* One says nothing any more and is still there, one VIP is gone. */
	assert_told(&r, &before,
		SAYS("a", "10.1.1.1", "01", "") SAYS("b", "10.1.1.3", "02", MED("7")),
		TOLD("{\"prefix\":\"10.1.1.1/32\"}", "\"10.1.1.2/32\""));
	assert_told(&r, &before,
		SAYS("a", "10.1.1.1", "01", "") SAYS("b", "10.1.1.3", "02", MED("7")), "");
	assert_told(&r, &before, SAYS("b", "10.1.1.3", "02", MED("7")), "");
	assert_told(&r, &before, "", TOLD("", "\"10.1.1.3/32\""));
	assert_int_equal(r.n_items, 0);
	route_news_done(&r);
}

/* Who is refused says nothing, and whoever is left decides. */
static void test_of_a_shared_vip_the_oldest_word_is_told(void **state)
{
	CLEANUP(fleet_unrefp) struct fleet *before = NULL;
	struct route_news r = {0};

	(void)state;
	assert_told(&r, &before, SAYS("a", "10.1.1.1", "02", MED("2")),
		TOLD("{\"med\":\"2\",\"prefix\":\"10.1.1.1/32\"}", ""));
	assert_told(&r, &before,
		SAYS("a", "10.1.1.1", "02", MED("2")) SAYS("b", "10.1.1.1", "01", MED("1")),
		TOLD("{\"med\":\"1\",\"prefix\":\"10.1.1.1/32\"}", ""));
	assert_int_equal(fleet_find(before, "shop", "a")->route_refused, 1);
	assert_told(&r, &before,
		SAYS("a", "10.1.1.1", "02", MED("1")) SAYS("b", "10.1.1.1", "01", MED("1")), "");
	assert_told(&r, &before, SAYS("a", "10.1.1.1", "02", MED("1")), "");
	assert_told(&r, &before, SAYS("a", "10.1.1.1", "02", ""),
		TOLD("{\"prefix\":\"10.1.1.1/32\"}", ""));
	route_news_done(&r);
}

static void test_all_of_it_is_told_to_who_comes(void **state)
{
	CLEANUP(fleet_unrefp) struct fleet *before = NULL;
	struct route_news r = {0};
	json_t *msg;
	char *text;

	(void)state;
	assert_told(&r, &before, SAYS("a", "10.1.1.1", "01", MED("0")),
		TOLD("{\"med\":\"0\",\"prefix\":\"10.1.1.1/32\"}", ""));
	msg = route_news_all(&r, true);
	text = json_dumps(msg, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"all\":true,\"gone\":[],\"set\":[{\"med\":\"0\",\"prefix\":"
				  "\"10.1.1.1/32\"}],\"type\":\"routes\"}");
	free(text);
	json_decref(msg);
	route_news_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_changes_is_told_and_nothing_else),
		cmocka_unit_test(test_of_a_shared_vip_the_oldest_word_is_told),
		cmocka_unit_test(test_all_of_it_is_told_to_who_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
