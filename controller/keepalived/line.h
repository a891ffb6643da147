/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "values/place.h"

/*
 * What a line of keepalived's log tells: its only word on what its health checks find that says
 * everything, once, in order, and with any template. (Its lvs_notify_fifo has no word for a check
 * that fails to be needed: a first success.) Texts are those of keepalived 2.2.7 to 2.4. Pure.
 */

enum keepalived_line_kind {
	KEEPALIVED_OTHER,
	KEEPALIVED_READING, /* it begins to read its file anew */
	KEEPALIVED_READY, /* it has read its file, at a start or a reload, and listens to signals */
	KEEPALIVED_CHECKS_BEGIN, /* the process that makes the checks starts, perhaps anew */
	KEEPALIVED_SERVER_UP,
	KEEPALIVED_SERVER_DOWN,
	KEEPALIVED_SERVER_REMOVED, /* by a check without inhibit_on_failure, or by a new file */
};

struct keepalived_line {
	enum keepalived_line_kind kind;
	const char *text; /* the line without its date, in what was parsed */
	bool chatter;     /* of its own inner life, at every start and reload */
	/* Of the last three kinds. */
	struct place place;
	struct ipaddr addr;
	uint16_t port;
};

struct keepalived_line keepalived_line_parse(const char *line);
