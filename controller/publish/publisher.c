/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/publisher.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "decide/fleet_diff.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "publish/contest.h"
#include "publish/gather.h"
#include "publish/story.h"
#include "publish/writes.h"

enum {
	REMIND_INTERVAL = 60 * 1000 * 1000,    /* usec between two looks at what is wrong */
	LEASE_LOOK = 200 * 1000,               /* usec until it is seen what became of the lease */
	REMIND_AGAIN = 25 * 60 * 1000 * 1000U, /* usec between two Events that say the same */
	REMIND_PAUSE = 1000 * 1000,            /* usec until Events that wait were sent */
	REMIND_WAITING = 20, /* Events that wait when no more are made: what a second sends */
	SLICE = 5 * 1000,    /* usec to look at Services before others have a turn */
};

struct publisher {
	sd_event *loop;
	struct publisher_parts parts;
	struct publisher_ops ops;
	void *ud;
	struct allocation *allocation; /* NULL: it does not lead */
	struct writes *writes;
	struct sender *sender;
	struct contest *contest;
	sd_event_source *pump_timer, *look_timer, *remind_timer;
	struct events_stats events_told;
	uint64_t tell_events_at;
	size_t n_reminded; /* of the Services, in this round */
	struct fleet
		*looked_at; /* the decision of which all that differs is in doubt; NULL: none */
	bool all;           /* are in doubt */
	bool leads;
	bool decided; /* the newest decision is about the objects as they are */
};

/* What is told once a status is written. */
struct news {
	struct story story;
	uint64_t digest;              /* of the status */
	char *uid, *resource_version; /* of the Service */
};

static void *news_free(void *memory)
{
	struct news *n = memory;

	if (!n)
		return NULL;
	story_done(&n->story);
	free(n->uid);
	free(n->resource_version);
	free(n);
	return NULL;
}

static struct news *news_new(const struct facts *f, const json_t *document)
{
	struct news *n = xnew0(struct news);

	story_tell(&n->story, f);
	n->digest = status_document_digest(document);
	n->uid = xstrdup(f->service->uid);
	n->resource_version = xstrdup(f->service->resource_version);
	return n;
}

/* NULL: what was decided is not about the objects as they are. */
static const struct fleet *decision_of(const struct publisher *p)
{
	return p->decided ? p->looked_at : NULL;
}

static struct facts gather_facts(
	struct gathered *ret, const struct publisher *p, const struct assignment *a)
{
	return gather(ret, p->parts.membership, p->parts.rules, decision_of(p), a);
}

static void tell(const struct publisher *p, const struct objname *id, const char *uid,
	const char *resource_version, const struct story *story)
{
	struct events_subject about = {id->ns, id->name, uid, resource_version};
	CLEANUP_FREE char *service = xasprintf("%s/%s", id->ns, id->name);

	for (size_t i = 0; i < story->n_events; i++) {
		const struct story_event *event = &story->events[i];

		events_send(p->parts.events, &about, event->warning, reason_name(event->reason),
			event->note);
		log_write(event->warning ? LOG_WARN : LOG_INFO, "service.event",
			LOG_FIELDS(LOG_STR("service", service),
				LOG_STR("reason", reason_name(event->reason)),
				LOG_STR("msg", event->note)));
	}
}

static bool is_well(const struct facts *f)
{
	return held_is_well(&f->service->held) && f->decision &&
	       f->decision->reason == REASON_SERVED;
}

/* Events are all that `kubectl describe service` shows, and the server drops them after an hour. */
static void remind_of(struct publisher *p, const struct assignment *a, uint64_t now)
{
	const struct service *s = a->service;
	struct write *one = writes_get(p->writes, &s->id);
	CLEANUP(gathered_done) struct gathered gathered = {0};
	struct story story = {0};
	struct facts f;

	if (now < one->remind_at)
		return;
	f = gather_facts(&gathered, p, a);
	if (is_well(&f))
		return;
	story_remind(&story, &f);
	tell(p, &s->id, s->uid, s->resource_version, &story);
	story_done(&story);
	one->remind_at = now + REMIND_AGAIN;
}

static void log_lost_events(struct publisher *p, uint64_t clock)
{
	struct events_stats now = events_stats(p->parts.events);
	uint64_t dropped = now.dropped - p->events_told.dropped;
	uint64_t failed = now.failed - p->events_told.failed;

	if (clock < p->tell_events_at)
		return;
	if (dropped + failed > 0)
		log_warn("events.lost", LOG_UINT("dropped", dropped),
			LOG_UINT("calls_failed", failed),
			LOG_STR("error", events_problem(p->parts.events)));
	p->events_told = now;
	p->tell_events_at = clock + REMIND_INTERVAL;
}

