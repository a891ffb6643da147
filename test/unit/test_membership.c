/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/membership.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kube.h"
#include "own_clock.h"

#define ALL "ipip ip6ip6 gue gue6"

enum { MSEC = 1000 };

static const char leases[] = "/apis/coordination.k8s.io/v1/namespaces/kago/leases";

/* A load balancer lb-1 of the fleet edge, and what it was told. */
struct rig {
	sd_event *loop;
	struct membership *m;
	unsigned leads, follows, members, addresses, nodes, problems, recoveries, left;
	char problem[256];
};

static void on_leadership(void *ud, bool leads)
{
	struct rig *rig = ud;

	rig->leads += leads;
	rig->follows += !leads;
}

static void on_members(void *ud)
{
	((struct rig *)ud)->members++;
}

static void on_addresses(void *ud)
{
	((struct rig *)ud)->addresses++;
}

static void on_tunnel_nodes(void *ud)
{
	((struct rig *)ud)->nodes++;
}

static void on_agreement(void *ud)
{
	(void)ud;
}

static void on_problem(void *ud, const char *where, const char *what)
{
	struct rig *rig = ud;

	rig->problems++;
	snprintf(rig->problem, sizeof rig->problem, "%s: %s", where, what);
}

static void on_recovered(void *ud, const char *where, uint64_t lost_for)
{
	(void)where;
	(void)lost_for;
	((struct rig *)ud)->recoveries++;
}

static void on_left(void *ud)
{
	((struct rig *)ud)->left++;
}

static const struct membership_ops ops = {on_leadership, on_members, on_addresses, on_tunnel_nodes,
	on_agreement, on_problem, on_recovered};

static int setup(void **state)
{
	const struct membership_spec spec = {
		"edge", "kago", "lb-1", "10.0.0.1,fd00::1", "10.9.0.1"};
	struct rig *rig = xnew0(struct rig);
	struct err e = {0};

	own_clock_begin();
	assert_int_equal(sd_event_new(&rig->loop), 0);
	assert_int_equal(membership_new(&rig->m, rig->loop, NULL, &spec, &ops, rig, &e), 0);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	membership_free(rig->m);
	sd_event_unref(rig->loop);
	fake_reset();
	free(rig);
	return 0;
}

static void synced(void)
{
	fake_watch()->ops.synced(fake_watch()->ud);
}

/* Runs the loop for so long. */
static void run_for(struct rig *rig, uint64_t usec)
{
	own_clock_pass(rig->loop, usec);
}

/* Runs the loop until there is such a request, for at most three seconds. */
static struct fake_request *wait_for(struct rig *rig, const char *method, const char *end)
{
	for (unsigned i = 0; i < 300 && !fake_find(method, end); i++)
		run_for(rig, 10 * MSEC);
	assert_non_null(fake_find(method, end));
	return fake_find(method, end);
}

static const char *text_at(const json_t *object, const char *outer, const char *key)
{
	return json_string_value(json_object_get(json_object_get(object, outer), key));
}

static const char *announced(const struct fake_request *r)
{
	return text_at(json_object_get(r->body, "metadata"), "annotations", "kago.dev/announces");
}

static const char *name_of(const struct fake_request *r)
{
	return text_at(r->body, "metadata", "name");
}

/* What we announce is another Lease, which is made first or second. */
static void make_announcement(struct rig *rig)
{
	struct fake_request *r = fake_find("POST", leases);

	if (!r)
		r = wait_for(rig, "POST", leases);
	assert_string_equal(name_of(r), "announces.kago-edge.lb-1");
	fake_answer(r, 201, "u-3", "9");
}

/* Our own Leases are made. */
static void appear(struct rig *rig)
{
	synced();
	make_announcement(rig);
	fake_answer(wait_for(rig, "POST", leases), 201, "u-1", "10");
}

/* And we lead. */
static void win(struct rig *rig)
{
	appear(rig);
	fake_answer(wait_for(rig, "POST", leases), 201, "u-2", "11");
	assert_true(membership_leads(rig->m));
}

static void test_it_follows_the_leases_of_its_fleet(void **state)
{
	(void)state;
	assert_string_equal(fake_watch()->path, leases);
	assert_string_equal(fake_watch()->selectors, "labelSelector=kago.dev/fleet=edge");
	assert_int_equal(fake_kube()->n_requests, 0);
}

