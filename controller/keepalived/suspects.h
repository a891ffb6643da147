/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "decide/fleet.h"

/*
 * Virtual servers of which one or more make keepalived end when it reads them, although the config
 * test took them. All that a bad file had and the last good one had not are held back from the
 * file; then half of them is put on trial, and so on, until those that are left are proven. Who
 * changes is a suspect no more. Pure.
 */
struct suspects;

struct suspects *suspects_new(void) __attribute__((warn_unused_result));
struct suspects *suspects_free(struct suspects *s);

/*
 * keepalived ended twice while it had `bad`: with a trial under way those on trial are held back
 * again; else all that is not the same in `good` is held back from now on. Both are sorted.
 */
void suspects_accuse(struct suspects *s, const struct virtual_server *const bad[], size_t n_bad,
	const struct virtual_server *const good[], size_t n_good);

/* It did well for long enough: those on trial are free. False: there were none. */
bool suspects_acquit(struct suspects *s);

/* Puts some of those that are held back on trial; false: there are none. */
bool suspects_try(struct suspects *s);

/* Whether any are. */
bool suspects_on_trial(const struct suspects *s);

/* Whether it may not be in the file. */
bool suspects_hold_back(const struct suspects *s, const struct virtual_server *vs);

size_t suspects_count(const struct suspects *s);