/* What is new is not to wait long behind what was told before, nor is any of it to be left out. */
static bool may_remind(const struct publisher *p)
{
	return p->decided && events_stats(p->parts.events).waiting < REMIND_WAITING;
}

/* Some at a time. Whom it passes over as others come and go it meets in the next round. */
static void on_remind_time(void *ud)
{
	const struct assignment *const *items;
	struct publisher *p = ud;
	uint64_t begin = loop_clock();
	size_t n_items;

	log_lost_events(p, begin);
	items = allocation_items(p->allocation, &n_items);
	while (p->n_reminded < n_items && may_remind(p) && loop_clock() - begin < SLICE)
		remind_of(p, items[p->n_reminded++], begin);
	if (p->n_reminded < n_items) {
		loop_timer_arm(p->remind_timer, may_remind(p) ? 0 : REMIND_PAUSE);
		return;
	}
	p->n_reminded = 0;
	loop_timer_arm(p->remind_timer, REMIND_INTERVAL);
}

/* Whether the addresses are not those of its status: what its owner waits for. */
static bool gives_address(const struct assignment *a)
{
	const struct held *held = &a->service->held;

	return !ipaddrs_equal(a->vips, a->n_vips, held->vips, held->n_vips);
}

/* Until it is known who it is, whoever writes again is asked for again. */
static void on_contestant(void *ud, const struct objname *service, const char *manager)
{
	const struct publisher *p = ud;
	const struct service *s = store_find(p->parts.store, service->ns, service->name);
	struct story story = {.n_events = 1};

	if (!s)
		return;
	writes_get(p->writes, service)->is_contested = manager != NULL;
	story.events[0] =
		(struct story_event){true, REASON_STATUS_CONTESTED, contest_note(manager)};
	tell(p, &s->id, s->uid, s->resource_version, &story);
	story_done(&story);
}

/* What was written already is to be written again: somebody else wrote over it. False: later. */
static bool may_repeat(struct publisher *p, struct write *one)
{
	CLEANUP_FREE char *service = NULL;

	if (writes_quarrel(p->writes, one, loop_clock()))
		return true;
	service = xasprintf("%s/%s", one->id.ns, one->id.name);
	log_warn("status.contested", LOG_STR("service", service),
		LOG_STR("effect", "it is written again later; what was given is served"));
	/* As long as the other's words stand: ours make the server forget whose they were. */
	if (!one->is_contested)
		contest_ask(p->contest, &one->id);
	return false;
}

static void write_status(struct publisher *p, struct write *one)
{
	const struct assignment *a = allocation_find(p->allocation, one->id.ns, one->id.name);
	CLEANUP(gathered_done) struct gathered gathered = {0};
	json_auto_t *document = NULL;
	struct facts f;

	if (a && ((!p->decided && !gives_address(a)) || allocation_holds_up(p->allocation, a))) {
		/* Until there is a decision, or news of who has its address yet. */
		one->digest = 0;
		writes_put_off(p->writes, one);
	} else if (a) {
		f = gather_facts(&gathered, p, a);
		document = status_document(&f, p->parts.features, loop_date());
	}
	if (document && status_document_digest(document) == one->told && !may_repeat(p, one))
		return;
	if (document)
		sender_send(p->sender, one, document, news_new(&f, document));
	else
		writes_end(p->writes, one, WRITE_NEEDLESS, 0, loop_clock());
}

static void write_clear(struct publisher *p, struct write *one)
{
	json_auto_t *document = status_document_clear(one->id.ns, one->id.name, one->uid);

	sender_send(p->sender, one, document, NULL);
}

static void pump(void *ud)
{
	struct publisher *p = ud;
	struct write *one;
	uint64_t wait;

	if (!p->leads || !allocation_is_settled(p->allocation))
		return;
	/* By the clock: whoever was held up may wake after another one has begun to lead. */
	if (!membership_leads(p->parts.membership)) {
		loop_timer_arm(p->pump_timer, LEASE_LOOK);
		return;
	}
	while ((one = writes_next(p->writes, loop_clock(), &wait)))
		if (one->clear)
			write_clear(p, one);
		else
			write_status(p, one);
	if (wait != UINT64_MAX)
		loop_timer_arm(p->pump_timer, wait);
}

static void look(void *ud);