static void test_where_nothing_is_all_leases_are_made_and_we_lead(void **state)
{
	struct rig *rig = *state;
	const struct fake_request *r;
	const json_t *meta;

	synced();
	make_announcement(rig);
	r = wait_for(rig, "POST", leases);
	meta = json_object_get(r->body, "metadata");
	assert_string_equal(json_string_value(json_object_get(meta, "name")), "kago-edge.lb-1");
	assert_string_equal(text_at(meta, "labels", "kago.dev/fleet"), "edge");
	assert_string_equal(text_at(r->body, "spec", "holderIdentity"), "lb-1");
	assert_string_equal(text_at(meta, "annotations", "kago.dev/pod-ips"), "10.0.0.1,fd00::1");
	assert_string_equal(text_at(meta, "annotations", "kago.dev/node-ips"), "10.9.0.1");
	assert_null(announced(r));
	fake_answer(fake_find("POST", leases), 201, "u-1", "10");
	r = wait_for(rig, "POST", leases);
	assert_string_equal(text_at(r->body, "metadata", "name"), "kago-edge");
	assert_string_equal(text_at(r->body, "spec", "holderIdentity"), "lb-1");
	assert_false(membership_leads(rig->m));
	fake_answer(fake_find("POST", leases), 201, "u-2", "11");
	assert_true(membership_leads(rig->m));
	assert_string_equal(membership_leader(rig->m), "lb-1");
	assert_int_equal(rig->leads, 1);
	r = wait_for(rig, "PUT", "/kago-edge");
	assert_string_equal(text_at(r->body, "metadata", "resourceVersion"), "11");
}

static void test_a_leader_that_lives_is_followed(void **state)
{
	struct rig *rig = *state;

	fake_lease("kago-edge", "7", "lb-2", "");
	appear(rig);
	run_for(rig, 300 * MSEC);
	assert_string_equal(membership_leader(rig->m), "lb-2");
	assert_int_equal(fake_kube()->n_requests, 2);
	fake_lease("kago-edge", "8", "", "");
	wait_for(rig, "PUT", "/kago-edge");
}

static void test_whoever_takes_the_lease_ends_our_leading(void **state)
{
	struct rig *rig = *state;

	win(rig);
	fake_lease("kago-edge", "12", "lb-2", "");
	assert_false(membership_leads(rig->m));
	assert_int_equal(rig->follows, 1);
	assert_string_equal(membership_leader(rig->m), "lb-2");
}

static int stay_busy(sd_event_source *source, void *ud)
{
	(void)source;
	++*(unsigned *)ud;
	return 0;
}

static void test_a_leader_renews_however_busy_the_loop_is(void **state)
{
	struct rig *rig = *state;
	sd_event_source *busy = NULL;
	unsigned turns = 0;

	win(rig);
	assert_true(sd_event_add_defer(rig->loop, &busy, stay_busy, &turns) >= 0);
	sd_event_source_set_priority(busy, LOOP_OVERDUE);
	sd_event_source_set_enabled(busy, SD_EVENT_ON);
	wait_for(rig, "PUT", "/kago-edge");
	assert_true(turns > 100);
	sd_event_source_disable_unref(busy);
}

static void test_old_news_do_not_end_our_leading(void **state)
{
	struct rig *rig = *state;

	win(rig);
	fake_lease("kago-edge", "9", "lb-2", "");
	assert_true(membership_leads(rig->m));
	assert_int_equal(rig->follows, 0);
}

static void test_what_we_announce_is_told_at_once_and_then_once_a_second(void **state)
{
	struct rig *rig = *state;
	json_t *one = json_pack("[s, s, s]", "10.0.0.1/32", "10.0.0.0/32", "no prefix");
	json_t *two = json_pack("[s]", "10.0.0.9/32");
	struct fake_request *r;

	fake_lease("kago-edge", "7", "lb-2", "");
	appear(rig);
	run_for(rig, 1010 * MSEC);
	membership_announce(rig->m, one);
	r = fake_find("PUT", "/announces.kago-edge.lb-1");
	assert_non_null(r);
	assert_string_equal(announced(r), "10.0.0.0-10.0.0.1");
	membership_announce(rig->m, one);
	membership_announce(rig->m, NULL);
	membership_announce(rig->m, two);
	fake_answer(r, 200, "u-3", "12");
	run_for(rig, 500 * MSEC);
	assert_null(fake_find("PUT", "/announces.kago-edge.lb-1"));
	r = wait_for(rig, "PUT", "/announces.kago-edge.lb-1");
	assert_string_equal(announced(r), "10.0.0.9");
	assert_string_equal(text_at(r->body, "metadata", "resourceVersion"), "12");
	/* Every watcher gets our heartbeat every ten seconds. */
	assert_null(fake_find("PUT", "/kago-edge.lb-1"));
	json_decref(one);
	json_decref(two);
}

