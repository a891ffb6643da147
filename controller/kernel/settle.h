/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "kernel/differ.h"

/* Puts single places right: reads what the kernel holds, compares, writes. Blocks for some round
 * trips to the kernel. */
struct settler;

/* `ipvs` is borrowed. Errors: those of ipvs_writer_open. */
int settler_new(struct settler **ret, struct ipvs *ipvs, struct err *e);
struct settler *settler_free(struct settler *s);

struct settle_job {
	struct place place;
	const struct virtual_server *vs; /* what shall be there; NULL: nothing */
	struct differ_rules rules;
	bool reorder; /* its real servers are brought into order, too, if that is possible */
	/* Called with what is held before it is compared; NULL: nobody asks. */
	void (*on_held)(void *ud, const struct virtual_server *vs, const struct ipvs_service *held);
	void *ud;
};

struct settled {
	struct ipvs_ops ops; /* carried out, also where one of them failed */
	bool evicted;        /* they end connections (differ_evict), and nothing else */
	bool moved;          /* they bring real servers into order, and nothing else */
};

/*
 * The caller frees `ret->ops`, also on failure. -EAGAIN: look again, for the place changed
 * meanwhile or one thing comes after another.
 */
int settle(struct settled *ret, struct settler *s, const struct settle_job *job, struct err *e);
