/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/event_book.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

enum {
	MSEC = 1000,
	/* Of one Service. */
	PACE_BURST = 10,
	PACE_GAP = 30 * 1000 * MSEC,
	/* Of all together. */
	FLOW_BURST = 20,
	FLOW_GAP = 50 * MSEC,
	MINUTE = 60 * 1000 * MSEC,
	REMEMBERED_MINUTES = 30,
};

/* A token bucket: when it will be full again. */
struct bucket {
	uint64_t full_at;
};

/* How fast one Service tells. Lives while it has events, or the bucket is not full. */
struct event_pace {
	uint64_t key;
	struct bucket bucket;
	size_t n_events;
	UT_hash_handle hh;
};

/* An object that was made, or is being made. */
struct told {
	uint64_t key;    /* the digest of all that makes it the same Event */
	uint64_t number; /* of its name */
	uint64_t count;
	int64_t first;
	uint64_t clock; /* when it was told last */
	bool exists;
	bool busy; /* a call for it is under way */
	UT_hash_handle hh;
};

struct event_book {
	struct event *queue; /* by slot, in the order of their coming */
	struct event_pace *paces;
	struct told *told; /* the one told last is the last */
	struct bucket flow;
	uint64_t last_number;
	uint64_t left_out;
};

/* usec until there is a token. */
static uint64_t bucket_wait(const struct bucket *b, uint64_t gap, uint64_t burst, uint64_t clock)
{
	uint64_t full_at = (b->full_at > clock ? b->full_at : clock) + gap;

	return full_at > clock + burst * gap ? full_at - clock - burst * gap : 0;
}

static void bucket_take(struct bucket *b, uint64_t gap, uint64_t clock)
{
	b->full_at = (b->full_at > clock ? b->full_at : clock) + gap;
}

/* FNV-1a, 64 bits, of a text with its end. */
static uint64_t digest(uint64_t before, const char *text)
{
	do
		before = (before ^ (unsigned char)*text) * 0x100000001b3U;
	while (*text++);
	return before;
}

struct event_book *event_book_new(void)
{
	return xnew0(struct event_book);
}

static struct event *event_free(struct event *e)
{
	e->pace->n_events--;
	free(e->ns);
	free(e->name);
	free(e->uid);
	free(e->resource_version);
	free(e->reason);
	free(e->note);
	free(e);
	return NULL;
}

struct event_book *event_book_free(struct event_book *b)
{
	struct event *e, *next_event;
	struct event_pace *p, *next_pace;
	struct told *t, *next_told;

	if (!b)
		return NULL;
	HASH_ITER(hh, b->queue, e, next_event) {
		HASH_DEL(b->queue, e);
		event_free(e);
	}
	HASH_ITER(hh, b->paces, p, next_pace) {
		HASH_DEL(b->paces, p);
		free(p);
	}
	HASH_ITER(hh, b->told, t, next_told) {
		HASH_DEL(b->told, t);
		free(t);
	}
	free(b);
	return NULL;
}

/* Looks at two, the longest not looked at: so all are looked at again and again as events come. */
static void forget_paces(struct event_book *b, uint64_t clock)
{
	for (unsigned i = 0; i < 2 && b->paces; i++) {
		struct event_pace *p = b->paces;

		HASH_DEL(b->paces, p);
		if (p->n_events == 0 && p->bucket.full_at <= clock)
			free(p);
		else
			HASH_ADD(hh, b->paces, key, sizeof p->key, p);
	}
}

static struct event_pace *pace_of(struct event_book *b, uint64_t key, uint64_t clock)
{
	struct event_pace *p;

	forget_paces(b, clock);
	HASH_FIND(hh, b->paces, &key, sizeof key, p);
	if (p)
		return p;
	p = xnew0(struct event_pace);
	p->key = key;
	HASH_ADD(hh, b->paces, key, sizeof p->key, p);
	return p;
}

static struct event *find_waiting(const struct event_book *b, uint64_t slot)
{
	struct event *e;

	HASH_FIND(hh, b->queue, &slot, sizeof slot, e);
	return e;
}

static void enqueue(struct event_book *b, struct event *e)
{
	HASH_ADD(hh, b->queue, slot, sizeof e->slot, e);
}

/* What is new about an event that waits already. */
static void renew(struct event_book *b, struct event *e, uint64_t text, const char *note,
	struct event_time now)
{
	e->last = now.date;
	if (e->text == text) {
		e->times++;
		return;
	}
	b->left_out++;
	e->text = text;
	e->times = 1;
	e->first = now.date;
	xreplace(&e->note, note);
}

static struct event *event_new(const struct events_subject *about, const char *reason,
	const char *note, struct event_time now)
{
	struct event *e = xnew0(struct event);

	e->ns = xstrdup(about->ns);
	e->name = xstrdup(about->name);
	e->uid = xstrdup(about->uid);
	e->reason = xstrdup(reason);
	e->note = xstrdup(note);
	e->first = e->last = now.date;
	e->times = 1;
	return e;
}

