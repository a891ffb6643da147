/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "objects/names.h"

/*
 * Which Services' status is to be written next, and when. What somebody waits for (an address) goes
 * first and at once, whatever was written before; other news at a pace that the API server does not
 * feel; what somebody else keeps changing back is written ever more rarely; what cannot be written
 * waits, and others with it as far as they cannot be either (outages.h). What is to be written is
 * not kept here: it is made when its turn comes, so that only the newest counts. Pure; times are
 * usec of any one clock.
 */
enum {
	WRITES_IN_FLIGHT = 16,
	WRITES_BURST = 200,     /* of those nobody waits for, and then */
	WRITES_PER_SECOND = 50, /* so many */
};

struct writes;

/* One Service. The fields belong to the owner. */
struct write {
	struct objname id;
	bool clear;         /* what is ours is to be taken out of its status */
	char *uid;          /* of the Service that it is about; NULL: any; freed with the rest */
	uint64_t told;      /* digest of the status that was written last; 0: none */
	uint64_t digest;    /* of what was looked at last; 0: never */
	bool is_contested;  /* and by whom was told */
	uint64_t remind_at; /* when what is wrong with it is to be told again */
	void *data;         /* of the call in flight */
};

enum write_result {
	WRITE_DONE,        /* it is written */
	WRITE_NEEDLESS,    /* nothing had to be sent */
	WRITE_OUTDATED,    /* the Service has changed since: again ever more rarely, until seen */
	WRITE_REFUSED,     /* the server does not take it: again after a while, as news */
	WRITE_UNREACHABLE, /* it cannot be written for now, which may hold for others, too */
};

struct writes *writes_new(void) __attribute__((warn_unused_result));
struct writes *writes_free(struct writes *w);
DEFINE_CLEANUP(struct writes *, writes_free);

/* The one of a Service, made when it is new. */
struct write *writes_get(struct writes *w, const struct objname *id);

/* What it shall say may have changed: it is to be looked at. */
void writes_doubt(struct writes *w, struct write *one);
void writes_doubt_all(struct writes *w);

/* The next that is in doubt, and is no more; NULL if none. */
struct write *writes_doubted(struct writes *w);

/* It cannot be looked at yet: it is in doubt again with the next writes_recall. */
void writes_put_off(struct writes *w, struct write *one);
void writes_recall(struct writes *w);

/* It is to be written. While it is in flight this means: once more after that. */
void writes_want(struct writes *w, struct write *one, bool urgent);

/*
 * The next to be sent, which is in flight from now on; NULL if none may be, and then *ret_wait is
 * the time until one may, UINT64_MAX if that depends on writes_want or writes_end.
 */
struct write *writes_next(struct writes *w, uint64_t now, uint64_t *ret_wait);

/* What became of one in flight. `retry_after`: usec the server asks to wait. */
void writes_end(struct writes *w, struct write *one, enum write_result result, uint64_t retry_after,
	uint64_t now);

/* News of a Service are there: true if it waited longer for them than it has to now. */
bool writes_seen(struct writes *w, const struct objname *id);

/*
 * What is in flight, but not sent, would undo what somebody else wrote. False: it is too early for
 * that, and it waits again.
 */
bool writes_quarrel(struct writes *w, struct write *one, uint64_t now);

/* It is about another Service of the same name now: nothing is held against it. */
void writes_renew(struct write *one);

/* Whether it waits or is in flight. */
bool writes_has(const struct write *one);

/* The server answers again: nothing waits for it longer than it asked us to. */
void writes_wake(struct writes *w);

/* The Service is gone: it is forgotten, or will be when its call ends. */
void writes_forget(struct writes *w, struct write *one);

/* Calls `visit` for each Service that is in flight, which is while `data` is set. */
void writes_visit(struct writes *w, void (*visit)(void *ud, struct write *one), void *ud);

/* Forgets everything. Nothing may be in flight. */
void writes_clear(struct writes *w);

/* How many wait or are in flight. */
size_t writes_pending(const struct writes *w);
