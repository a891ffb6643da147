/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/fleet_leases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kube.h"
#include "loop/loop.h"

enum { MSEC = 1000, FOUR = 1, SIX = 2 };

static const char leases[] = "/apis/coordination.k8s.io/v1/namespaces/kago/leases";
static const char ours[] = "/namespaces/kago/leases/tunnels.kago-edge.node-1";

/* The agent of node-1 in the fleet edge, and what it was told. */
struct rig {
	sd_event *loop;
	struct fleet_leases *f;
	unsigned senders, problems, left;
	char problem[256];
};

static void on_senders(void *ud)
{
	((struct rig *)ud)->senders++;
}

static void on_problem(void *ud, const char *where, const char *what)
{
	struct rig *rig = ud;

	rig->problems++;
	snprintf(rig->problem, sizeof rig->problem, "%s: %s", where, what);
}

static void on_recovered(void *ud, const char *where, uint64_t lost_for)
{
	(void)ud;
	(void)where;
	(void)lost_for;
}

static void on_left(void *ud)
{
	((struct rig *)ud)->left++;
}

static int setup(void **state)
{
	static const struct fleet_leases_ops ops = {on_senders, on_problem, on_recovered};
	const struct fleet_leases_spec spec = {"edge", "kago", "node-1", "10.0.0.1,fd00::1"};
	struct rig *rig = xnew0(struct rig);
	struct err e = {0};

	assert_int_equal(sd_event_new(&rig->loop), 0);
	assert_int_equal(fleet_leases_new(&rig->f, rig->loop, NULL, &spec, &ops, rig, &e), 0);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	fleet_leases_free(rig->f);
	sd_event_unref(rig->loop);
	fake_reset();
	free(rig);
	return 0;
}

static void synced(void)
{
	for (size_t i = 0; i < fake_kube()->n_watches; i++)
		fake_kube()->watches[i].ops.synced(fake_kube()->watches[i].ud);
}

static void tell_of(const char *name, const char *pod_ips)
{
	json_t *object =
		json_pack("{s:{s:s, s:s, s:s, s:{s:s}}}", "metadata", "name", name, "namespace",
			"kago", "resourceVersion", "7", "annotations", "kago.dev/pod-ips", pod_ips);

	fake_watch()->ops.upsert(fake_watch()->ud, object);
	json_decref(object);
}

/* Runs the loop until there is such a request, for at most three seconds. */
static struct fake_request *wait_for(struct rig *rig, const char *method, const char *end)
{
	for (unsigned i = 0; i < 300 && !fake_find(method, end); i++)
		sd_event_run(rig->loop, (uint64_t)10 * MSEC);
	assert_non_null(fake_find(method, end));
	return fake_find(method, end);
}

static const char *metadata(const struct fake_request *r, const char *part, const char *key)
{
	const json_t *meta = json_object_get(r->body, "metadata");

	return json_string_value(json_object_get(json_object_get(meta, part), key));
}

static const char *annotation(const struct fake_request *r, const char *key)
{
	return metadata(r, "annotations", key);
}

static const char *label(const struct fake_request *r, const char *key)
{
	return metadata(r, "labels", key);
}

static size_t count(const struct rig *rig)
{
	size_t n;

	free(fleet_leases_senders(rig->f, NULL, 0, &n));
	return n;
}

static void test_our_lease_is_made_once_the_kernel_is_ready(void **state)
{
	struct rig *rig = *state;
	const struct fake_request *r;

	fleet_leases_ready(rig->f, 0);
	synced();
	assert_null(fake_find("POST", leases));
	fleet_leases_ready(rig->f, FOUR | SIX);
	r = wait_for(rig, "POST", leases);
	assert_string_equal(annotation(r, "kago.dev/tunnels"), "ipip ip6ip6");
	assert_string_equal(annotation(r, "kago.dev/node"), "node-1");
	assert_string_equal(annotation(r, "kago.dev/node-ips"), "10.0.0.1,fd00::1");
	assert_string_equal(label(r, "kago.dev/fleet"), "edge");
	assert_string_equal(label(r, "kago.dev/agent"), "true");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(r->body, "metadata"), "name")),
		"tunnels.kago-edge.node-1");
}

/* Each would hear each other one's renewals else. */
static void test_agents_hear_of_no_other_agent(void **state)
{
	const struct fake *fake = fake_kube();

	(void)state;
	assert_int_equal(fake->n_watches, 2);
	assert_string_equal(fake->watches[0].selectors,
		"labelSelector=kago.dev/fleet=edge&fieldSelector=metadata.name="
		"tunnels.kago-edge.node-1");
	assert_string_equal(
		fake->watches[1].selectors, "labelSelector=kago.dev/fleet=edge,!kago.dev/agent");
}

static void test_it_says_at_once_what_the_kernel_holds_no_more(void **state)
{
	struct rig *rig = *state;

	synced();
	fleet_leases_ready(rig->f, FOUR | SIX);
	fake_answer(wait_for(rig, "POST", leases), 201, "u-1", "10");
	fleet_leases_ready(rig->f, 0);
	assert_string_equal(annotation(wait_for(rig, "PUT", ours), "kago.dev/tunnels"), "");
	fake_answer(fake_find("PUT", ours), 200, "u-1", "11");
	fleet_leases_ready(rig->f, FOUR);
	assert_string_equal(annotation(wait_for(rig, "PUT", ours), "kago.dev/tunnels"), "ipip");
}

