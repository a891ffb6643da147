/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "values/place.h"

/* Places to look at, each once, in the order in which they were added. Pure. */

struct task {
	struct place place;
	bool told;      /* what the kernel holds there has changed, whatever we find */
	bool reorder;   /* the order of its real servers counts, too */
	bool doubt;     /* weight 0 that nothing explains is a health check's */
	bool unasked;   /* what is wrong there is not what a decision changed */
	unsigned tries; /* so many times it changed while it was looked at */
};

struct tasks;

struct tasks *tasks_new(void) __attribute__((warn_unused_result));
struct tasks *tasks_free(struct tasks *t);

bool tasks_empty(const struct tasks *t);

/* The one for a place, to be changed; made if there is none. Borrowed until it is taken. */
struct task *tasks_at(struct tasks *t, const struct place *place);

/* The same, but NULL if there is none. */
struct task *tasks_find(struct tasks *t, const struct place *place);

/* Takes the first one out; false: there is none. */
bool tasks_take(struct task *ret, struct tasks *t);

/* Forgets the one for a place, if there is one. */
void tasks_drop(struct tasks *t, const struct place *place);