static void on_end(void *ud, struct write *one, const struct sender_end *end, void *memory)
{
	struct publisher *p = ud;
	struct news *news = memory;
	enum write_result result = end->result;
	uint64_t now = loop_clock();

	if (news && end->result == WRITE_DONE && !end->missing)
		tell(p, &one->id, news->uid, news->resource_version, &news->story);
	/* What became of a Service that is gone says nothing about the one that has its name. */
	if (news && strcmp(news->uid, one->uid) != 0)
		result = WRITE_OUTDATED;
	if (news && result == WRITE_DONE)
		one->told = news->digest;
	news_free(news);
	one->remind_at = now + REMIND_INTERVAL;
	if (one->clear)
		writes_doubt(p->writes, one);
	writes_end(p->writes, one, result, end->retry_after, now);
	look(p);
}

/* A Service may be followed by another one of its name. */
static void meet(struct write *one, const char *uid)
{
	if (one->uid && strcmp(one->uid, uid) == 0)
		return;
	if (one->uid)
		writes_renew(one);
	free(one->uid);
	one->uid = xstrdup(uid);
	one->digest = one->told = 0;
	one->is_contested = false;
}

static void look_at(struct publisher *p, struct write *one, const struct assignment *a)
{
	CLEANUP(gathered_done) struct gathered gathered = {0};
	bool has_news = gives_address(a);
	struct facts f;
	uint64_t digest;

	meet(one, a->service->uid);
	one->clear = false;
	if (!p->decided)
		writes_put_off(p->writes, one);
	if (!p->decided && !has_news)
		return;
	f = gather_facts(&gathered, p, a);
	digest = facts_digest(&f);
	if (one->digest == digest)
		return;
	one->digest = digest;
	writes_want(p->writes, one, has_news || !held_is_marked(&a->service->held));
}

/* Once for each Service: marks that are there still after that are those of another fleet. */
static void clear(struct publisher *p, struct write *one, const char *uid)
{
	if (one->clear && strcmp(one->uid, uid) == 0)
		return;
	meet(one, uid);
	one->digest = 0;
	one->clear = true;
	one->digest = 0;
	writes_want(p->writes, one, true);
}

/* A Service that is not, or no more, ours: what it has of ours goes. */
static void let_go(struct publisher *p, struct write *one)
{
	const struct service *s = store_find(p->parts.store, one->id.ns, one->id.name);

	if (s && (service_is_left(s, p->parts.rules) || held_is_marked(&s->held)))
		clear(p, one, s->uid);
	else if (!one->clear || !writes_has(one))
		writes_forget(p->writes, one);
}

/* Those in doubt, some at a time. */
static void look(void *ud)
{
	struct publisher *p = ud;
	uint64_t begin = loop_clock();
	const struct assignment *a;
	struct write *one = NULL;

	if (!p->leads || !allocation_is_settled(p->allocation))
		return;
	while (loop_clock() - begin < SLICE && (one = writes_doubted(p->writes))) {
		a = allocation_find(p->allocation, one->id.ns, one->id.name);
		if (a)
			look_at(p, one, a);
		else
			let_go(p, one);
	}
	if (one)
		loop_timer_arm(p->look_timer, 0);
	pump(p);
}

static void doubt(struct publisher *p, const struct objname *id)
{
	writes_doubt(p->writes, writes_get(p->writes, id));
}

static void doubt_all(struct publisher *p)
{
	size_t n, n_items;
	CLEANUP_FREE const struct service **left = store_left(&n, p->parts.store, p->parts.rules);
	const struct assignment *const *items = allocation_items(p->allocation, &n_items);

	for (size_t i = 0; i < n; i++)
		doubt(p, &left[i]->id);
	for (size_t i = 0; i < n_items; i++)
		doubt(p, &items[i]->service->id);
	writes_doubt_all(p->writes);
}

static void doubt_assignment(void *ud, const struct assignment *now)
{
	doubt(ud, &now->service->id);
}

void publisher_touch(struct publisher *p, const struct objname *service)
{
	p->decided = false;
	if (!service || !p->leads)
		return;
	allocation_touch(p->allocation, service);
	doubt(p, service);
}

void publisher_touch_all(struct publisher *p)
{
	p->decided = false;
	p->all = true;
	if (p->leads)
		allocation_touch_all(p->allocation);
}

static void doubt_decision(
	void *ud, const struct fleet_service *before, const struct fleet_service *now)
{
	const struct fleet_service *any = now ? now : before;
	struct publisher *p = ud;
	struct objname id;

	objname_init(&id, any->ns, any->name);
	doubt(p, &id);
	objname_done(&id);
}