static void test_announcers_are_those_whose_leases_say_so(void **state)
{
	struct rig *rig = *state;
	struct ipaddr vip;
	struct err e = {0};
	const char **names;
	size_t n;

	assert_int_equal(ipaddr_parse(&vip, "10.0.0.1", &e), 0);
	fake_lease("announces.kago-edge.lb-3", "3", "lb-3", "10.0.0.1");
	fake_lease("kago-edge.lb-3", "4", "lb-3", "");
	fake_lease("kago-edge.lb-2", "5", "lb-2", "");
	fake_lease("announces.kago-edge.lb-2", "5", "lb-2", "10.0.0.0-10.0.0.9");
	assert_int_equal(rig->members, 0);
	synced();
	assert_int_equal(rig->members, 1);
	names = membership_announcers(rig->m, &vip, 1, &n);
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "lb-2");
	assert_string_equal(names[1], "lb-3");
	free(names);
	fake_lease("kago-edge.lb-2", "6", "lb-2", "");
	assert_int_equal(rig->members, 1);
	fake_watch()->ops.remove(fake_watch()->ud, "Lease", "kago", "kago-edge.lb-2");
	assert_int_equal(rig->members, 2);
	names = membership_announcers(rig->m, &vip, 1, &n);
	assert_int_equal(n, 1);
	free(names);
}

static void says(const char *pod, const char *version, const char *tables)
{
	CLEANUP_FREE char *name = xasprintf("kago-edge.%s", pod);
	json_t *lease = lease_build(&(struct lease){.name = name,
		.ns = "kago",
		.fleet = "edge",
		.resource_version = version,
		.holder = pod,
		.tables = tables});

	fake_watch()->ops.upsert(fake_watch()->ud, lease);
	json_decref(lease);
}

/* What is known of the only other one; "": there is none. */
static const char *agreement(const struct rig *rig)
{
	const struct agreement *a = membership_agreement(rig->m);
	const struct agreement_peer *p = agreement_next(a, NULL);

	assert_null(p ? agreement_next(a, p) : NULL);
	if (!p)
		return "";
	assert_string_equal(p->pod, "lb-2");
	return !p->known ? "unknown" : p->equal ? "equal" : "different";
}

static void test_tables_are_compared_with_those_that_live(void **state)
{
	const struct sketch_entry entry = {1, 2};
	struct sketch ours = {0};
	CLEANUP_FREE char *nothing = sketch_format(&ours), *text = NULL;
	struct rig *rig = *state;

	sketch_toggle(&ours, &entry);
	text = sketch_format(&ours);
	says("lb-2", "20", NULL);
	assert_string_equal(agreement(rig), "unknown");
	membership_tables(rig->m, &ours);
	synced();
	make_announcement(rig);
	assert_string_equal(
		text_at(json_object_get(wait_for(rig, "POST", leases)->body, "metadata"),
			"annotations", "kago.dev/tables"),
		text);
	says("lb-2", "21", nothing);
	assert_string_equal(agreement(rig), "different");
	says("lb-2", "22", text);
	assert_string_equal(agreement(rig), "equal");
	assert_int_equal(rig->problems, 0);
	says("lb-2", "23", "AAAA");
	assert_string_equal(rig->problem,
		"kago-edge.lb-2: annotation kago.dev/tables of the Lease of lb-2: has 3 bytes and "
		"not 960");
	assert_string_equal(agreement(rig), "unknown");
	/* Our own Lease is nobody else's. */
	says("lb-1", "24", nothing);
	fake_watch()->ops.remove(fake_watch()->ud, "Lease", "kago", "kago-edge.lb-2");
	assert_string_equal(agreement(rig), "");
}

static void test_leaving_releases_the_one_and_deletes_the_others(void **state)
{
	struct rig *rig = *state;
	struct fake_request *r;

	win(rig);
	membership_leave(rig->m, on_left, rig);
	assert_false(membership_leads(rig->m));
	assert_int_equal(rig->follows, 1);
	r = fake_find("PUT", "/kago-edge");
	assert_non_null(r);
	assert_null(text_at(r->body, "spec", "holderIdentity"));
	fake_answer(r, 200, "u-2", "12");
	r = fake_find("DELETE", "/kago-edge.lb-1");
	assert_non_null(r);
	assert_string_equal(text_at(r->body, "preconditions", "uid"), "u-1");
	fake_answer(r, 200, "u-1", "13");
	run_for(rig, 10 * MSEC);
	assert_int_equal(rig->left, 0);
	r = fake_find("DELETE", "/announces.kago-edge.lb-1");
	assert_non_null(r);
	assert_string_equal(text_at(r->body, "preconditions", "uid"), "u-3");
	fake_answer(r, 200, "u-3", "14");
	run_for(rig, 10 * MSEC);
	assert_int_equal(rig->left, 1);
}

