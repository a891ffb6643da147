/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fsutil.h"
#include "base/limits.h"
#include "facts.h"
#include "publish/conditions.h"
#include "publish/contest.h"
#include "publish/story.h"

/*
 * docs/troubleshooting.md quotes Events ("Warning REASON MESSAGE") and conditions ("Announced False
 * REASON MESSAGE") word for word: here all states come to pass.
 */
struct record {
	char *document; /* with one blank where there are several */
	char *said;     /* all lines that were seen, each between a blank and a newline */
};

static char *without_blanks(const char *text)
{
	char *ret = xcalloc(strlen(text) + 1, 1), *end = ret;

	for (const char *at = text; *at; at++)
		if (*at != ' ' || end == ret || end[-1] != ' ')
			*end++ = *at;
	return ret;
}

static void record_init(struct record *r)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	if (fs_read(&text, &len, KAGO_SOURCE_DIR "/docs/troubleshooting.md", LIMIT_DOCUMENT_BYTES,
		    &e) < 0)
		fail_msg("%s", e.msg);
	r->document = without_blanks(text);
	r->said = xstrdup("");
}

static void record_done(struct record *r)
{
	free(r->document);
	free(r->said);
}

static void remember(struct record *r, const char *line)
{
	char *longer = xasprintf("%s%s", r->said, line);

	free(r->said);
	r->said = longer;
}

static void assert_documented(const struct record *r, const char *text)
{
	if (!strstr(r->document, text))
		fail_msg("not in docs/troubleshooting.md: %s", text);
}

static void watch_story(struct record *r, struct story *s)
{
	for (size_t i = 0; i < s->n_events; i++) {
		const struct story_event *one = &s->events[i];
		CLEANUP_FREE char *line = xasprintf(" %s %s %s\n",
			one->warning ? "Warning" : "Normal", reason_name(one->reason), one->note);

		assert_documented(r, line);
		remember(r, line);
	}
	story_done(s);
}

static void watch_conditions(struct record *r, const struct facts *f)
{
	static const char *const names[] = {"Accepted", "AddressAssigned", "Announced"};
	struct conditions c;

	conditions_build(&c, f);
	for (size_t i = 0; i < N_CONDITIONS; i++) {
		const struct condition *one = &c.items[i];
		CLEANUP_FREE char *line =
			xasprintf(" %s %s %s %s\n", names[i], one->status == 'T' ? "True" : "False",
				reason_name(one->reason), one->message);

		assert_documented(r, one->message);
		assert_documented(r, reason_name(one->reason));
		remember(r, line);
	}
	conditions_done(&c);
}

/* What users see now and, after it is written, as long as it stays so. */
static void watch(struct record *r, struct example *x)
{
	struct story s;

	watch_conditions(r, &x->facts);
	story_tell(&s, &x->facts);
	watch_story(r, &s);
	json_decref(write_status(x, new_year));
	watch_conditions(r, &x->facts);
	story_remind(&s, &x->facts);
	watch_story(r, &s);
}

/* Served and announced; nothing is the matter with it. */
static void restore(struct example *x)
{
	struct err e = {0};

	x->service.reason = REASON_NONE;
	ipaddr_parse(&x->vips[0], "10.1.1.1", &e);
	x->assignment.n_vips = 1;
	x->assignment.pool = "web";
	deny(x, REASON_NONE, NULL);
	decide(x, FLEET_SERVED, REASON_SERVED, "2 virtual servers with 6 real servers");
	x->decision.n_virtual_servers = 2;
	x->facts.n_announcers = 2;
	json_decref(write_status(x, new_year));
	json_decref(write_status(x, new_year));
}