void event_book_add(struct event_book *b, const struct events_subject *about, bool warning,
	const char *reason, const char *note, struct event_time now)
{
	uint64_t service =
		digest(digest(digest(0xcbf29ce484222325U, about->ns), about->name), about->uid);
	uint64_t slot = digest(service, reason), text = digest(slot, note);
	struct event *e = find_waiting(b, slot);

	if (e) {
		renew(b, e, text, note, now);
	} else if (HASH_COUNT(b->queue) >= LIMIT_EVENTS_WAITING) {
		b->left_out++;
		return;
	} else {
		e = event_new(about, reason, note, now);
		e->slot = slot;
		e->text = text;
		e->pace = pace_of(b, service, now.clock);
		e->pace->n_events++;
		enqueue(b, e);
	}
	e->warning = warning;
	xreplace(&e->resource_version, about->resource_version);
}

static struct told *find_told(const struct event_book *b, uint64_t key)
{
	struct told *t;

	HASH_FIND(hh, b->told, &key, sizeof key, t);
	return t;
}

static void forget(struct event_book *b, struct told *t)
{
	HASH_DEL(b->told, t);
	free(t);
}

static bool is_old(const struct told *t, uint64_t clock)
{
	return !t->busy && clock - t->clock >= (uint64_t)REMEMBERED_MINUTES * MINUTE;
}

/* The object for an event, which may be new; it is the last in the list then. */
static struct told *told_of(struct event_book *b, const struct event *e, struct event_time now)
{
	struct told *t;

	while (b->told && is_old(b->told, now.clock))
		forget(b, b->told);
	t = find_told(b, e->text);
	if (t) {
		HASH_DEL(b->told, t);
	} else {
		while (HASH_COUNT(b->told) >= LIMIT_EVENTS_TOLD)
			forget(b, b->told);
		t = xnew0(struct told);
		t->key = e->text;
		t->first = e->first;
		b->last_number++;
		if (now.date > 0 && b->last_number < (uint64_t)now.date)
			b->last_number = (uint64_t)now.date;
		t->number = b->last_number;
	}
	t->clock = now.clock;
	HASH_ADD(hh, b->told, key, sizeof t->key, t);
	return t;
}

/* UINT64_MAX: until another one has ended. */
static uint64_t event_wait(const struct event_book *b, const struct event *e, uint64_t clock)
{
	const struct told *t = find_told(b, e->text);

	if (t && t->busy)
		return UINT64_MAX;
	return e->paid ? 0 : bucket_wait(&e->pace->bucket, PACE_GAP, PACE_BURST, clock);
}

static void hand_out(struct event_book *b, struct event *e, struct event_time now)
{
	struct told *t = told_of(b, e, now);

	if (!e->paid)
		bucket_take(&e->pace->bucket, PACE_GAP, now.clock);
	bucket_take(&b->flow, FLOW_GAP, now.clock);
	e->paid = true;
	e->exists = t->exists;
	e->number = t->number;
	e->count = t->count + e->times;
	e->first = t->first;
	t->busy = true;
	HASH_DEL(b->queue, e);
}

struct event *event_book_take(struct event_book *b, struct event_time now)
{
	struct event *e, *next;

	if (bucket_wait(&b->flow, FLOW_GAP, FLOW_BURST, now.clock) > 0)
		return NULL;
	HASH_ITER(hh, b->queue, e, next)
		if (event_wait(b, e, now.clock) == 0) {
			hand_out(b, e, now);
			return e;
		}
	return NULL;
}

uint64_t event_book_wait(const struct event_book *b, uint64_t clock)
{
	uint64_t flow = bucket_wait(&b->flow, FLOW_GAP, FLOW_BURST, clock), wait = UINT64_MAX;
	const struct event *e;

	for (e = b->queue; e && wait > flow; e = e->hh.next) {
		uint64_t own = event_wait(b, e, clock);

		if (own < wait)
			wait = own;
	}
	return wait > flow ? wait : flow;
}

/* A newer one of the same reason may have come meanwhile. */
static void put_back(struct event_book *b, struct event *e)
{
	struct event *newer = find_waiting(b, e->slot);

	if (!newer) {
		enqueue(b, e);
		return;
	}
	if (newer->text == e->text) {
		newer->times += e->times;
		newer->first = e->first;
	} else {
		b->left_out++;
	}
	event_free(e);
}

static void end_told(
	struct event_book *b, const struct event *e, enum event_end end, uint64_t clock)
{
	struct told *t = find_told(b, e->text);

	if (!t)
		return;
	t->busy = false;
	if (end == EVENT_TOLD) {
		t->exists = true;
		t->count = e->count;
		t->clock = clock;
	} else if (end == EVENT_LOST || (end == EVENT_REFUSED && !t->exists)) {
		forget(b, t);
	}
}

void event_book_end(struct event_book *b, struct event *e, enum event_end end, uint64_t clock)
{
	end_told(b, e, end, clock);
	if (end == EVENT_LOST)
		e->first = e->last;
	if (end == EVENT_LOST || end == EVENT_AGAIN)
		put_back(b, e);
	else
		event_free(e);
}

size_t event_book_waiting(const struct event_book *b)
{
	return HASH_COUNT(b->queue);
}

uint64_t event_book_left_out(const struct event_book *b)
{
	return b->left_out;
}
