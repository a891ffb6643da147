/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/writes.h"

#include <string.h>
#include <utlist.h>

#include "base/hash.h"
#include "publish/outages.h"

enum {
	SECOND = 1000 * 1000,
	REFUSED_PAUSE = 30 * SECOND,
	NEWS_PAUSE = SECOND / 5, /* for the news of a Service to come in, doubling up to */
	NEWS_PAUSE_MAX = 30 * SECOND,
	CALM = 60 * SECOND,
	FREE_NEWS = 6, /* of one Service that nobody waits for, within CALM; then one each */
	NEWS_GAP = SECOND,
	QUARREL_MIN = SECOND, /* between writes that undo another's, doubling up to */
	QUARREL_MAX = 300 * SECOND,
};

/* Writes that came too late, one after the other. */
struct lag {
	uint64_t last, pause;
};

enum state { IDLE, WAITING, IN_FLIGHT };
enum doubt { SURE, DOUBTED, PUT_OFF };

/* Writes without a calm between them. */
struct bout {
	uint64_t last;
	uint64_t until; /* no other one */
	unsigned n;
};

struct item {
	struct write write; /* first: a write is its item */
	enum state state;
	bool urgent, again, again_urgent, forgotten;
	uint64_t not_before; /* whatever it is */
	uint64_t rest_until; /* unless somebody waits for it */
	struct bout news, quarrel;
	struct lag lag;
	struct outage_member reach;
	struct item *prev, *next;
	enum doubt doubt;
	struct item *doubt_prev, *doubt_next;
	UT_hash_handle hh;
};

struct writes {
	struct item *items;
	struct item *urgent, *others;   /* waiting */
	struct item *doubted, *put_off; /* by doubt_prev, doubt_next */
	size_t n_waiting, n_in_flight;
	struct outages *outages;
	uint64_t asked_until;         /* the server asked us to wait */
	uint64_t tokens, refilled_at; /* tokens in usec of work: one write is SECOND / PER_SECOND */
};

static const uint64_t token = SECOND / WRITES_PER_SECOND;

struct writes *writes_new(void)
{
	struct writes *w = xnew0(struct writes);

	w->tokens = WRITES_BURST * token;
	w->outages = outages_new();
	return w;
}

static struct item **queue_of(struct writes *w, const struct item *i)
{
	return i->urgent ? &w->urgent : &w->others;
}

static void leave_queue(struct writes *w, struct item *i)
{
	struct item **queue = queue_of(w, i);

	if (i->state != WAITING)
		return;
	DL_DELETE(*queue, i);
	w->n_waiting--;
	i->state = IDLE;
}

static void enter_queue(struct writes *w, struct item *i, bool urgent)
{
	struct item **queue;

	i->urgent = urgent;
	i->state = WAITING;
	queue = queue_of(w, i);
	DL_APPEND(*queue, i);
	w->n_waiting++;
}

static void set_doubt(struct writes *w, struct item *i, enum doubt doubt)
{
	if (i->doubt == DOUBTED)
		DL_DELETE2(w->doubted, i, doubt_prev, doubt_next);
	else if (i->doubt == PUT_OFF)
		DL_DELETE2(w->put_off, i, doubt_prev, doubt_next);
	i->doubt = doubt;
	if (doubt == DOUBTED)
		DL_APPEND2(w->doubted, i, doubt_prev, doubt_next);
	else if (doubt == PUT_OFF)
		DL_APPEND2(w->put_off, i, doubt_prev, doubt_next);
}

static void drop(struct writes *w, struct item *i)
{
	leave_queue(w, i);
	set_doubt(w, i, SURE);
	HASH_DELETE(hh, w->items, i);
	outages_leave(w->outages, &i->reach);
	objname_done(&i->write.id);
	free(i->write.uid);
	free(i);
}

void writes_clear(struct writes *w)
{
	struct item *i, *next;

	HASH_ITER(hh, w->items, i, next)
		drop(w, i);
}

struct writes *writes_free(struct writes *w)
{
	if (!w)
		return NULL;
	writes_clear(w);
	outages_free(w->outages);
	free(w);
	return NULL;
}

static struct item *find(const struct writes *w, const struct objname *id)
{
	struct item *i;

	HASH_FIND(hh, w->items, id->ns, id->len, i);
	return i;
}

