/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "decide/fleet.h"
#include "kernel/health.h"
#include "net/ipvs_write.h"
#include "values/sketch.h"

/*
 * Keeps IPVS equal to what was decided: what a change is about is read from the kernel, compared
 * (kernel/differ.h) and written at once, whatever else there is. What could not be written is tried
 * again with backoff, for ever. Every PROGRAM_LOOK everything is compared, for others have hands,
 * too: in a child (kernel/look.h), and what it finds is looked at again here. Long work goes in
 * slices, so that the loop is not held. Logs: kernel.*, ipvs.*.
 */
enum {
	PROGRAM_LOOK = 10 * 1000 * 1000, /* usec, from the end of one look */
	PROGRAM_SLICE = 10 * 1000,       /* usec */
	PROGRAM_CHANGED_MAX = 64,        /* places that are told one by one */
};

struct program;

struct program_ops {
	/* IPVS may hold something else now at these places; with none: anywhere. */
	void (*on_changed)(void *ud, const struct place places[], size_t n_places);
	/* The kernel was seen to hold all that is wanted; what changed, since `at` (loop_clock). */
	void (*on_settled)(void *ud, uint64_t at);
	/*
	 * The kernel refuses this of a virtual server: it will not take it however often it is
	 * asked. Nothing else waits for it; it comes again with each look at the table.
	 */
	void (*on_refused)(void *ud, const struct virtual_server *vs, const struct ipvs_op *op);
	/* All of the kernel's tables as they were a moment ago (kernel/tables.h). */
	void (*on_tables)(void *ud, const struct sketch *tables);
	/* Something cannot be written, or was not as it should be. */
	void (*on_trouble)(void *ud);
	/* Whether clients that may not use a virtual server are kept out of it. */
	bool (*may_add)(void *ud, const struct virtual_server *vs);
	/* Whether the template adds a real server that was not decided (differ.h). */
	bool (*is_spare)(void *ud, const struct virtual_server *vs, const struct ipvs_dest *dest);
};

struct program_status {
	bool seen_all;         /* it was once seen to hold all that was wanted and that it takes */
	bool settled;          /* it does now, as far as the last look tells */
	const char *trouble;   /* the first thing that cannot be written; "" if none */
	uint64_t n_repairs;    /* looks that found what nobody had asked for */
	uint64_t n_operations; /* that were carried out */
	size_t n_down;         /* real servers that a health check has taken down */
};

/* `ipvs` is borrowed. Errors: those of ipvs_writer_open. */
int program_new(struct program **ret, sd_event *loop, struct ipvs *ipvs,
	const struct program_ops *ops, void *ud, struct err *e);
struct program *program_free(struct program *p);

/*
 * What shall be in the kernel from now on, sorted; borrowed until the next call, during which it
 * must still be there. The first call looks at the whole table before anything is touched.
 */
void program_want(struct program *p, const struct virtual_server *const servers[], size_t n);

/* Something else than a decision may have changed this place: looks, and puts it right. */
void program_check(struct program *p, const struct place *place);

/* A health check has taken a real server down, or up. */
void program_health(struct program *p, const struct place *place, const struct ipaddr *addr,
	uint16_t port, bool up);

/*
 * Health checks are made from now on, all anew: what is down stays down until they must have had
 * their say. And: none are made any more.
 */
void program_checks_begin(struct program *p);
void program_checks_end(struct program *p);

struct program_status program_status(const struct program *p);
