/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"

/*
 * One line an event on stderr: logfmt (`time=... level=info event=reload.done services=3`) or JSON
 * with the same keys. Event names are stable, dotted and lower case; keys are lower_snake_case.
 *
 *	log_info("service.accepted", LOG_STR("service", name), LOG_UINT("vips", n));
 */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
	enum { LOG_FIELD_END, LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_UINT, LOG_FIELD_MSEC } type;
	const char *key;
	union {
		const char *str;
		int64_t num;
		uint64_t unum;
	};
};

/* A string; any bytes are fine: escaped, cut at LIMIT_LOG_LINE with "...". NULL is left out. */
#define LOG_STR(k, v) ((struct log_field){LOG_FIELD_STR, (k), {.str = (v)}})
#define LOG_INT(k, v) ((struct log_field){LOG_FIELD_INT, (k), {.num = (int64_t)(v)}})
#define LOG_UINT(k, v) ((struct log_field){LOG_FIELD_UINT, (k), {.unum = (uint64_t)(v)}})
/* Microseconds, printed as milliseconds with three decimals; name the key "..._ms". */
#define LOG_MSEC(k, v) ((struct log_field){LOG_FIELD_MSEC, (k), {.unum = (uint64_t)(v)}})
/* The message of a struct err, as error="...". */
#define LOG_ERR(e) LOG_STR("error", (e)->msg)

/* The first element only gives a comma something to stand behind: not all tools know __VA_OPT__. */
#define LOG_NO_FIELD ((struct log_field){LOG_FIELD_END, 0, {0}})
#define LOG_FIELDS(...) ((const struct log_field[]){LOG_NO_FIELD, ##__VA_ARGS__, LOG_NO_FIELD} + 1)
#define log_debug(event, ...) log_write(LOG_DEBUG, event, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...) log_write(LOG_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_warn(event, ...) log_write(LOG_WARN, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_write(LOG_ERROR, event, LOG_FIELDS(__VA_ARGS__))

/* At the start, and when the configuration has changed. The default is info and logfmt. */
void log_setup(enum log_level level, enum log_format format);

/* Writes one line when `level` is enabled; `fields` ends with LOG_FIELD_END. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

/* "debug", "info", "warn", "error"; "logfmt", "json". Errors: -EINVAL with what would be right. */
int log_level_parse(enum log_level *ret, const char *text, struct err *e);
int log_format_parse(enum log_format *ret, const char *text, struct err *e);
