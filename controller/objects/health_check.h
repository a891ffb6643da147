/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How real servers are checked, by keepalived. Texts have no character that would need quoting. */

enum check_type { CHECK_NONE, CHECK_TCP, CHECK_HTTP, CHECK_HTTPS };

struct health_check {
	enum check_type type;
	uint16_t port;     /* 0: the real server's own */
	uint64_t interval; /* usec, whole seconds */
	uint64_t timeout;  /* usec, whole seconds */
	/* Of CHECK_HTTP and CHECK_HTTPS, else NULL. */
	char *path;
	char *codes; /* that are well, as "200-399 426" */
	char *host;  /* to ask for; NULL: the real server's address */
};

void health_check_copy(struct health_check *ret, const struct health_check *check);
void health_check_done(struct health_check *check);
bool health_check_equal(const struct health_check *a, const struct health_check *b);

bool health_check_is_http(const struct health_check *check);

/* "none", "tcp", "http" or "https"; in the order of the types, with a NULL at the end. */
extern const char *const health_check_types[];

/*
 * usec from a start of the checks until this one must have had its say: its two tries, with a
 * second before each, and some to spare for a busy machine. 0 for CHECK_NONE.
 */
uint64_t health_check_time(const struct health_check *check);