void publisher_decided(struct publisher *p)
{
	struct fleet *before = p->looked_at;

	p->decided = true;
	if (!p->leads)
		return;
	p->looked_at = fleet_ref(p->ops.fleet(p->ud));
	fleet_diff_services(before, p->looked_at, doubt_decision, p);
	fleet_unref(before);
	writes_recall(p->writes);
	publisher_refresh(p);
}

void publisher_members(struct publisher *p)
{
	p->all = true;
	publisher_refresh(p);
}

void publisher_refresh(struct publisher *p)
{
	if (!p->leads)
		return;
	if (!allocation_is_settled(p->allocation)) {
		allocation_settle(p->allocation, doubt_assignment, p);
		writes_recall(p->writes);
	}
	if (p->all)
		doubt_all(p);
	p->all = false;
	look(p);
}

void publisher_clear(struct publisher *p, const char *ns, const char *name, const char *uid)
{
	struct objname id;

	if (!p->leads)
		return;
	objname_init(&id, ns, name);
	clear(p, writes_get(p->writes, &id), uid);
	objname_done(&id);
	pump(p);
}

void publisher_seen(struct publisher *p, const struct objname *service)
{
	if (writes_seen(p->writes, service))
		pump(p);
}

void publisher_wake(struct publisher *p)
{
	writes_wake(p->writes);
	pump(p);
}

static void give_up(void *ud, struct write *one)
{
	struct publisher *p = ud;

	if (!one->data)
		return;
	sender_cancel(p->sender, one);
	writes_end(p->writes, one, WRITE_NEEDLESS, 0, loop_clock());
}

static void stop_leading(struct publisher *p)
{
	loop_timer_stop(p->pump_timer);
	loop_timer_stop(p->look_timer);
	loop_timer_stop(p->remind_timer);
	contest_cancel(p->contest);
	writes_visit(p->writes, give_up, p);
	writes_clear(p->writes);
	p->allocation = allocation_free(p->allocation);
	p->looked_at = fleet_unref(p->looked_at);
}

void publisher_lead(struct publisher *p, bool leads)
{
	if (p->leads == leads)
		return;
	p->leads = leads;
	if (!leads) {
		stop_leading(p);
		return;
	}
	loop_timer_arm(p->remind_timer, REMIND_INTERVAL);
	p->n_reminded = 0;
	p->allocation = allocation_new(p->parts.store, p->parts.rules);
	p->looked_at = fleet_ref(p->ops.fleet(p->ud));
	publisher_members(p);
}

int publisher_new(struct publisher **ret, sd_event *loop, const struct publisher_parts *parts,
	const struct publisher_ops *ops, void *ud, struct err *e)
{
	static const struct sender_ops sender_ops = {on_end, news_free};
	CLEANUP(publisher_freep) struct publisher *p = xnew0(struct publisher);
	int r;

	p->loop = sd_event_ref(loop);
	p->parts = *parts;
	p->ops = *ops;
	p->ud = ud;
	p->writes = writes_new();
	p->sender = sender_new(parts->kube, parts->rules->fleet, &sender_ops, p);
	p->contest = contest_new(parts->kube, parts->rules->fleet, on_contestant, p);
	r = loop_timer_new(&p->pump_timer, loop, pump, p, e);
	if (r >= 0)
		r = loop_timer_new(&p->look_timer, loop, look, p, e);
	if (r >= 0)
		r = loop_timer_new(&p->remind_timer, loop, on_remind_time, p, e);
	if (r < 0)
		return r;
	*ret = steal(p);
	return 0;
}

struct publisher *publisher_free(struct publisher *p)
{
	if (!p)
		return NULL;
	if (p->leads)
		stop_leading(p);
	writes_free(p->writes);
	sender_free(p->sender);
	contest_free(p->contest);
	sd_event_source_disable_unref(p->pump_timer);
	sd_event_source_disable_unref(p->look_timer);
	sd_event_source_disable_unref(p->remind_timer);
	sd_event_unref(p->loop);
	free(p);
	return NULL;
}

const struct allocation *publisher_allocation(const struct publisher *p)
{
	return p->allocation && allocation_is_settled(p->allocation) ? p->allocation : NULL;
}

struct publisher_stats publisher_stats(const struct publisher *p)
{
	return (struct publisher_stats){sender_stats(p->sender), writes_pending(p->writes)};
}
