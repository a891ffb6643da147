/* SPDX-License-Identifier: Apache-2.0 */
#include "follow/live.h"

#include <stdio.h>

#include "config_file.h"
#include "follow/diff.h"

/* A value of each type that is nobody's default. */
static const char *other_value(const struct schema_key *k)
{
	switch (k->type) {
	case SCHEMA_BOOL:
		return strcmp(k->initial, "true") == 0 ? "false" : "true";
	case SCHEMA_LEVEL:
		return "error";
	case SCHEMA_FORMAT:
		return "json";
	case SCHEMA_LISTEN:
		return "127.0.0.1:1";
	case SCHEMA_PATH:
		return "/other";
	case SCHEMA_DURATION:
		return strcmp(k->path, "node.pollInterval") == 0 ? "30ms" : "7s";
	case SCHEMA_SECONDS:
		return "7s";
	case SCHEMA_AS:
	case SCHEMA_PORT:
	case SCHEMA_COUNT:
		return "7";
	case SCHEMA_ADDRESS:
		return "192.0.2.7";
	case SCHEMA_NEXT_HOP4:
	case SCHEMA_NEXT_HOP6:
		return "pod";
	default:
		return "other";
	}
}

/* For lists: one that is as long as another, and differs in the last that there is of an item. */
static const struct {
	const char *key, *one, *other;
} lists[] = {
	{"announce", "announce: bgp", "announce: l2"},
	{"l2.interfaces", "l2: {interfaces: [eth0, eth1]}", "l2: {interfaces: [eth0, eth2]}"},
	{"bgp.peers", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.2}]}"},
	{"bgp.peers[].address", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.2}]}"},
	{"bgp.peers[].as", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, as: 2}]}"},
	{"bgp.peers[].port", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, port: 1179}]}"},
	{"bgp.peers[].passwordFile", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, passwordFile: /p}]}"},
	{"bgp.peers[].name", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, name: a}]}"},
	{"bgp.peers[].holdTime", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, holdTime: 3s}]}"},
	{"bgp.peers[].ttl", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, ttl: 1}]}"},
	{"bgp.peers[].localAddress", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, localAddress: 192.0.2.9}]}"},
	{"bgp.peers[].extendedNextHop", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, extendedNextHop: true}]}"},
	{"bgp.peers[].ipv4", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, ipv4: false}]}"},
	{"bgp.peers[].ipv6", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, ipv6: false}]}"},
	{"bgp.peers[].bfd", "bgp: {as: 1, peers: [{address: 192.0.2.1}]}",
		"bgp: {as: 1, peers: [{address: 192.0.2.1, bfd: false}]}"},
	{"bgp.bfd.enabled", "bgp: {bfd: {enabled: false}}", "bgp: {bfd: {enabled: true}}"},
	{"bgp.bfd.program", "bgp: {bfd: {program: /a}}", "bgp: {bfd: {program: /b}}"},
	{"bgp.bfd.interval", "bgp: {bfd: {interval: 1s}}", "bgp: {bfd: {interval: 2s}}"},
	{"bgp.bfd.multiplier", "bgp: {bfd: {multiplier: 3}}", "bgp: {bfd: {multiplier: 4}}"},
	{"bgp.otherPeers", "bgp: {otherPeers: [{address: 192.0.2.1}]}",
		"bgp: {otherPeers: [{address: 192.0.2.2}]}"},
	{"bgp.otherPeers[].address", "bgp: {otherPeers: [{address: 192.0.2.1}]}",
		"bgp: {otherPeers: [{address: 192.0.2.2}]}"},
	{"bgp.otherPeers[].name", "bgp: {otherPeers: [{address: 192.0.2.1}]}",
		"bgp: {otherPeers: [{address: 192.0.2.1, name: a}]}"},
	{"bgp.communities", "bgp: {communities: 65000:1}", "bgp: {communities: no-export}"},
	{"bgp.localPreference", "bgp: {localPreference: 1}", "bgp: {localPreference: 2}"},
	{"bgp.med", "bgp: {med: 1}", "bgp: {med: 2}"},
	{"bgp.asPathPrepend", "bgp: {asPathPrepend: 1}", "bgp: {asPathPrepend: 2}"},
	{"bgp.aggregates", "bgp: {aggregates: [10.1.1.0/24]}", "bgp: {aggregates: [10.1.0.0/16]}"},
	{"http.allow", "http: {allow: [10.1.1.0/24]}", "http: {allow: [10.1.2.0/24]}"},
	{"endpoints.allow", "endpoints: {allow: [10.1.1.0/24]}", "endpoints: {allow: [0.0.0.0/0]}"},
	{"exec.environment", "exec: {environment: [A, B]}", "exec: {environment: [A, C]}"},
	{"forward", "forward: nat", "forward: tunnel"},
	{"tunnel.encapsulation", "tunnel: {encapsulation: ipip}", "tunnel: {encapsulation: gue}"},
	{"tunnel.port", "tunnel: {port: 6080}", "tunnel: {port: 5555}"},
	{"tunnel.nodes", "tunnel: {nodes: [a, b]}", "tunnel: {nodes: [a, c]}"},
	{"pools", "pools: [{name: a, addresses: [10.1.1.1]}]", "pools: []"},
	{"pools[].name", "pools: [{name: a, addresses: [10.1.1.1]}]",
		"pools: [{name: b, addresses: [10.1.1.1]}]"},
	{"pools[].addresses", "pools: [{name: a, addresses: [10.1.1.1-10.1.1.3]}]",
		"pools: [{name: a, addresses: [10.1.1.1-10.1.1.2]}]"},
	{"pools[].autoAssign", "pools: [{name: a, addresses: [10.1.1.1]}]",
		"pools: [{name: a, addresses: [10.1.1.1], autoAssign: false}]"},
	{"pools[].avoidBuggyIPs", "pools: [{name: a, addresses: [10.1.1.1]}]",
		"pools: [{name: a, addresses: [10.1.1.1], avoidBuggyIPs: true}]"},
	{"pools[].namespaces", "pools: [{name: a, addresses: [10.1.1.1], namespaces: [x, xy]}]",
		"pools: [{name: a, addresses: [10.1.1.1], namespaces: [x, xz]}]"},
	{"pools[].perNamespace", "pools: [{name: a, addresses: [10.1.1.1]}]",
		"pools: [{name: a, addresses: [10.1.1.1], perNamespace: 1}]"},
	{"pools[].perService", "pools: [{name: a, addresses: [10.1.1.1]}]",
		"pools: [{name: a, addresses: [10.1.1.1], perService: 1}]"},
};

