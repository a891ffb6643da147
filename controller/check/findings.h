/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/mem.h"

/* What a `check` command has found, in the order in which it was looked for. Pure. */

enum finding_level {
	FINDING_OK,
	FINDING_WARNING, /* it works, but for something, or less well */
	FINDING_ERROR,   /* it does not */
};

struct finding {
	enum finding_level level;
	const char *check; /* what was looked at: "ipvs", "sysctl"; static, stable, for machines */
	char *found;       /* for people, one line */
	char *remedy;      /* one line; NULL with FINDING_OK, and only there */
};

struct findings {
	struct finding *items;
	size_t n_items;
};

/* Adds one, printed; what is no printable ASCII in it becomes a blank or a question mark. */
void findings_ok(struct findings *f, const char *check, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void findings_bad(struct findings *f, enum finding_level level, const char *check,
	const char *remedy, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

size_t findings_count(const struct findings *f, enum finding_level level);

/* "ok", "warning", "error" */
const char *finding_level_name(enum finding_level level);

/*
 * A line each, in columns, what is not ok with its remedy on a line of its own, and the numbers of
 * errors and warnings at the end.
 */
char *findings_text(const struct findings *f) __attribute__((warn_unused_result));

/* {"errors": 1, "warnings": 0, "findings": [{"check", "level", "found", "remedy" unless ok}]} */
json_t *findings_json(const struct findings *f) __attribute__((warn_unused_result));

void findings_done(struct findings *f);
#define CLEANUP_FINDINGS CLEANUP(findings_done)