static void test_leaving_waits_for_what_is_under_way(void **state)
{
	struct rig *rig = *state;
	struct fake_request *r;

	win(rig);
	r = wait_for(rig, "PUT", "/kago-edge");
	membership_leave(rig->m, on_left, rig);
	assert_ptr_equal(fake_find("PUT", "/kago-edge"), r);
	fake_answer(r, 200, "u-2", "12");
	r = fake_find("PUT", "/kago-edge");
	assert_string_equal(text_at(r->body, "metadata", "resourceVersion"), "12");
	assert_null(text_at(r->body, "spec", "holderIdentity"));
	assert_false(membership_leads(rig->m));
}

static void test_leaving_ends_after_two_seconds_whatever_the_server_does(void **state)
{
	struct rig *rig = *state;

	win(rig);
	membership_leave(rig->m, on_left, rig);
	run_for(rig, 1900 * MSEC);
	assert_int_equal(rig->left, 0);
	run_for(rig, 200 * MSEC);
	assert_int_equal(rig->left, 1);
	/* Answers that come yet do not end it again. */
	fake_answer(fake_find("PUT", "/kago-edge"), 200, "u-2", "12");
	fake_answer(fake_find("DELETE", "/kago-edge.lb-1"), 200, "u-1", "13");
	run_for(rig, 10 * MSEC);
	assert_int_equal(rig->left, 1);
}

static void test_leaving_without_a_lease_needs_no_request(void **state)
{
	struct rig *rig = *state;

	membership_leave(rig->m, on_left, rig);
	assert_int_equal(rig->left, 0);
	run_for(rig, 10 * MSEC);
	assert_int_equal(rig->left, 1);
	assert_int_equal(fake_kube()->n_requests, 0);
}

static void test_a_lease_of_ours_that_was_left_over_is_taken_over(void **state)
{
	struct rig *rig = *state;
	const struct fake_request *r;

	fake_lease("kago-edge", "7", "lb-2", "");
	fake_lease("kago-edge.lb-1", "8", "lb-1", "10.0.0.1");
	synced();
	r = wait_for(rig, "PUT", "/kago-edge.lb-1");
	assert_string_equal(text_at(r->body, "metadata", "resourceVersion"), "8");
	/* Somebody changes it meanwhile: what the watch has told counts. */
	fake_answer(fake_find("PUT", "/kago-edge.lb-1"), 409, "", "");
	fake_lease("kago-edge.lb-1", "9", "lb-1", "");
	r = wait_for(rig, "PUT", "/kago-edge.lb-1");
	assert_string_equal(text_at(r->body, "metadata", "resourceVersion"), "9");
	assert_int_equal(rig->problems, 0);
}

static void test_a_lease_of_ours_that_is_gone_is_made_again(void **state)
{
	struct rig *rig = *state;

	fake_lease("kago-edge", "7", "lb-2", "");
	appear(rig);
	fake_watch()->ops.remove(fake_watch()->ud, "Lease", "kago", "kago-edge.lb-1");
	fake_answer(wait_for(rig, "PUT", "/kago-edge.lb-1"), 404, "", "");
	wait_for(rig, "POST", leases);
	assert_int_equal(rig->problems, 0);
}

static void fake_announcement(const char *version, const char *text)
{
	fake_lease("announces.kago-edge.lb-1", version, "lb-1", text);
}

/* We announce 10.0.0.9, and the watch has told that our Lease says so, in version 100. */
static void announce_one(struct rig *rig)
{
	json_auto_t *prefixes = json_pack("[s]", "10.0.0.9/32");

	fake_lease("kago-edge", "7", "lb-2", "");
	appear(rig);
	membership_announce(rig->m, prefixes);
	fake_answer(wait_for(rig, "PUT", "/announces.kago-edge.lb-1"), 200, "u-3", "100");
	fake_announcement("100", "10.0.0.9");
}

/* It is written within three seconds, upon this version. */
static void expect_repair(struct rig *rig, const char *upon, const char *version)
{
	struct fake_request *r = wait_for(rig, "PUT", "/announces.kago-edge.lb-1");

	assert_string_equal(announced(r), "10.0.0.9");
	assert_string_equal(text_at(r->body, "metadata", "resourceVersion"), upon);
	fake_answer(r, 200, "u-3", version);
	fake_announcement(version, "10.0.0.9");
}

static void test_what_somebody_else_has_our_lease_say_is_put_right(void **state)
{
	struct rig *rig = *state;

	announce_one(rig);
	fake_announcement("101", "10.7.7.7");
	expect_repair(rig, "101", "102");
	/* After a restore of etcd: versions begin again below those that were read before. */
	fake_announcement("50", "");
	expect_repair(rig, "50", "51");
	run_for(rig, 1500 * MSEC);
	assert_null(fake_find("PUT", "/announces.kago-edge.lb-1"));
}

