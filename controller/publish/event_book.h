/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/mem.h"

/*
 * Which Events are sent when. A Service has one of each reason: what happens again within half an
 * hour is counted up and says the newest. The first is sent at once, what follows after a second,
 * two, four, at last 30; all together are 50 ms apart. At most LIMIT_EVENTS are known. Pure.
 */
struct event_book;

/* CLOCK_MONOTONIC usec to wait by, usec since 1970 to be told. */
struct event_time {
	uint64_t clock;
	int64_t date;
};

/* A Service. */
struct events_subject {
	const char *ns, *name, *uid, *resource_version;
};

struct event {
	char *ns, *name, *uid, *resource_version; /* the Service */
	char *reason, *note;
	bool warning;
	int64_t first, last; /* when it happened, usec since 1970 */
	uint64_t count;      /* how often */
	bool exists;         /* in the API server, so it is changed there; else it is made */
	uint64_t number;     /* of its name there; larger than those before */

	/* The book's own. */
	uint64_t key;   /* the digest of Service and reason */
	uint64_t clock; /* when it was sent last */
	bool waits, rests;
	uint64_t next_at;          /* when it may be sent again */
	uint64_t gap;              /* from when it was sent until then */
	struct event *prev, *next; /* of those that wait, or of those that rest */
	UT_hash_handle hh;
};

struct event_book *event_book_new(void) __attribute__((warn_unused_result));
struct event_book *event_book_free(struct event_book *b);
DEFINE_CLEANUP(struct event_book *, event_book_free);

/* Something has happened. Everything is copied. */
void event_book_add(struct event_book *b, const struct events_subject *about, bool warning,
	const char *reason, const char *note, struct event_time now);

/*
 * The next one to send, for which event_book_end has to be called; it stays the book's, and may
 * change when it happens again. NULL: none may be sent now.
 */
const struct event *event_book_take(struct event_book *b, struct event_time now);

/*
 * How many usec until event_book_take has something to give; UINT64_MAX: not before an event is
 * added or has ended.
 */
uint64_t event_book_wait(const struct event_book *b, uint64_t clock);

enum event_end {
	EVENT_TOLD,
	EVENT_LOST,    /* the object that was to be changed is gone: it is made anew */
	EVENT_THERE,   /* the one that was to be made is there: it is changed */
	EVENT_AGAIN,   /* it could not be sent: it waits again */
	EVENT_REFUSED, /* nor will it ever be */
};
/* What became of the one that was taken. */
void event_book_end(struct event_book *b, enum event_end end, uint64_t clock);

size_t event_book_waiting(const struct event_book *b);

/* How many were left out, for there were too many. */
uint64_t event_book_left_out(const struct event_book *b);
