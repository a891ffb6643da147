/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"
#include "publish/story.h"

/* The Service holds what the facts say now. */
static void settle(struct example *x)
{
	json_auto_t *document = write_status(x, new_year);

	assert_non_null(document);
}

static char *story_text(const struct story *s)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < s->n_events; i++) {
		const struct story_event *one = &s->events[i];
		char *longer = xasprintf("%s%s %s: %s\n", text, one->warning ? "W" : "N",
			reason_name(one->reason), one->note);

		free(text);
		text = longer;
	}
	return text;
}

/* Each Event as a line "N Reason: note", or with W for a Warning. */
static void assert_told(struct example *x, const char *expected)
{
	CLEANUP_FREE char *text = NULL;
	struct story s;

	story_tell(&s, &x->facts);
	text = story_text(&s);
	assert_string_equal(text, expected);
	story_done(&s);
}

static void assert_reminded(struct example *x, const char *expected)
{
	CLEANUP_FREE char *text = NULL;
	struct story s;

	story_remind(&s, &x->facts);
	text = story_text(&s);
	assert_string_equal(text, expected);
	story_done(&s);
}

static void test_a_new_service_gets_an_address_and_is_announced(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	forget_status(&x);
	x.facts.decision = NULL;
	x.facts.n_announcers = 0;
	assert_told(&x, "N AddressAssigned: 10.1.1.1 from pool web\n");
	settle(&x);
	x.facts.decision = &x.decision;
	x.facts.n_announcers = 2;
	assert_told(&x, "N Announced: 10.1.1.1 announced by kago-a, kago-b\n");
	settle(&x);
	assert_told(&x, "");
	assert_reminded(&x, "");
	example_done(&x);
}

static void test_who_announces_is_told_when_it_changes(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	settle(&x);
	x.facts.n_announcers = 1;
	assert_told(&x, "N Announced: 10.1.1.1 announced by kago-a\n");
	example_done(&x);
}

static void test_a_service_that_loses_its_endpoints_is_withdrawn(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	settle(&x);
	decide(&x, FLEET_NO_ENDPOINTS, REASON_NO_ENDPOINTS,
		"no endpoints: 10.1.1.1:80/TCP (0 of 2 endpoints are ready); 0 virtual servers "
		"with 0 real servers");
	x.facts.n_announcers = 0;
	assert_told(&x, "W Withdrawn: 10.1.1.1 is announced by nobody: no endpoints: "
			"10.1.1.1:80/TCP (0 of 2 endpoints are ready)\n");
	settle(&x);
	assert_told(&x, "");
	assert_reminded(&x, "W NoEndpoints: 10.1.1.1 is announced by nobody: no endpoints: "
			    "10.1.1.1:80/TCP (0 of 2 endpoints are ready)\n");
	example_done(&x);
}

static void test_a_new_service_without_endpoints_is_told_so(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	decide(&x, FLEET_NO_ENDPOINTS, REASON_NO_ENDPOINTS,
		"no endpoints: 10.1.1.1:80/TCP (no EndpointSlice); 0 virtual servers with 0 real "
		"servers");
	x.facts.n_announcers = 0;
	assert_told(&x, "N AddressAssigned: 10.1.1.1 from pool web\n"
			"W NoEndpoints: 10.1.1.1 is announced by nobody: no endpoints: "
			"10.1.1.1:80/TCP (no EndpointSlice)\n");
	example_done(&x);
}

static void test_a_part_without_endpoints_is_told_beside_the_rest(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	settle(&x);
	decide(&x, FLEET_NO_ENDPOINTS, REASON_NO_ENDPOINTS,
		"no endpoints: 10.1.1.1:53/UDP (0 of 2 endpoints are ready); 1 virtual server "
		"with 2 real servers");
	assert_told(&x, "N Announced: 10.1.1.1 announced by kago-a, kago-b\n"
			"W NoEndpoints: no endpoints: 10.1.1.1:53/UDP (0 of 2 endpoints are "
			"ready)\n");
	settle(&x);
	assert_reminded(&x, "W NoEndpoints: no endpoints: 10.1.1.1:53/UDP (0 of 2 endpoints are "
			    "ready)\n");
	example_done(&x);
}

/* Once: the condition Accepted and the condition Announced have the same reason. */
static void test_what_the_kernel_refuses_is_told_as_such(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	decide(&x, FLEET_NO_ENDPOINTS, REASON_REFUSED_BY_KERNEL,
		"refused by the kernel: 10.1.1.1:81/SCTP (Protocol not supported); 0 virtual "
		"servers with 0 real servers");
	x.facts.n_announcers = 0;
	assert_told(&x, "W RefusedByKernel: refused by the kernel: 10.1.1.1:81/SCTP (Protocol not "
			"supported)\n"
			"N AddressAssigned: 10.1.1.1 from pool web\n");
	x.facts.n_announcers = 2;
	assert_reminded(&x, "W RefusedByKernel: refused by the kernel: 10.1.1.1:81/SCTP (Protocol "
			    "not supported)\n");
	example_done(&x);
}