/* An old version that the watch tells late is no news. */
static void test_what_our_lease_said_before_is_not_put_right(void **state)
{
	json_auto_t *prefixes = json_pack("[s]", "10.0.0.8/32");
	struct rig *rig = *state;

	announce_one(rig);
	membership_announce(rig->m, prefixes);
	fake_answer(wait_for(rig, "PUT", "/announces.kago-edge.lb-1"), 200, "u-3", "102");
	fake_announcement("101", "10.0.0.9");
	run_for(rig, 1500 * MSEC);
	assert_null(fake_find("PUT", "/announces.kago-edge.lb-1"));
	fake_announcement("102", "10.0.0.8");
	run_for(rig, 1500 * MSEC);
	assert_null(fake_find("PUT", "/announces.kago-edge.lb-1"));
}

static void test_who_does_not_stop_is_answered_more_and_more_seldom(void **state)
{
	struct rig *rig = *state;
	unsigned version = 100, n = 0;

	announce_one(rig);
	for (uint64_t end = loop_clock() + 7 * 1000 * MSEC; loop_clock() < end;) {
		struct fake_request *r = fake_find("PUT", "/announces.kago-edge.lb-1");
		char text[16];

		snprintf(text, sizeof text, "%u", ++version);
		if (r)
			fake_answer(r, 200, "u-3", text);
		else
			fake_announcement(text, "10.7.7.7");
		n += r != NULL;
		run_for(rig, 10 * MSEC);
	}
	/* A second after our own, and then after one, two and four, or up to a quarter more. */
	assert_in_range(n, 2, 3);
}

static void test_a_failure_is_told_once_and_its_end_too(void **state)
{
	struct rig *rig = *state;

	fake_lease("kago-edge", "7", "lb-2", "");
	synced();
	make_announcement(rig);
	fake_answer(wait_for(rig, "POST", leases), 403, "", "");
	assert_int_equal(rig->problems, 1);
	assert_string_equal(rig->problem, "Lease kago/kago-edge.lb-1: the server does not want to");
	fake_answer(wait_for(rig, "POST", leases), 403, "", "");
	assert_int_equal(rig->problems, 1);
	assert_int_equal(rig->recoveries, 0);
	fake_answer(wait_for(rig, "POST", leases), 201, "u-1", "10");
	assert_int_equal(rig->recoveries, 1);
}

static void test_what_is_no_lease_is_told_and_left_alone(void **state)
{
	struct rig *rig = *state;
	json_t *object = json_pack("{s:s}", "kind", "Lease");

	fake_watch()->ops.upsert(fake_watch()->ud, object);
	assert_string_equal(rig->problem, "a Lease: metadata.name: missing");
	json_decref(object);
	fake_lease("announces.kago-edge.lb-2", "5", "lb-2", "everything");
	assert_string_equal(rig->problem,
		"announces.kago-edge.lb-2: annotation kago.dev/announces of the Lease of lb-2: "
		"'everything' is not an IP address");
}

static void test_a_name_that_is_too_long_is_refused(void **state)
{
	struct rig *rig = *state;
	char identity[250];
	const struct membership_spec spec = {"edge", "kago", identity, NULL, NULL};
	struct membership *m = NULL;
	struct err e = {0};

	memset(identity, 'x', sizeof identity - 1);
	identity[sizeof identity - 1] = '\0';
	assert_int_equal(membership_new(&m, rig->loop, NULL, &spec, &ops, rig, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "has more than 253 bytes"));
}

/* A Lease that says this of a node. */
static void fake_annotated(const char *name, const char *version, const char *annotation,
	const char *text, const char *node)
{
	json_auto_t *object = json_pack("{s:{s:s, s:s, s:s, s:s, s:{s:s, s:s}}}", "metadata",
		"name", name, "namespace", "kago", "uid", "u", "resourceVersion", version,
		"annotations", annotation, text, "kago.dev/node", node);

	assert_non_null(object);
	fake_watch()->ops.upsert(fake_watch()->ud, object);
}

static void fake_agent(const char *version, const char *tunnels)
{
	fake_annotated("tunnels.kago-edge.n-1", version, "kago.dev/tunnels", tunnels, "n-1");
}

/* One that says its node's address, too. */
static void fake_agent_at(const char *version, const char *address)
{
	json_auto_t *object = json_pack("{s:{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}}}", "metadata",
		"name", "tunnels.kago-edge.n-1", "namespace", "kago", "uid", "u", "resourceVersion",
		version, "annotations", "kago.dev/tunnels", ALL, "kago.dev/node", "n-1",
		"kago.dev/node-ips", address);

	assert_non_null(object);
	fake_watch()->ops.upsert(fake_watch()->ud, object);
}

