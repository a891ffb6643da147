/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/apart.h"
#include "base/mem.h"

/* What becomes of a value that is built while one allocation of jansson's after another fails. */
struct scarcity {
	json_t *(*build)(const void *arg);
	const void *arg;
	const char *whole; /* the value as it must be, or not at all */
	size_t nth;        /* the allocation that fails */
};

enum { SCARCITY_MET, SCARCITY_TOO_LATE };

static size_t scarcity_allocations, scarcity_nth;

static inline void *scarcity_malloc(size_t size)
{
	return ++scarcity_allocations == scarcity_nth ? NULL : malloc(size);
}

static inline int scarcity_try(const void *arg, struct err *e)
{
	const struct scarcity *s = arg;
	CLEANUP_FREE char *text = NULL;
	json_auto_t *value = NULL;

	close(STDERR_FILENO); /* "out of memory" is what is expected */
	scarcity_nth = s->nth;
	json_set_alloc_funcs(scarcity_malloc, free);
	value = s->build(s->arg);
	json_set_alloc_funcs(malloc, free);
	text = json_dumps(value, JSON_COMPACT);
	if (!text || strcmp(text, s->whole) != 0)
		return err_set(e, EINVAL, "without allocation %zu: %s", s->nth, text);
	return scarcity_allocations < s->nth ? SCARCITY_TOO_LATE : SCARCITY_MET;
}

/* The program ends, or the value is whole. */
static inline void assert_whole_or_none(json_t *(*build)(const void *arg), const void *arg)
{
	json_auto_t *value = build(arg);
	CLEANUP_FREE char *whole = json_dumps(value, JSON_COMPACT);
	struct scarcity s = {build, arg, whole, 1};
	int r = SCARCITY_MET;

	for (; r != SCARCITY_TOO_LATE; s.nth++) {
		struct err e = {0};

		r = apart(scarcity_try, &s, &e);
		if (r < 0 && r != -ECHILD)
			fail_msg("%s", e.msg);
	}
	assert_true(s.nth > 10);
}
