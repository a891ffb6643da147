/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/publisher.h"

#include "base/limits.h"
#include "base/log.h"
#include "fake_kube.h"
#include "loop/loop.h"
#include "world.h"

/* Endpoints of a Service. */
#define SLICES(name)                                                                               \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"                \
	"metadata: {name: " name ", namespace: shop, labels: {kubernetes.io/service-name: " name   \
	"}}\nports: [{port: 8080}]\nendpoints: [{addresses: [172.16.0.1]}]\n---\n"

/* Stand in for the membership: whether the lease is ours by the clock; nobody announces. */
static bool has_lease;

bool membership_leads(const struct membership *m)
{
	(void)m;
	return has_lease;
}

const char **membership_announcers(
	const struct membership *m, const struct ipaddr vips[], size_t n_vips, size_t *ret_n)
{
	(void)m;
	(void)vips;
	(void)n_vips;
	*ret_n = 0;
	return NULL;
}

struct rig {
	struct world world;
	sd_event *loop;
	struct events *events;
	struct publisher *p;
	struct status_features features;
	struct fleet *fleet; /* NULL: nothing was decided */
};

static struct fleet *newest(void *ud)
{
	const struct rig *rig = ud;

	return rig->fleet;
}

static void on_stop(void *ud)
{
	(void)ud;
}

static void set_up(struct rig *rig)
{
	static const struct publisher_ops ops = {newest};
	struct publisher_parts parts = {.features = &rig->features, .rules = &rig->world.rules};
	struct err e = {0};

	has_lease = true;
	world_init(&rig->world);
	assert_int_equal(loop_new(&rig->loop, on_stop, NULL, &e), 0);
	assert_int_equal(events_new(&rig->events, rig->loop, NULL, "lb-1", &e), 0);
	parts.store = rig->world.store;
	parts.events = rig->events;
	assert_int_equal(publisher_new(&rig->p, rig->loop, &parts, &ops, rig, &e), 0);
	publisher_lead(rig->p, true);
}

static void tear_down(struct rig *rig)
{
	publisher_free(rig->p);
	fleet_unref(rig->fleet);
	events_free(rig->events);
	sd_event_unref(rig->loop);
	world_done(&rig->world);
	fake_reset();
}

static void touch(struct rig *rig, const char *id)
{
	CLEANUP_FREE char *ns = xstrdup(id);
	char *name = strchr(ns, '/');
	struct objname touched;

	*name++ = '\0';
	objname_init(&touched, ns, name);
	publisher_touch(rig->p, &touched);
	objname_done(&touched);
}

static uint64_t ahead;    /* usec of the clock */
static uint64_t frozen;   /* where it stands; 0: it goes */
static uint64_t per_look; /* how much later it is each time that somebody looks */

uint64_t __real_loop_clock(void);
uint64_t __wrap_loop_clock(void);

uint64_t __wrap_loop_clock(void)
{
	ahead += per_look;
	return (frozen ? frozen : __real_loop_clock()) + ahead;
}

enum { TIMERS = 8, MSEC = 1000, SECOND = 1000 * MSEC };

/* By the clock of the test, while it goes by looks alone. */
static struct timer {
	sd_event_source *source;
	uint64_t at;
} timers[TIMERS];

void __real_loop_timer_arm(sd_event_source *source, uint64_t after);
void __wrap_loop_timer_arm(sd_event_source *source, uint64_t after);

void __wrap_loop_timer_arm(sd_event_source *source, uint64_t after)
{
	struct timer *t = timers;

	if (!per_look) {
		__real_loop_timer_arm(source, after);
		return;
	}
	while (t->source && t->source != source)
		t++;
	assert_in_range(t - timers, 0, TIMERS - 1);
	*t = (struct timer){source, frozen + ahead + after};
}

/* It is the time of the next timer; returns how many usec the loop is held. */
static uint64_t next_timer(sd_event *loop)
{
	struct timer *next = timers;
	uint64_t begin;

	for (struct timer *t = timers; t->source; t++)
		if (t->at < next->at)
			next = t;
	if (frozen + ahead < next->at)
		ahead = next->at - frozen;
	next->at = UINT64_MAX;
	__real_loop_timer_arm(next->source, 0);
	begin = frozen + ahead;
	assert_true(sd_event_run(loop, SECOND) > 0);
	return frozen + ahead - begin;
}

/* However slow the machine is, it looks at all of them: no time passes. */
static void put_and_look(struct rig *rig, const char *id, const char *annotations, const char *held)
{
	uint64_t before = frozen;

	put(&rig->world, id, annotations, "", held);
	touch(rig, id);
	frozen = before ? before : __real_loop_clock();
	publisher_refresh(rig->p);
	frozen = before;
}

/* What the status of a Service is being set to; NULL: it is not being written. */
static const char *written(const char *end)
{
	const struct fake_request *r = fake_find("PATCH", end);
	const char *ip = NULL;

	if (r)
		json_unpack(r->body, "{s:{s:{s:[{s:s}]}}}", "status", "loadBalancer", "ingress",
			"ip", &ip);
	return ip;
}