static void fake_nodes(const char *version, const char *nodes)
{
	fake_annotated("nodes.kago-edge", version, "kago.dev/tunnel-nodes", nodes, "");
}

static const char *nodes_in(const struct fake_request *r)
{
	return text_at(
		json_object_get(r->body, "metadata"), "annotations", "kago.dev/tunnel-nodes");
}

static const char *addresses_in(const struct fake_request *r)
{
	return text_at(json_object_get(r->body, "metadata"), "annotations", "kago.dev/node-ips");
}

static struct fake_request *find_nodes(void)
{
	struct fake_request *r = fake_find("POST", leases);

	return r && strcmp(name_of(r), "nodes.kago-edge") == 0 ? r : NULL;
}

static void test_the_leader_says_which_nodes_take_tunnels(void **state)
{
	struct rig *rig = *state;
	struct fake_request *r;

	win(rig);
	fake_agent("20", ALL);
	assert_null(find_nodes());
	fake_agent("21", ALL);
	r = wait_for(rig, "POST", leases);
	assert_string_equal(nodes_in(r), "n-1");
	/* What was written counts when it is read. */
	fake_answer(r, 201, "u-9", "22");
	assert_string_equal(membership_tunnel_nodes(rig->m)->nodes, "");
	assert_int_equal(rig->nodes, 1);
	fake_nodes("22", "n-1");
	assert_string_equal(membership_tunnel_nodes(rig->m)->nodes, "n-1");
	assert_int_equal(rig->nodes, 2);
	fake_agent("23", ALL);
	run_for(rig, 1100 * MSEC);
	assert_null(find_nodes());
	assert_null(fake_find("PUT", "/nodes.kago-edge"));
	fake_agent("24", "");
	r = wait_for(rig, "PUT", "/nodes.kago-edge");
	assert_string_equal(nodes_in(r), "");
	assert_string_equal(text_at(r->body, "metadata", "resourceVersion"), "22");
	/* Somebody was quicker, and has it wrong. */
	fake_answer(r, 409, "", "");
	fake_nodes("25", "n-1 n-7");
	r = wait_for(rig, "PUT", "/nodes.kago-edge");
	assert_string_equal(nodes_in(r), "");
	assert_string_equal(text_at(r->body, "metadata", "resourceVersion"), "25");
}

static void test_the_leader_says_the_addresses_of_nodes(void **state)
{
	struct rig *rig = *state;
	struct fake_request *r;
	json_t *object;

	win(rig);
	fake_agent_at("20", "10.0.0.1");
	fake_agent_at("21", "10.0.0.1");
	r = wait_for(rig, "POST", leases);
	assert_string_equal(nodes_in(r), "n-1");
	assert_string_equal(addresses_in(r), "10.0.0.1");
	/* It counts with the nodes, when it is read. */
	object = json_incref(r->body);
	json_object_set_new(
		json_object_get(object, "metadata"), "resourceVersion", json_string("22"));
	fake_answer(r, 201, "u-9", "22");
	fake_watch()->ops.upsert(fake_watch()->ud, object);
	json_decref(object);
	assert_string_equal(membership_tunnel_nodes(rig->m)->own, "10.0.0.1");
	assert_int_equal(rig->nodes, 2);
	fake_agent_at("23", "10.0.0.2");
	r = wait_for(rig, "PUT", "/nodes.kago-edge");
	assert_string_equal(addresses_in(r), "10.0.0.2");
	/* What cannot be read is told, and the node takes tunnels on. */
	fake_answer(r, 409, "", "");
	fake_nodes("25", "n-1");
	fake_agent_at("26", "here");
	assert_non_null(strstr(rig->problem, "tunnels.kago-edge.n-1: annotation kago.dev/node-ips: "
					     "'here' is not an IP address"));
	run_for(rig, 1100 * MSEC);
	assert_null(fake_find("PUT", "/nodes.kago-edge"));
}

