/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "kube/kube.h"
#include "publish/event_book.h"

/*
 * Sends Events (v1) about Services: one of each reason, which within half an hour is changed to say
 * the newest and how often it happened; of a Service that changes all the time at a slower and
 * slower pace. Memory and calls per second are bounded (event_book.h); what is left out is counted.
 */
struct events;

/* `kube` is borrowed. `identity`: our pod's name, the source of the Events. */
int events_new(struct events **ret, sd_event *loop, struct kube *kube, const char *identity,
	struct err *e);
/* What was not sent yet is forgotten. */
struct events *events_free(struct events *ev);
DEFINE_CLEANUP(struct events *, events_free);

/* Everything is copied. */
void events_send(struct events *ev, const struct events_subject *about, bool warning,
	const char *reason, const char *note);

struct events_stats {
	uint64_t sent;
	uint64_t dropped; /* left out, or refused by the server */
	uint64_t failed;  /* calls that failed, most of which are tried again */
	size_t waiting;
};
struct events_stats events_stats(const struct events *ev);

/* Why the last call failed; NULL: it did not. For who logs, now and then. */
const char *events_problem(const struct events *ev);
