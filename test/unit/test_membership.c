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
#include "loop/loop.h"

enum { MSEC = 1000 };

static const char leases[] = "/apis/coordination.k8s.io/v1/namespaces/kago/leases";

/* A load balancer lb-1 of the fleet edge, and what it was told. */
struct rig {
	sd_event *loop;
	struct membership *m;
	unsigned leads, follows, members, problems, recoveries, left;
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

static const struct membership_ops ops = {on_leadership, on_members, on_problem, on_recovered};

static int setup(void **state)
{
	const struct membership_spec spec = {"edge", "kago", "lb-1"};
	struct rig *rig = xnew0(struct rig);
	struct err e = {0};

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
	fake_kube()->ops.synced(fake_kube()->ud);
}

/* Runs the loop for so long. */
static void run_for(struct rig *rig, uint64_t usec)
{
	uint64_t end = loop_clock() + usec;

	for (uint64_t now = loop_clock(); now < end; now = loop_clock())
		sd_event_run(rig->loop, end - now);
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
	assert_string_equal(fake_kube()->path, leases);
	assert_string_equal(fake_kube()->selectors, "labelSelector=kago.dev/fleet=edge");
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
	fake_kube()->ops.remove(fake_kube()->ud, "Lease", "kago", "kago-edge.lb-2");
	assert_int_equal(rig->members, 2);
	names = membership_announcers(rig->m, &vip, 1, &n);
	assert_int_equal(n, 1);
	free(names);
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
	fake_kube()->ops.remove(fake_kube()->ud, "Lease", "kago", "kago-edge.lb-1");
	fake_answer(wait_for(rig, "PUT", "/kago-edge.lb-1"), 404, "", "");
	wait_for(rig, "POST", leases);
	assert_int_equal(rig->problems, 0);
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

	fake_kube()->ops.upsert(fake_kube()->ud, object);
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
	const struct membership_spec spec = {"edge", "kago", identity};
	struct membership *m = NULL;
	struct err e = {0};

	memset(identity, 'x', sizeof identity - 1);
	identity[sizeof identity - 1] = '\0';
	assert_int_equal(membership_new(&m, rig->loop, NULL, &spec, &ops, rig, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "has more than 253 bytes"));
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
		RIGGED(test_leaving_releases_the_one_and_deletes_the_others),
		RIGGED(test_leaving_waits_for_what_is_under_way),
		RIGGED(test_leaving_ends_after_two_seconds_whatever_the_server_does),
		RIGGED(test_leaving_without_a_lease_needs_no_request),
		RIGGED(test_a_lease_of_ours_that_was_left_over_is_taken_over),
		RIGGED(test_a_lease_of_ours_that_is_gone_is_made_again),
		RIGGED(test_a_failure_is_told_once_and_its_end_too),
		RIGGED(test_what_is_no_lease_is_told_and_left_alone),
		RIGGED(test_a_name_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