static void watch_addresses(struct record *r, struct example *x)
{
	static const char unknown[] = "kago.dev/pool: there is no pool 'wbe'; did you mean web?";
	struct err e = {0};

	forget_status(x);
	x->facts.n_announcers = 0;
	x->facts.decision = NULL;
	watch(r, x);
	x->facts.decision = &x->decision;
	x->facts.n_announcers = 2;
	watch(r, x);
	deny(x, REASON_POOL_UNKNOWN, unknown);
	watch(r, x);
	restore(x);
	ipaddr_parse(&x->vips[0], "10.1.1.2", &e);
	watch(r, x);
	watch(r, x);
	restore(x);
	take_address(x, REASON_ADDRESS_NOT_IN_POOL,
		"10.1.1.1 is in no pool; the namespace shop may use web");
	x->facts.n_announcers = 0;
	watch_conditions(r, &x->facts);
	watch(r, x);
	forget_status(x);
	take_address(x, REASON_POOL_UNKNOWN, unknown);
	watch(r, x);
	take_address(x, REASON_NONE, NULL);
	watch(r, x);
	restore(x);
}

static void watch_refusals(struct record *r, struct example *x)
{
	spoil(x, REASON_INVALID_ANNOTATION,
		"kago.dev/scheduler: 'random' is none of rr, wrr, lc, wlc, sh, mh");
	watch(r, x);
	x->service.reason = REASON_NONE;
	watch(r, x);
	decide(x, FLEET_CONFLICT, REASON_CONFLICT,
		"already taken: 10.1.1.1:80/TCP by shop/older; 1 virtual server with 1 real "
		"server");
	watch(r, x);
	x->decision.n_virtual_servers = 0;
	x->facts.n_announcers = 0;
	watch(r, x);
	restore(x);
}

static void watch_endpoints(struct record *r, struct example *x)
{
	decide(x, FLEET_NO_ENDPOINTS, REASON_NO_ENDPOINTS,
		"no endpoints: 10.1.1.1:80/TCP (0 of 2 endpoints are ready); 0 virtual servers "
		"with 0 real servers");
	x->facts.n_announcers = 0;
	watch(r, x);
	restore(x);
	decide(x, FLEET_NO_ENDPOINTS, REASON_NO_ENDPOINTS,
		"no endpoints: 10.1.1.1:53/UDP (0 of 2 endpoints are ready); 1 virtual server "
		"with 2 real servers");
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_TOO_MANY_ENDPOINTS,
		"too many endpoints: 10.1.1.1:80/TCP (3 of 4003 left out); 1 virtual server with "
		"4000 real servers");
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_UNUSABLE_ENDPOINTS,
		"cannot be used: EndpointSlice web-1: endpoints[3]: addresses: '224.0.0.1' is not "
		"a unicast address; 1 virtual server with 2 real servers");
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_ENDPOINTS_NOT_ALLOWED,
		"not allowed: 192.0.2.80 is not in endpoints.allow, and 3 more; 1 virtual server "
		"with 1 real server");
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_ENDPOINTS_NOT_ALLOWED,
		"not allowed: 10.9.0.2 is the address of another load balancer's node; 1 virtual "
		"server with 1 real server");
	watch(r, x);
	restore(x);
	forget_status(x);
	decide(x, FLEET_NO_ENDPOINTS, REASON_ENDPOINTS_NOT_ALLOWED,
		"no endpoints: 10.1.1.3:443/TCP (it may have none of 1 endpoints that are ready); "
		"not allowed: 10.244.7.7 is the API server; 0 virtual servers with 0 real "
		"servers");
	x->facts.n_announcers = 0;
	watch(r, x);
	restore(x);
	forget_status(x);
	decide(x, FLEET_NO_ENDPOINTS, REASON_REFUSED_BY_KERNEL,
		"refused by the kernel: 10.1.1.3:81/SCTP (Protocol not supported); 0 virtual "
		"servers with 0 real servers");
	x->facts.n_announcers = 0;
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_REFUSED_BY_KERNEL,
		"refused by the kernel: real server 172.16.0.255 port 8080 (Invalid argument); 1 "
		"virtual server with 2 real servers");
	watch(r, x);
	restore(x);
}

