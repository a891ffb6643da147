/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/err.h"

/*
 * Whether our table of nftables is as we left it, for others have hands, too. As long as nobody
 * changes anything in nftables a look is one question to the kernel (generation.h); else a child
 * reads the table. Logs: clients.not_read.
 */
struct vigil;

/* `on_lost`: somebody has changed or removed the table. */
struct vigil *vigil_new(sd_event *loop, void (*on_lost)(void *ud), void *ud)
	__attribute__((warn_unused_result));
struct vigil *vigil_free(struct vigil *v);

/* The table is as it shall be from now on: it was put there (`is_new`), or stays as it was. */
void vigil_begin(struct vigil *v, bool is_new);

/* Until then nobody looks: it is being changed, or is not ours. */
void vigil_rest(struct vigil *v);

/* Looks, unless it rests. Does not block. */
void vigil_look(struct vigil *v);