static void load_pair(const struct schema_key *k, struct config **ret_one, struct config **ret)
{
	struct err e = {0};

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (strcmp(lists[i].key, k->path) == 0) {
			*ret_one = loaded(lists[i].one);
			*ret = loaded(lists[i].other);
			return;
		}
	*ret_one = loaded("");
	*ret = loaded("");
	if (config_set(*ret, k->path, other_value(k), &e) < 0)
		fail_msg("%s; what would be another value of it?", e.msg);
}

/* Of all keys of the schema, so that a new one has to be thought of. */
static void test_each_key_makes_a_difference(void **state)
{
	const struct schema_key *keys;
	size_t n;

	(void)state;
	keys = schema_keys(&n);
	for (size_t i = 0; i < n; i++) {
		CLEANUP(config_freep) struct config *one = NULL, *other = NULL;
		size_t len = strcspn(keys[i].path, "[");

		load_pair(&keys[i], &one, &other);
		for (size_t j = 0; j < n; j++) {
			bool is_it = strlen(keys[j].path) == len &&
				     strncmp(keys[j].path, keys[i].path, len) == 0;

			if (strstr(keys[j].path, "[]"))
				continue;
			assert_true(config_same(&keys[j], one, one));
			if (config_same(&keys[j], one, other) == is_it)
				fail_msg("a change of %s: %s is %s", keys[i].path, keys[j].path,
					is_it ? "the same" : "another");
		}
		config_free(one);
		config_free(other);
		one = other = NULL;
	}
}