static void test_who_does_not_lead_reads_which_nodes_take_tunnels(void **state)
{
	struct rig *rig = *state;

	fake_lease("kago-edge", "7", "lb-2", "");
	fake_nodes("8", "n-1");
	assert_int_equal(rig->nodes, 0);
	appear(rig);
	assert_int_equal(rig->nodes, 1);
	assert_string_equal(membership_tunnel_nodes(rig->m)->nodes, "n-1");
	fake_agent("20", ALL);
	fake_agent("21", "");
	run_for(rig, 100 * MSEC);
	assert_null(fake_find("PUT", "/nodes.kago-edge"));
	/* Whoever deletes it ends no tunnel. */
	fake_watch()->ops.remove(fake_watch()->ud, "Lease", "kago", "nodes.kago-edge");
	assert_int_equal(rig->nodes, 1);
	assert_string_equal(membership_tunnel_nodes(rig->m)->nodes, "n-1");
	assert_null(find_nodes());
	fake_nodes("30", "n-1");
	assert_int_equal(rig->nodes, 1);
	fake_nodes("31", "");
	assert_int_equal(rig->nodes, 2);
	assert_string_equal(membership_tunnel_nodes(rig->m)->nodes, "");
}

/* All agents may have news at once: after a start, or when the leader is another one. */
static void test_news_of_many_nodes_are_written_together(void **state)
{
	struct rig *rig = *state;
	struct fake_request *r;

	win(rig);
	for (unsigned i = 0; i < 100; i++) {
		char name[64], version[16], node[16];

		snprintf(node, sizeof node, "n-%02u", i % 50);
		snprintf(name, sizeof name, "tunnels.kago-edge.%s", node);
		snprintf(version, sizeof version, "%u", 100 + i);
		fake_annotated(name, version, "kago.dev/tunnels", ALL, node);
	}
	assert_null(find_nodes());
	r = wait_for(rig, "POST", leases);
	assert_non_null(strstr(nodes_in(r), "n-00 n-01"));
	assert_non_null(strstr(nodes_in(r), "n-48 n-49"));
}

static void test_a_list_of_nodes_that_is_gone_is_made_again(void **state)
{
	struct rig *rig = *state;
	struct fake_request *r;

	/* Who has just begun to lead has seen no agent renew its Lease yet. */
	fake_nodes("8", "n-1");
	fake_agent("20", ALL);
	win(rig);
	fake_watch()->ops.remove(fake_watch()->ud, "Lease", "kago", "nodes.kago-edge");
	r = find_nodes();
	assert_non_null(r);
	assert_string_equal(nodes_in(r), "n-1");
	fake_answer(r, 201, "u-9", "22");
	fake_nodes("22", "n-1");
	assert_int_equal(rig->nodes, 1);
	/* Also where it says that no node takes them any more. */
	fake_watch()->ops.remove(fake_watch()->ud, "Lease", "kago", "nodes.kago-edge");
	fake_agent("23", "");
	r = wait_for(rig, "POST", leases);
	assert_string_equal(name_of(r), "nodes.kago-edge");
	assert_string_equal(nodes_in(r), "");
	assert_string_equal(membership_tunnel_nodes(rig->m)->nodes, "n-1");
}

/* Versions begin again below those that were read before. */
static void test_the_list_of_nodes_is_written_after_a_restore_of_etcd(void **state)
{
	struct rig *rig = *state;
	struct fake_request *r;

	win(rig);
	fake_agent("20", ALL);
	fake_agent("21", ALL);
	fake_answer(wait_for(rig, "POST", leases), 201, "u-9", "1000");
	fake_nodes("1000", "n-1");
	fake_nodes("900", "n-1 n-7");
	r = wait_for(rig, "PUT", "/nodes.kago-edge");
	assert_string_equal(nodes_in(r), "n-1");
	assert_string_equal(text_at(r->body, "metadata", "resourceVersion"), "900");
}

/* Whose Leases are void after a second. */
static void fake_short_agents(unsigned version)
{
	for (unsigned i = 1; i <= 3; i++) {
		char name[64], text[16], node[16];
		json_t *object;

		snprintf(node, sizeof node, "n-%u", i);
		snprintf(name, sizeof name, "tunnels.kago-edge.%s", node);
		snprintf(text, sizeof text, "%u", version + i);
		object = json_pack("{s:{s:s, s:s, s:s, s:s, s:{s:s, s:s}}, s:{s:i}}", "metadata",
			"name", name, "namespace", "kago", "uid", "u", "resourceVersion", text,
			"annotations", "kago.dev/tunnels", ALL, "kago.dev/node", node, "spec",
			"leaseDurationSeconds", 1);
		assert_non_null(object);
		fake_watch()->ops.upsert(fake_watch()->ud, object);
		json_decref(object);
	}
}

