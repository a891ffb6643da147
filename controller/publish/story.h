/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "publish/facts.h"

/*
 * Events about a Service: what happened to it, told from what its conditions said before and what
 * they say now. Pure: the status itself is the memory, so a new leader tells nothing twice.
 */

struct story_event {
	bool warning; /* type Warning, else Normal */
	enum reason reason;
	char *note; /* for people */
};

enum { STORY_EVENTS_MAX = 4 };

struct story {
	struct story_event events[STORY_EVENTS_MAX];
	size_t n_events;
};

/* What there is to tell when the status changes from what the Service holds to what the facts say.
 */
void story_tell(struct story *ret, const struct facts *f);

/*
 * What is wrong with a Service now, whether or not it was told before; nothing when all is well.
 * `kubectl describe service` shows Events and no conditions, and the API server drops Events after
 * an hour: so this is to be told a minute after a status was written and then every 25 minutes.
 */
void story_remind(struct story *ret, const struct facts *f);

void story_done(struct story *s);