struct write *writes_get(struct writes *w, const struct objname *id)
{
	struct item *i = find(w, id);

	if (!i) {
		i = xnew0(struct item);
		objname_init(&i->write.id, id->ns, id->name);
		outages_join(w->outages, &i->reach, id->ns);
		HASH_ADD_KEYPTR(hh, w->items, i->write.id.ns, i->write.id.len, i);
	}
	i->forgotten = false;
	return &i->write;
}

static struct item *item_of(struct write *one)
{
	void *item = one;

	return item;
}

void writes_doubt(struct writes *w, struct write *one)
{
	if (item_of(one)->doubt != DOUBTED)
		set_doubt(w, item_of(one), DOUBTED);
}

void writes_doubt_all(struct writes *w)
{
	for (struct item *i = w->items; i; i = i->hh.next)
		writes_doubt(w, &i->write);
}

struct write *writes_doubted(struct writes *w)
{
	struct item *i = w->doubted;

	if (!i)
		return NULL;
	set_doubt(w, i, SURE);
	return &i->write;
}

void writes_put_off(struct writes *w, struct write *one)
{
	set_doubt(w, item_of(one), PUT_OFF);
}

void writes_recall(struct writes *w)
{
	while (w->put_off)
		set_doubt(w, w->put_off, DOUBTED);
}

void writes_want(struct writes *w, struct write *one, bool urgent)
{
	struct item *i = item_of(one);

	if (i->state == IN_FLIGHT) {
		i->again = true;
		i->again_urgent |= urgent;
		return;
	}
	if (i->state == WAITING && (i->urgent || !urgent))
		return;
	leave_queue(w, i);
	enter_queue(w, i, urgent);
}

static void refill(struct writes *w, uint64_t now)
{
	uint64_t full = WRITES_BURST * token, since = now - w->refilled_at;

	w->tokens = since > full - w->tokens ? full : w->tokens + since;
	w->refilled_at = now;
}

static void give_back(struct writes *w, const struct item *i)
{
	uint64_t full = WRITES_BURST * token;

	if (!i->urgent)
		w->tokens = w->tokens + token < full ? w->tokens + token : full;
}

/* UINT64_MAX: that depends on the end of another one. */
static uint64_t due_at(const struct writes *w, const struct item *i)
{
	uint64_t at = outages_until(w->outages, &i->reach);

	if (at < i->not_before)
		at = i->not_before;
	if (at < i->lag.last + i->lag.pause)
		at = i->lag.last + i->lag.pause;
	return !i->urgent && at < i->rest_until ? i->rest_until : at;
}

/* The first that need not wait; *wait shrinks to the time until one need not. */
static struct item *first_due(
	const struct writes *w, struct item *queue, uint64_t now, uint64_t *wait)
{
	for (struct item *i = queue; i; i = i->next) {
		uint64_t at = due_at(w, i);

		if (at <= now)
			return i;
		if (at != UINT64_MAX && at - now < *wait)
			*wait = at - now;
	}
	return NULL;
}

/* One more write. */
static void go_on(struct bout *b, uint64_t now)
{
	uint64_t gap = b->until > b->last ? b->until - b->last : 0;

	if (b->last == 0 || now - b->last > CALM + 2 * gap)
		b->n = 0;
	b->last = now;
	b->n++;
}

/* What nobody waits for, as when a Service is announced and not, over and over. */
static void note_news(struct item *i, uint64_t now)
{
	go_on(&i->news, now);
	if (i->news.n > FREE_NEWS)
		i->rest_until = now + NEWS_GAP;
}

/* It is not in flight any more. */
static void land(struct writes *w, struct item *i)
{
	w->n_in_flight--;
	outages_end(w->outages, &i->reach);
	i->state = IDLE;
}

bool writes_quarrel(struct writes *w, struct write *one, uint64_t now)
{
	struct item *i = item_of(one);
	struct bout *b = &i->quarrel;
	uint64_t gap = b->until > b->last ? 2 * (b->until - b->last) : QUARREL_MIN;

	if (now < b->until) {
		land(w, i);
		give_back(w, i);
		i->rest_until = b->until;
		enter_queue(w, i, false);
		return false;
	}
	go_on(b, now);
	if (b->n == 1)
		gap = 0;
	b->until = now + (gap < QUARREL_MAX ? gap : QUARREL_MAX);
	return true;
}