static void test_each_key_is_of_use_and_items_are_as_their_list(void **state)
{
	const struct schema_key *keys;
	size_t n;

	(void)state;
	keys = schema_keys(&n);
	for (size_t i = 0; i < n; i++) {
		const struct schema_key *list;
		char name[64] = "";
		bool used = false;

		memcpy(name, keys[i].path, strcspn(keys[i].path, "["));
		list = schema_find(name);
		assert_non_null(list);
		for (size_t j = 0; j < SCHEMA_N_PROGRAMS; j++) {
			if (!keys[i].use[j] || keys[i].use[j] != list->use[j])
				fail_msg("%s: when does a program follow it?", keys[i].path);
			used |= keys[i].use[j] != SCHEMA_UNUSED;
		}
		if (!used)
			fail_msg("%s: nobody uses it", keys[i].path);
	}
}

struct heard {
	char text[256];
};

static void hear(void *ud, const char *key, bool in_use)
{
	struct heard *h = ud;
	size_t len = strlen(h->text);

	snprintf(h->text + len, sizeof h->text - len, "%s%s%s", len ? " " : "", key,
		in_use ? "" : "!");
}

/* What is heard of this file: each key, with a mark when it waits for a restart. */
static void expect(struct config_live *l, const char *text, const char *expected, bool any_in_use)
{
	struct heard h = {""};

	assert_int_equal(config_live_take(l, loaded(text), hear, &h), any_in_use);
	assert_string_equal(h.text, expected);
}

static void test_a_running_program_follows_what_it_can(void **state)
{
	CLEANUP(config_freep)
	struct config *c = loaded("pools: [{name: a, addresses: [10.1.1.1]}]");
	CLEANUP(config_live_freep) struct config_live *l = config_live_new(c, SCHEMA_CONTROLLER);
	const char *before = c->pools[0].name;

	(void)state;
	expect(l, "pools: [{name: a, addresses: [10.1.1.1]}]", "", false);
	expect(l, "{fleet: edge, log: {level: warn}, pools: [{name: b, addresses: [10.1.1.1]}]}",
		"fleet! log.level pools", true);
	assert_string_equal(c->fleet, "default");
	assert_int_equal(c->log.level, LOG_WARN);
	assert_string_equal(c->pools[0].name, "b");
	assert_string_equal(before, "a");
	assert_int_equal(config_live_pending(l), 1);
	expect(l, "{fleet: edge, log: {level: warn}, pools: []}", "pools", true);
	assert_int_equal(c->n_pools, 0);
	assert_int_equal(config_live_pending(l), 1);
	/* What the sidecar alone uses is not the controller's to tell. */
	expect(l, "{log: {level: warn}, node: {drain: 7s}}", "fleet", false);
	assert_int_equal(config_live_pending(l), 0);
}

static void test_the_sidecar_tells_of_its_own(void **state)
{
	CLEANUP(config_freep) struct config *c = loaded("");
	CLEANUP(config_live_freep) struct config_live *l = config_live_new(c, SCHEMA_SIDECAR);

	(void)state;
	expect(l,
		"{bgp: {as: 1, stateDir: /s, aggregates: [10.1.1.0/24]}, node: {drain: 7s}, pools: "
		"[]}",
		"bgp.stateDir! bgp.as bgp.aggregates node.drain", true);
	assert_int_equal(c->bgp.n_aggregates, 1);
	assert_int_equal(c->node.drain, 7000000);
	assert_int_equal(c->bgp.as, 1);
	assert_string_not_equal(c->bgp.state_dir, "/s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_key_makes_a_difference),
		cmocka_unit_test(test_each_key_is_of_use_and_items_are_as_their_list),
		cmocka_unit_test(test_a_running_program_follows_what_it_can),
		cmocka_unit_test(test_the_sidecar_tells_of_its_own),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
