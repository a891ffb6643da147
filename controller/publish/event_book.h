/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/mem.h"

/*
 * Which Events are sent when. What was told within half an hour is counted up and not told anew. A
 * Service has ten Events at once and then one each 30 s; of one reason only the newest waits. All
 * Services together have 20 a second, and at most LIMIT_EVENTS_WAITING wait. Pure.
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

/* An Event that waits or is on its way. */
struct event {
	char *ns, *name, *uid, *resource_version; /* the Service */
	char *reason, *note;
	bool warning;
	int64_t first, last; /* when it happened, usec since 1970 */
	uint64_t times;      /* how often since it was told */

	/* From event_book_take on: the object in the API server. */
	bool exists;     /* it is there, so its count is raised; else it is made */
	uint64_t number; /* of its name; larger than those before */
	uint64_t count;  /* that it shall have */

	/* The book's own. */
	uint64_t slot, text; /* digests of Service and reason, and of these and the note */
	struct event_pace *pace;
	bool paid;
	UT_hash_handle hh;
};

struct event_book *event_book_new(void) __attribute__((warn_unused_result));
struct event_book *event_book_free(struct event_book *b);
DEFINE_CLEANUP(struct event_book *, event_book_free);

/* Something has happened. Everything is copied. */
void event_book_add(struct event_book *b, const struct events_subject *about, bool warning,
	const char *reason, const char *note, struct event_time now);

/* The next one to send, for which event_book_end has to be called; NULL: none may be sent now. */
struct event *event_book_take(struct event_book *b, struct event_time now);

/*
 * How many usec until event_book_take has something to give; UINT64_MAX: not before an event is
 * added or has ended.
 */
uint64_t event_book_wait(const struct event_book *b, uint64_t clock);

enum event_end {
	EVENT_TOLD,
	EVENT_LOST,    /* the object whose count was to be raised is gone: it is made anew */
	EVENT_AGAIN,   /* it could not be sent: it waits again */
	EVENT_REFUSED, /* nor will it ever be */
};

/* Consumes `e`, which came from event_book_take. */
void event_book_end(struct event_book *b, struct event *e, enum event_end end, uint64_t clock);

size_t event_book_waiting(const struct event_book *b);

/* How many were left out: there were too many, or a newer one of the same reason came. */
uint64_t event_book_left_out(const struct event_book *b);