static void test_agents_that_are_silent_together_are_told_of_once(void **state)
{
	struct rig *rig = *state;

	win(rig);
	fake_short_agents(20);
	fake_short_agents(30);
	fake_answer(wait_for(rig, "POST", leases), 201, "u-9", "40");
	fake_nodes("40", "n-1 n-2 n-3");
	for (unsigned i = 0; i < 3; i++) {
		char version[16];

		run_for(rig, 1100 * MSEC);
		snprintf(version, sizeof version, "%u", 50 + i);
		fake_lease("kago-edge.lb-2", version, "lb-2", "");
	}
	run_for(rig, 1100 * MSEC);
	assert_null(fake_find("PUT", "/nodes.kago-edge"));
	assert_int_equal(rig->problems, 1);
	assert_non_null(strstr(rig->problem, "Leases tunnels.kago-edge.*: most agents of nodes are "
					     "silent at once"));
	fake_short_agents(60);
	run_for(rig, 200 * MSEC);
	assert_int_equal(rig->recoveries, 1);
	assert_null(fake_find("PUT", "/nodes.kago-edge"));
}

static void fake_places(const char *version, const char *pod_ips, const char *node_ips)
{
	json_auto_t *object = json_pack("{s:{s:s, s:s, s:s, s:s, s:{s:s, s:s}}}", "metadata",
		"name", "kago-edge.lb-2", "namespace", "kago", "uid", "u", "resourceVersion",
		version, "annotations", "kago.dev/pod-ips", pod_ips, "kago.dev/node-ips", node_ips);

	assert_non_null(object);
	fake_watch()->ops.upsert(fake_watch()->ud, object);
}

static void expect_addresses(const struct rig *rig, unsigned told, size_t wanted)
{
	size_t n;

	free(membership_addresses(rig->m, &n));
	assert_int_equal(n, wanted);
	assert_int_equal(rig->addresses, told);
}

static void test_addresses_of_others_are_known_as_long_as_their_leases_are(void **state)
{
	struct rig *rig = *state;

	fake_places("4", "172.16.0.2,fd00::2", "10.9.0.2");
	expect_addresses(rig, 0, 3);
	synced();
	expect_addresses(rig, 1, 3);
	fake_places("5", "172.16.0.2,fd00::2", "10.9.0.2");
	expect_addresses(rig, 1, 3);
	fake_places("6", "172.16.0.2", "everything");
	expect_addresses(rig, 2, 1);
	assert_string_equal(rig->problem, "kago-edge.lb-2: annotation kago.dev/node-ips of the "
					  "Lease of lb-2: 'everything' is not an IP address");
	fake_places("7", "172.16.0.2", "everything");
	assert_int_equal(rig->problems, 1);
	fake_watch()->ops.remove(fake_watch()->ud, "Lease", "kago", "kago-edge.lb-2");
	expect_addresses(rig, 3, 0);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIGGED(test_it_follows_the_leases_of_its_fleet),
		RIGGED(test_where_nothing_is_all_leases_are_made_and_we_lead),
		RIGGED(test_a_leader_that_lives_is_followed),
		RIGGED(test_whoever_takes_the_lease_ends_our_leading),
		RIGGED(test_a_leader_renews_however_busy_the_loop_is),
		RIGGED(test_old_news_do_not_end_our_leading),
		RIGGED(test_what_we_announce_is_told_at_once_and_then_once_a_second),
		RIGGED(test_announcers_are_those_whose_leases_say_so),
		RIGGED(test_tables_are_compared_with_those_that_live),
		RIGGED(test_leaving_releases_the_one_and_deletes_the_others),
		RIGGED(test_leaving_waits_for_what_is_under_way),
		RIGGED(test_leaving_ends_after_two_seconds_whatever_the_server_does),
		RIGGED(test_leaving_without_a_lease_needs_no_request),
		RIGGED(test_a_lease_of_ours_that_was_left_over_is_taken_over),
		RIGGED(test_a_lease_of_ours_that_is_gone_is_made_again),
		RIGGED(test_what_somebody_else_has_our_lease_say_is_put_right),
		RIGGED(test_what_our_lease_said_before_is_not_put_right),
		RIGGED(test_who_does_not_stop_is_answered_more_and_more_seldom),
		RIGGED(test_a_failure_is_told_once_and_its_end_too),
		RIGGED(test_what_is_no_lease_is_told_and_left_alone),
		RIGGED(test_a_name_that_is_too_long_is_refused),
		RIGGED(test_the_leader_says_which_nodes_take_tunnels),
		RIGGED(test_addresses_of_others_are_known_as_long_as_their_leases_are),
		RIGGED(test_the_leader_says_the_addresses_of_nodes),
		RIGGED(test_who_does_not_lead_reads_which_nodes_take_tunnels),
		RIGGED(test_a_list_of_nodes_that_is_gone_is_made_again),
		RIGGED(test_news_of_many_nodes_are_written_together),
		RIGGED(test_agents_that_are_silent_together_are_told_of_once),
		RIGGED(test_the_list_of_nodes_is_written_after_a_restore_of_etcd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