void writes_renew(struct write *one)
{
	struct item *i = item_of(one);

	i->not_before = i->rest_until = 0;
	i->news = i->quarrel = (struct bout){0};
	i->reach.own = (struct outage){0};
	i->lag = (struct lag){0};
}

static struct write *take(struct writes *w, struct item *i)
{
	leave_queue(w, i);
	i->state = IN_FLIGHT;
	i->again = i->again_urgent = false;
	w->n_in_flight++;
	outages_begin(w->outages, &i->reach);
	return &i->write;
}

struct write *writes_next(struct writes *w, uint64_t now, uint64_t *ret_wait)
{
	struct item *i;

	*ret_wait = UINT64_MAX;
	if (w->n_in_flight == WRITES_IN_FLIGHT || w->n_waiting == 0)
		return NULL;
	if (now < w->asked_until) {
		*ret_wait = w->asked_until - now;
		return NULL;
	}
	i = first_due(w, w->urgent, now, ret_wait);
	if (i)
		return take(w, i);
	refill(w, now);
	i = first_due(w, w->others, now, ret_wait);
	if (!i)
		return NULL;
	if (w->tokens < token) {
		if (token - w->tokens < *ret_wait)
			*ret_wait = token - w->tokens;
		return NULL;
	}
	w->tokens -= token;
	return take(w, i);
}

/* What the end of one says of the server, and of its Service. */
static void learn(struct writes *w, struct item *i, enum write_result result, uint64_t retry_after,
	uint64_t now)
{
	if (result == WRITE_NEEDLESS) {
		give_back(w, i);
	} else if (result == WRITE_UNREACHABLE) {
		outages_failed(w->outages, &i->reach, now);
		if (retry_after && w->asked_until < now + retry_after)
			w->asked_until = now + retry_after;
	} else {
		outages_answered(w->outages, &i->reach);
		note_news(i, now);
	}
}

/* The news are not there yet: the server is not asked all the time whether they are. */
static void fall_behind(struct lag *l, uint64_t now)
{
	l->last = now;
	l->pause = l->pause ? 2 * l->pause : NEWS_PAUSE;
	if (l->pause > NEWS_PAUSE_MAX)
		l->pause = NEWS_PAUSE_MAX;
}

bool writes_seen(struct writes *w, const struct objname *id)
{
	struct item *i = find(w, id);

	if (!i || i->lag.pause <= NEWS_PAUSE)
		return false;
	i->lag.pause = NEWS_PAUSE;
	return true;
}

void writes_end(struct writes *w, struct write *one, enum write_result result, uint64_t retry_after,
	uint64_t now)
{
	struct item *i = item_of(one);

	land(w, i);
	learn(w, i, result, retry_after, now);
	if (i->forgotten) {
		drop(w, i);
		return;
	}
	if (result == WRITE_REFUSED)
		i->not_before = now + REFUSED_PAUSE;
	if (result == WRITE_OUTDATED)
		fall_behind(&i->lag, now);
	else if (result == WRITE_DONE || result == WRITE_REFUSED)
		i->lag = (struct lag){0};
	if (result == WRITE_OUTDATED || result == WRITE_UNREACHABLE)
		enter_queue(w, i, i->urgent || i->again_urgent);
	else if (result == WRITE_REFUSED || i->again)
		enter_queue(w, i, i->again_urgent);
}

void writes_wake(struct writes *w)
{
	outages_wake(w->outages);
}

bool writes_has(const struct write *one)
{
	const void *item = one;

	return ((const struct item *)item)->state != IDLE;
}

void writes_forget(struct writes *w, struct write *one)
{
	struct item *i = item_of(one);

	if (i->state == IN_FLIGHT)
		i->forgotten = true;
	else
		drop(w, i);
}

void writes_visit(struct writes *w, void (*visit)(void *ud, struct write *one), void *ud)
{
	struct item *i, *next;

	HASH_ITER(hh, w->items, i, next)
		if (i->state == IN_FLIGHT)
			visit(ud, &i->write);
}

size_t writes_pending(const struct writes *w)
{
	return w->n_waiting + w->n_in_flight;
}
