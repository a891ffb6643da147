/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/event_book.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/digest.h"
#include "base/limits.h"

enum {
	MSEC = 1000,
	/* Between two of one Service and reason. */
	GAP_MIN = 1000 * MSEC,
	GAP_MAX = 30 * 1000 * MSEC,
	/* Of all together. */
	FLOW_GAP = 50 * MSEC,
	MINUTE = 60 * 1000 * MSEC,
};
static const uint64_t FORGIVEN = 5 * (uint64_t)MINUTE, REMEMBERED = 30 * (uint64_t)MINUTE;

struct event_book {
	struct event *events; /* by key */
	/* An event waits, is taken or rests; the one that rests longest is the first. */
	struct event *queue, *taken, *resting;
	size_t n_waiting;
	uint64_t next_at; /* when one may be sent again */
	uint64_t last_number;
	uint64_t left_out;
};

static uint64_t usec_until(uint64_t at, uint64_t clock)
{
	return at > clock ? at - clock : 0;
}

struct event_book *event_book_new(void)
{
	return xnew0(struct event_book);
}

/* What is to be told, which takes most of its memory. */
static void free_texts(struct event *e)
{
	char **const texts[] = {
		&e->ns, &e->name, &e->uid, &e->resource_version, &e->reason, &e->note};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		freep(texts[i]);
		*texts[i] = NULL;
	}
}

static void forget(struct event_book *b, struct event *e)
{
	HASH_DEL(b->events, e);
	free_texts(e);
	free(e);
}

struct event_book *event_book_free(struct event_book *b)
{
	struct event *e, *next;

	if (!b)
		return NULL;
	HASH_ITER(hh, b->events, e, next)
		forget(b, e);
	free(b);
	return NULL;
}

static void rest(struct event_book *b, struct event *e)
{
	e->rests = true;
	DL_APPEND(b->resting, e);
}

static void wake(struct event_book *b, struct event *e)
{
	if (e->rests)
		DL_DELETE(b->resting, e);
	e->rests = false;
}

/* False: none rests. */
static bool forget_one(struct event_book *b)
{
	struct event *e = b->resting;

	if (!e)
		return false;
	DL_DELETE(b->resting, e);
	forget(b, e);
	return true;
}

static void forget_old(struct event_book *b, uint64_t clock)
{
	while (b->resting && clock - b->resting->clock >= REMEMBERED)
		forget_one(b);
}

/* NULL: there are too many. */
static struct event *event_of(struct event_book *b, uint64_t key, uint64_t clock)
{
	struct event *e;

	forget_old(b, clock);
	HASH_FIND(hh, b->events, &key, sizeof key, e);
	if (e || (HASH_COUNT(b->events) >= LIMIT_EVENTS && !forget_one(b)))
		return e;
	e = xnew0(struct event);
	e->key = key;
	HASH_ADD(hh, b->events, key, sizeof e->key, e);
	return e;
}

static void enqueue(struct event_book *b, struct event *e)
{
	if (e->waits)
		return;
	wake(b, e);
	e->waits = true;
	DL_APPEND(b->queue, e);
	b->n_waiting++;
}

void event_book_add(struct event_book *b, const struct events_subject *about, bool warning,
	const char *reason, const char *note, struct event_time now)
{
	uint64_t key = DIGEST_INIT;
	struct event *e;

	digest_add_text(&key, about->ns);
	digest_add_text(&key, about->name);
	digest_add_text(&key, about->uid);
	digest_add_text(&key, reason);
	e = event_of(b, key, now.clock);
	if (!e) {
		b->left_out++;
		return;
	}
	xreplace(&e->ns, about->ns);
	xreplace(&e->name, about->name);
	xreplace(&e->uid, about->uid);
	xreplace(&e->resource_version, about->resource_version);
	xreplace(&e->reason, reason);
	xreplace(&e->note, note);
	e->warning = warning;
	e->last = now.date;
	if (!e->count++)
		e->first = now.date;
	enqueue(b, e);
}

static uint64_t next_number(struct event_book *b, int64_t date)
{
	b->last_number++;
	if (date > 0 && b->last_number < (uint64_t)date)
		b->last_number = (uint64_t)date;
	return b->last_number;
}

static struct event *take(struct event_book *b, struct event *e, struct event_time now)
{
	e->waits = false;
	DL_DELETE(b->queue, e);
	b->n_waiting--;
	if (!e->number)
		e->number = next_number(b, now.date);
	b->next_at = now.clock + FLOW_GAP;
	return b->taken = e;
}

const struct event *event_book_take(struct event_book *b, struct event_time now)
{
	struct event *e;

	if (b->taken || now.clock < b->next_at)
		return NULL;
	DL_FOREACH(b->queue, e)
	if (now.clock >= e->next_at)
		return take(b, e, now);
	return NULL;
}

uint64_t event_book_wait(const struct event_book *b, uint64_t clock)
{
	uint64_t at = UINT64_MAX;
	const struct event *e;

	if (b->taken)
		return UINT64_MAX;
	for (e = b->queue; e && at > b->next_at; e = e->next)
		if (e->next_at < at)
			at = e->next_at;
	if (at < b->next_at)
		at = b->next_at;
	return at == UINT64_MAX ? at : usec_until(at, clock);
}

/* It was told: the more often lately, the longer until it may be again. */
static void slow_down(struct event *e, uint64_t clock)
{
	if (clock >= e->next_at + FORGIVEN)
		e->gap = 0;
	e->gap = e->gap == 0 ? GAP_MIN : 2 * e->gap < GAP_MAX ? 2 * e->gap : GAP_MAX;
	e->next_at = clock + e->gap;
}

void event_book_end(struct event_book *b, enum event_end end, uint64_t clock)
{
	struct event *e = steal(b->taken);

	e->clock = clock;
	if (end == EVENT_LOST || end == EVENT_THERE || end == EVENT_AGAIN)
		enqueue(b, e);
	if (end == EVENT_TOLD || end == EVENT_THERE)
		e->exists = true;
	if (end == EVENT_TOLD)
		slow_down(e, clock);
	if (end == EVENT_LOST || (end == EVENT_REFUSED && !e->exists)) {
		e->exists = false;
		e->number = 0;
		e->count = e->waits;
		e->first = e->last;
	}
	if (e->waits)
		return;
	free_texts(e);
	rest(b, e);
}

size_t event_book_waiting(const struct event_book *b)
{
	return b->n_waiting;
}

uint64_t event_book_left_out(const struct event_book *b)
{
	return b->left_out;
}