#define STATUS_OF(name) "/services/" name "/status?fieldManager=kago-a&force=true"

static void turn(struct rig *rig)
{
	assert_true(sd_event_run(rig->loop, 1000 * 1000) > 0);
}

/* Whoever was held up, by whatever, may wake after another one has begun to lead. */
static void test_nothing_is_written_once_the_lease_is_over(void **state)
{
	struct rig rig = {0};

	(void)state;
	set_up(&rig);
	has_lease = false;
	put_and_look(&rig, "shop/web", "", "");
	assert_null(written(STATUS_OF("web")));
	has_lease = true;
	turn(&rig);
	assert_string_equal(written(STATUS_OF("web")), "10.1.1.1");
	tear_down(&rig);
}

/* Nothing is wrong meanwhile if the first of them cannot be written. */
static void test_an_address_is_given_once_the_one_before_has_let_go(void **state)
{
	struct rig rig = {0};

	(void)state;
	set_up(&rig);
	put_and_look(&rig, "shop/old", "", "10.1.1.1");
	put(&rig.world, "shop/new", "kago.dev/vip: 10.1.1.1", "", "");
	touch(&rig, "shop/new");
	put_and_look(&rig, "shop/old", "kago.dev/vip: 10.1.1.2", "10.1.1.1");
	assert_string_equal(written(STATUS_OF("old")), "10.1.1.2");
	assert_null(written(STATUS_OF("new")));
	put_and_look(&rig, "shop/old", "kago.dev/vip: 10.1.1.2", "10.1.1.2");
	assert_string_equal(written(STATUS_OF("new")), "10.1.1.1");
	tear_down(&rig);
}

static void test_who_shares_an_address_waits_for_nobody(void **state)
{
	struct rig rig = {0};

	(void)state;
	set_up(&rig);
	put(&rig.world, "shop/one", "kago.dev/share: k", "ports: [{port: 81}]", "10.1.1.1");
	touch(&rig, "shop/one");
	put_and_look(&rig, "shop/two", "kago.dev/share: k", "");
	assert_string_equal(written(STATUS_OF("two")), "10.1.1.1");
	tear_down(&rig);
}

static void answer_all(void)
{
	for (size_t i = 0; i < fake_kube()->n_requests; i++)
		if (fake_kube()->requests[i].open)
			fake_answer(&fake_kube()->requests[i], 200, "u", "7");
	fake_reset();
}

/* Somebody else writes over the status, and the leader writes it again if it may. */
static bool write_over(struct rig *rig)
{
	static unsigned n;
	CLEANUP_FREE char *held = xasprintf("192.0.2.%u", ++n % 250);
	struct fake_request *r;

	ahead += SECOND / 10;
	put_and_look(rig, "shop/web", "", held);
	r = fake_find("PATCH", STATUS_OF("web"));
	if (r)
		fake_answer(r, 200, "u", "7");
	return r;
}

/* While what the other one wrote stands: its name goes when we write over it. */
static struct fake_request *question(struct rig *rig)
{
	struct fake_request *r = NULL;

	for (unsigned i = 0; i < 50 && !r; i++) {
		bool wrote = write_over(rig);

		r = fake_find("GET", "/services?fieldSelector=metadata.name%3Dweb");
		assert_false(r && wrote);
	}
	return r;
}

static void test_who_contests_a_status_is_asked_for_until_it_is_known(void **state)
{
	struct rig rig = {0};

	(void)state;
	set_up(&rig);
	put_and_look(&rig, "shop/web", "", "");
	fake_answer(fake_find("PATCH", STATUS_OF("web")), 200, "u", "7");
	fake_answer(question(&rig), 500, "", "");
	fake_answer_json(question(&rig), "{\"items\": [{\"metadata\": {}}]}");
	fake_answer_json(question(&rig),
		"{\"items\": [{\"metadata\": {\"managedFields\": [{\"manager\": \"servicelb\","
		" \"fieldsV1\": {\"f:status\": {\"f:loadBalancer\": {}}}}]}}]}");
	assert_null(question(&rig));
	tear_down(&rig);
}

/* What has changed may be nothing to us, as a label: the server still wants to know of it. */
static void test_what_came_too_late_is_written_once_there_are_news(void **state)
{
	struct rig rig = {0};
	struct objname id;

	(void)state;
	set_up(&rig);
	objname_init(&id, "shop", "web");
	put_and_look(&rig, "shop/web", "", "");
	for (unsigned i = 0; i < 6; i++) {
		fake_answer(fake_find("PATCH", STATUS_OF("web")), 409, "", "");
		ahead += 60 * SECOND;
		publisher_wake(rig.p);
	}
	fake_answer(fake_find("PATCH", STATUS_OF("web")), 409, "", "");
	ahead += SECOND;
	publisher_wake(rig.p);
	assert_null(written(STATUS_OF("web")));
	put(&rig.world, "shop/web", "", "", "");
	publisher_seen(rig.p, &id);
	assert_string_equal(written(STATUS_OF("web")), "10.1.1.1");
	objname_done(&id);
	tear_down(&rig);
}