static void test_load_balancers_may_send(void **state)
{
	struct rig *rig = *state;

	tell_of("kago-edge.lb-1", "172.16.1.2,fd00::2");
	tell_of("tunnels.kago-edge.node-2", "172.16.1.9");
	tell_of("announces.kago-edge.lb-1", "172.16.1.9");
	assert_int_equal(rig->senders, 0);
	assert_false(fleet_leases_synced(rig->f));
	synced();
	assert_int_equal(rig->senders, 1);
	assert_int_equal(count(rig), 2);
	tell_of("kago-edge.lb-1", "172.16.1.2,fd00::2");
	assert_int_equal(rig->senders, 1);
	tell_of("kago-edge.lb-2", "172.16.2.2");
	assert_int_equal(rig->senders, 2);
	assert_int_equal(count(rig), 3);
}

static void test_what_is_no_address_is_told_of(void **state)
{
	struct rig *rig = *state;

	synced();
	tell_of("kago-edge.lb-1", "0.0.0.0/0");
	assert_int_equal(rig->problems, 1);
	assert_string_equal(
		rig->problem, "kago-edge.lb-1: kago.dev/pod-ips: '0.0.0.0/0' is not an IP address");
	assert_int_equal(count(rig), 0);
}

static void tell_nodes(const char *names)
{
	json_t *object = json_pack("{s:{s:s, s:s, s:s, s:{s:s}}}", "metadata", "name",
		"nodes.kago-edge", "namespace", "kago", "resourceVersion", "7", "annotations",
		"kago.dev/tunnel-nodes", names);

	fake_watch()->ops.upsert(fake_watch()->ud, object);
	json_decref(object);
}

static void test_the_nodes_that_take_tunnels_are_those_of_the_leader(void **state)
{
	struct rig *rig = *state;
	const struct tunnel_set *nodes = fleet_leases_tunnel_nodes(rig->f);

	synced();
	assert_int_equal(nodes->nodes.n_items, 0);
	tell_nodes("node-1 node-2");
	assert_int_equal(rig->senders, 2);
	assert_true(tunnel_set_kinds(nodes, "node-2"));
	tell_nodes("node-1 node-2");
	assert_int_equal(rig->senders, 2);
	tell_nodes("node-2 node-1");
	assert_int_equal(rig->problems, 1);
	assert_int_equal(nodes->nodes.n_items, 2);
}

static void test_leaving_takes_our_lease_away(void **state)
{
	struct rig *rig = *state;

	synced();
	fleet_leases_ready(rig->f, FOUR | SIX);
	fake_answer(wait_for(rig, "POST", leases), 201, "u-1", "10");
	fleet_leases_leave(rig->f, on_left, rig);
	fake_answer(wait_for(rig, "DELETE", ours), 200, "u-1", "10");
	for (unsigned i = 0; i < 100 && !rig->left; i++)
		sd_event_run(rig->loop, (uint64_t)10 * MSEC);
	assert_int_equal(rig->left, 1);
}

/* Else load balancers would go on sending to a kernel that has let go. */
static void test_leaving_is_tried_again_while_the_server_fails(void **state)
{
	struct rig *rig = *state;

	synced();
	fleet_leases_ready(rig->f, FOUR | SIX);
	fake_answer(wait_for(rig, "POST", leases), 201, "u-1", "10");
	fleet_leases_leave(rig->f, on_left, rig);
	fake_answer(wait_for(rig, "DELETE", ours), 503, "", "");
	fake_answer(wait_for(rig, "DELETE", ours), 503, "", "");
	assert_int_equal(rig->left, 0);
	fake_answer(wait_for(rig, "DELETE", ours), 404, "", "");
	for (unsigned i = 0; i < 100 && !rig->left; i++)
		sd_event_run(rig->loop, (uint64_t)10 * MSEC);
	assert_int_equal(rig->left, 1);
	assert_int_equal(rig->problems, 1);
}

static void test_it_says_when_our_lease_was_renewed_and_whether_it_follows(void **state)
{
	struct rig *rig = *state;
	uint64_t before = loop_clock();

	synced();
	fleet_leases_ready(rig->f, FOUR);
	assert_int_equal(fleet_leases_renewed(rig->f), 0);
	fake_answer(wait_for(rig, "POST", leases), 503, "", "");
	assert_int_equal(fleet_leases_renewed(rig->f), 0);
	fake_answer(wait_for(rig, "POST", leases), 201, "u1", "8");
	assert_in_range(fleet_leases_renewed(rig->f), before, loop_clock());
	assert_true(fleet_leases_follow(rig->f));
	fake_kube()->lost_since = 1;
	assert_false(fleet_leases_follow(rig->f));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_our_lease_is_made_once_the_kernel_is_ready),
		TEST(test_agents_hear_of_no_other_agent),
		TEST(test_it_says_at_once_what_the_kernel_holds_no_more),
		TEST(test_load_balancers_may_send),
		TEST(test_what_is_no_address_is_told_of),
		TEST(test_the_nodes_that_take_tunnels_are_those_of_the_leader),
		TEST(test_it_says_when_our_lease_was_renewed_and_whether_it_follows),
		TEST(test_leaving_takes_our_lease_away),
		TEST(test_leaving_is_tried_again_while_the_server_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
