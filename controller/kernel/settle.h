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

/*
 * `vs` is what shall be at the place; NULL: nothing. With `reorder` its real servers are brought
 * into order, too, where that is possible (reorder.h). `ret_n` gets the number of operations, also
 * on failure. -EAGAIN: look again, for the place changed meanwhile or one thing comes after
 * another.
 */
int settle(size_t *ret_n, struct settler *s, const struct place *place,
	const struct virtual_server *vs, const struct differ_rules *rules, bool reorder,
	struct err *e);