/* It is served, but not as it was asked for. */
static void watch_service(struct record *r, struct example *x)
{
	decide(x, FLEET_SERVED, REASON_SCHEDULER_MISSING,
		"kago.dev/scheduler: the node's kernel has no lc (module ip_vs_lc): wlc is in its "
		"place; 1 virtual server with 2 real servers");
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_NOT_TUNNELLED,
		"by NAT in place of a tunnel: 10.1.1.1:80/TCP (1 of 3 real servers, on nodes that "
		"take no ipip tunnels); 1 virtual server with 3 real servers");
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_NOT_TUNNELLED,
		"by NAT in place of a tunnel: 10.1.1.1:80/TCP (2 of 3 real servers, at their "
		"node's own address); 1 virtual server with 3 real servers");
	watch(r, x);
	decide(x, FLEET_SERVED, REASON_NOT_TUNNELLED,
		"by NAT in place of a tunnel: 10.1.1.1:80/TCP (1 of 3 real servers, with another "
		"port than the Service's); 1 virtual server with 3 real servers");
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_ROUTE_CONFLICT,
		"kago.dev/bgp-*: the route to 10.1.1.2 is as shop/older says, which is older; 1 "
		"virtual server with 1 real server");
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_PEER_UNKNOWN,
		"kago.dev/bgp-peers: there is no peer 'tor2' in bgp.peers; did you mean tor1?; 1 "
		"virtual server with 1 real server");
	watch(r, x);
	restore(x);
	decide(x, FLEET_SERVED, REASON_AFFINITY_IS_LOCAL,
		"sessionAffinity: with the scheduler wlc a client stays with a real server at each "
		"load balancer alone, with mh at all of them; 1 virtual server with 2 real "
		"servers");
	watch(r, x);
	restore(x);
}

/* It is in no story, for it is found out later. */
static void watch_contest(struct record *r)
{
	CLEANUP_FREE char *note = contest_note("servicelb");
	CLEANUP_FREE char *line =
		xasprintf(" Warning %s %s\n", reason_name(REASON_STATUS_CONTESTED), note);

	remember(r, line);
}

static void watch_announcements(struct record *r, struct example *x)
{
	struct story s;

	x->facts.n_announcers = 1;
	watch(r, x);
	x->facts.n_announcers = 0;
	watch(r, x);
	restore(x);
	forget_status(x);
	x->assignment.n_vips = 2;
	json_decref(write_status(x, new_year));
	x->facts.n_announcers = 0;
	json_decref(write_status(x, new_year));
	watch_conditions(r, &x->facts);
	story_remind(&s, &x->facts);
	watch_story(r, &s);
}

/* Whether a line of the document is one that a Service would say. */
static bool is_quotation(const char *line)
{
	static const char *const kinds[] = {
		"Normal ", "Warning ", "Accepted ", "AddressAssigned ", "Announced "};

	for (size_t i = 0; *line == ' ' && i < 5; i++)
		if (strncmp(line + 1, kinds[i], strlen(kinds[i])) == 0)
			return !strstr(line, " kago-controller ");
	return false;
}

static void assert_all_said(const struct record *r)
{
	size_t n = 0;

	for (const char *at = r->document, *end; (end = strchr(at, '\n')); at = end + 1) {
		CLEANUP_FREE char *line = xasprintf("%.*s", (int)(end + 1 - at), at);

		if (!is_quotation(line))
			continue;
		n++;
		if (!strstr(r->said, line))
			fail_msg("docs/troubleshooting.md, but never said:%s", line);
	}
	assert_true(n > 30);
}

static void test_the_document_quotes_what_is_said(void **state)
{
	struct record r;
	struct example x;

	(void)state;
	record_init(&r);
	example_init(&x);
	watch_addresses(&r, &x);
	watch_refusals(&r, &x);
	watch_endpoints(&r, &x);
	watch_service(&r, &x);
	watch_contest(&r);
	watch_announcements(&r, &x);
	assert_all_said(&r);
	example_done(&x);
	record_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_document_quotes_what_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