static void test_a_wrong_annotation_is_told_and_its_end_too(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	settle(&x);
	spoil(&x, REASON_INVALID_ANNOTATION,
		"kago.dev/scheduler: 'random' is none of rr, wrr, lc, wlc, sh, mh");
	assert_told(&x, "W Rejected: kago.dev/scheduler: 'random' is none of rr, wrr, lc, wlc, "
			"sh, mh\n"
			"W Withdrawn: 10.1.1.1 is announced by nobody: it is not accepted\n");
	settle(&x);
	assert_told(&x, "");
	assert_reminded(&x, "W Rejected: kago.dev/scheduler: 'random' is none of rr, wrr, lc, "
			    "wlc, sh, mh\n");
	x.service.reason = REASON_NONE;
	assert_told(&x, "N Accepted: its annotations and fields are fine\n"
			"N AddressAssigned: 10.1.1.1 from pool web\n"
			"N Announced: 10.1.1.1 announced by kago-a, kago-b\n");
	example_done(&x);
}

static void test_a_conflict_is_told(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	settle(&x);
	decide(&x, FLEET_CONFLICT, REASON_CONFLICT,
		"already taken: 10.1.1.1:80/TCP by shop/older; 1 virtual server with 1 real "
		"server");
	assert_told(&x, "W Conflict: already taken: 10.1.1.1:80/TCP by shop/older\n");
	settle(&x);
	assert_reminded(&x, "W Conflict: already taken: 10.1.1.1:80/TCP by shop/older\n");
	example_done(&x);
}

static void test_endpoints_that_are_left_out_are_told(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	settle(&x);
	decide(&x, FLEET_SERVED, REASON_TOO_MANY_ENDPOINTS,
		"too many endpoints: 10.1.1.1:80/TCP (3 of 4003 left out); 1 virtual server with "
		"4000 real servers");
	assert_told(&x, "W TooManyEndpoints: too many endpoints: 10.1.1.1:80/TCP (3 of 4003 left "
			"out)\n");
	example_done(&x);
}

static void test_why_there_is_no_address_is_told(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	forget_status(&x);
	take_address(&x, REASON_POOL_EXHAUSTED, "no free address in pool web");
	x.facts.n_announcers = 0;
	assert_told(&x, "W PoolExhausted: no free address in pool web\n");
	settle(&x);
	assert_told(&x, "");
	assert_reminded(&x, "W PoolExhausted: no free address in pool web\n");
	example_done(&x);
}

static void test_an_address_that_is_taken_away_is_told(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	settle(&x);
	take_address(&x, REASON_ADDRESS_NOT_IN_POOL, "10.1.1.1 is in no pool");
	assert_told(&x, "W AddressNotInPool: 10.1.1.1 is taken away: 10.1.1.1 is in no pool\n"
			"W Withdrawn: 10.1.1.1 is announced by nobody: it has no address\n");
	example_done(&x);
}

static void test_another_address_is_told_with_the_old_one(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	settle(&x);
	x.vips[0] = x.vips[1];
	assert_told(&x, "N AddressChanged: fd00::1 from pool web, instead of 10.1.1.1\n");
	example_done(&x);
}

static void test_a_wish_that_cannot_be_fulfilled_is_told(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	settle(&x);
	deny(&x, REASON_ADDRESS_IN_USE, "10.1.1.2 is that of shop/older");
	assert_told(&x, "W AddressInUse: keeps 10.1.1.1: 10.1.1.2 is that of shop/older\n");
	settle(&x);
	x.assignment.reason = REASON_NONE;
	assert_told(&x, "N AddressAssigned: 10.1.1.1 from pool web\n");
	example_done(&x);
}

/* No Event at first, for it is so for a moment with each new Service. */
static void test_an_address_that_stays_silent_is_reminded_of(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	x.facts.n_announcers = 0;
	settle(&x);
	assert_told(&x, "");
	assert_reminded(&x, "W NotAnnounced: 10.1.1.1 is announced by nobody: all health checks "
			    "fail, or no BGP session is up\n");
	example_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_service_gets_an_address_and_is_announced),
		cmocka_unit_test(test_who_announces_is_told_when_it_changes),
		cmocka_unit_test(test_a_service_that_loses_its_endpoints_is_withdrawn),
		cmocka_unit_test(test_a_new_service_without_endpoints_is_told_so),
		cmocka_unit_test(test_a_part_without_endpoints_is_told_beside_the_rest),
		cmocka_unit_test(test_what_the_kernel_refuses_is_told_as_such),
		cmocka_unit_test(test_a_wrong_annotation_is_told_and_its_end_too),
		cmocka_unit_test(test_a_conflict_is_told),
		cmocka_unit_test(test_endpoints_that_are_left_out_are_told),
		cmocka_unit_test(test_why_there_is_no_address_is_told),
		cmocka_unit_test(test_an_address_that_is_taken_away_is_told),
		cmocka_unit_test(test_another_address_is_told_with_the_old_one),
		cmocka_unit_test(test_a_wish_that_cannot_be_fulfilled_is_told),
		cmocka_unit_test(test_an_address_that_stays_silent_is_reminded_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
