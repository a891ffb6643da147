/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/half.h"
#include "plan/doors.h"

/*
 * Keeps the table kago-second (table/second.h) as it shall be. A kernel that cannot have it goes
 * without: tunnels work all the same. Logs: second.*.
 */
struct second;

/* `hands` is borrowed. */
struct second *second_new(const struct hands *hands) __attribute__((warn_unused_result));
/* The kernel keeps what it has. */
struct second *second_free(struct second *s);

/* From now on; consumed. NULL: the table goes. The tunnel device has to be there. */
void second_put(struct second *s, struct doors *doors);

/* Looks whether the kernel still holds it, and puts it there again if not. */
void second_check(struct second *s);

/* Whether the kernel refuses it. */
bool second_fails(const struct second *s);

/* Takes the table away. */
int second_table_remove(const struct hands *hands, struct err *e);
