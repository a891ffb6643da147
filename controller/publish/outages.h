/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * Who waits because calls fail. A call that fails may say something of its Service alone, as when a
 * webhook is down that is asked about it: then that Service waits. Once different ones of a
 * namespace have failed and none succeeded between, that namespace waits, and is tried one call at
 * a time. Once different namespaces have, all wait; even then one that has not failed is tried, one
 * call at a time. A call that is answered ends what it refutes. Pure; times are usec of any one
 * clock.
 */
struct outages;
struct outage_ns;

/* After the first failure a second, doubling up to 30. */
struct outage {
	uint64_t pause, until;
	unsigned round;
};

/* What a call is about; the owner's, who leaves it zero before it joins. */
struct outage_member {
	struct outage own;
	struct outage_ns *ns;
};

struct outages *outages_new(void) __attribute__((warn_unused_result));
/* All have to have left. */
struct outages *outages_free(struct outages *o);
DEFINE_CLEANUP(struct outages *, outages_free);

/* `ns` is copied. */
void outages_join(struct outages *o, struct outage_member *m, const char *ns);
/* None of its calls may be on its way. */
void outages_leave(struct outages *o, struct outage_member *m);

/* When it may be called; UINT64_MAX: not before another call has ended. */
uint64_t outages_until(const struct outages *o, const struct outage_member *m);

/* A call is on its way, and is over, whatever became of it. */
void outages_begin(struct outages *o, struct outage_member *m);
void outages_end(struct outages *o, struct outage_member *m);

/* What it said. Calls side by side fail together: that is one failure. */
void outages_failed(struct outages *o, struct outage_member *m, uint64_t now);
void outages_answered(struct outages *o, struct outage_member *m);

/* The server, which was away, is back: nobody waits any longer. */
void outages_wake(struct outages *o);