static void decide(struct rig *rig)
{
	struct fleet *next = fleet_next(rig->fleet, rig->world.store, &rig->world.rules);

	if (next) {
		fleet_unref(rig->fleet);
		rig->fleet = next;
	}
	publisher_decided(rig->p);
}

static unsigned roll(unsigned below)
{
	static unsigned seed = 20261130;

	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

static void change_something(struct rig *rig)
{
	static const char *const annotations[] = {"", "", "kago.dev/vip: 10.1.1.2",
		"kago.dev/vip: 10.1.1.3", "kago.dev/share: k", "kago.dev/pool: nowhere",
		"kago.dev/scheduler: none"};
	static const char *const held[] = {"", "", "10.1.1.1", "10.1.1.2", "10.1.1.3", "fd00::1"};
	CLEANUP_FREE char *id = xasprintf("shop/s%u", roll(6));

	switch (roll(8)) {
	case 0:
		if (store_remove(rig->world.store, "Service", "shop", id + 5))
			touch(rig, id);
		break;
	case 1:
		publisher_touch(rig->p, NULL);
		put_all(rig->world.store, SLICES("s1") SLICES("s2"));
		break;
	case 2:
		if (store_remove(rig->world.store, "EndpointSlice", "shop", "s1"))
			publisher_touch(rig->p, NULL);
		break;
	default:
		put(&rig->world, id, annotations[roll(7)], "", held[roll(6)]);
		touch(rig, id);
	}
}

/* Those in doubt are all for which there is something to say. */
static void test_looking_at_everything_finds_nothing_more(void **state)
{
	struct rig rig = {0};
	size_t n_written = 0, pending;

	(void)state;
	/* So no look is cut short on a busy machine. */
	frozen = __real_loop_clock();
	set_up(&rig);
	for (unsigned i = 0; i < 2000; i++) {
		for (unsigned k = roll(3) + 1; k > 0; k--)
			change_something(&rig);
		publisher_refresh(rig.p);
		n_written += publisher_stats(rig.p).pending;
		answer_all();
		if (roll(4) == 0)
			continue;
		decide(&rig);
		n_written += publisher_stats(rig.p).pending;
		answer_all();
		pending = publisher_stats(rig.p).pending;
		publisher_members(rig.p);
		assert_int_equal(publisher_stats(rig.p).pending, pending);
	}
	assert_true(n_written > 500);
	tear_down(&rig);
	frozen = 0;
}

/* Whoever waits for an Event to be sent is told that it is. */
static void take_events(void)
{
	for (struct fake_request *r; (r = fake_find("POST", "/events"));)
		fake_answer(r, 201, "u", "7");
	fake_reset();
}

/* More Services than Events are known of, and nothing was written of any of them. */
static void put_many(struct rig *rig, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		CLEANUP_FREE char *id = xasprintf("shop/s%u", i);

		put(&rig->world, id, "", "", "");
		touch(rig, id);
	}
	has_lease = false;
	publisher_refresh(rig->p);
	decide(rig);
}

/* Those who read them miss none, and what is new waits for few; nothing else waits for them. */
static void test_all_are_reminded_of_what_is_wrong_some_at_a_time(void **state)
{
	enum { MANY = LIMIT_EVENTS + 100 };
	struct rig rig = {0};
	uint64_t begin, held;

	(void)state;
	log_setup(LOG_ERROR, LOG_LOGFMT);
	frozen = __real_loop_clock();
	memset(timers, 0, sizeof timers);
	per_look = 10;
	set_up(&rig);
	put_many(&rig, MANY);
	begin = frozen + ahead;
	while (events_stats(rig.events).sent < MANY) {
		held = next_timer(rig.loop);
		assert_in_range(held, 0, 10 * MSEC);
		assert_in_range(events_stats(rig.events).waiting, 0, 40);
		take_events();
		assert_in_range(frozen + ahead - begin, 0, 600 * (uint64_t)SECOND);
	}
	assert_int_equal(events_stats(rig.events).dropped, 0);
	tear_down(&rig);
	frozen = per_look = 0;
	log_setup(LOG_INFO, LOG_LOGFMT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_written_once_the_lease_is_over),
		cmocka_unit_test(test_an_address_is_given_once_the_one_before_has_let_go),
		cmocka_unit_test(test_who_shares_an_address_waits_for_nobody),
		cmocka_unit_test(test_who_contests_a_status_is_asked_for_until_it_is_known),
		cmocka_unit_test(test_what_came_too_late_is_written_once_there_are_news),
		cmocka_unit_test(test_looking_at_everything_finds_nothing_more),
		cmocka_unit_test(test_all_are_reminded_of_what_is_wrong_some_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
