/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"

/*
 * What keepalived writes to the FIFO that vrrp_notify_fifo names: INSTANCE "share3" MASTER 200, a
 * line at each change (keepalived.conf(5)). Pure.
 */

enum vrrp_word_kind {
	VRRP_UNREADABLE, /* too long, or not as it should be */
	VRRP_OTHER,
	VRRP_OWNS,   /* the share is ours from now on */
	VRRP_YIELDS, /* it is not */
	VRRP_PULSE,  /* it has read what vrrp_child wrote for it to read: it is alive */
};

struct vrrp_word {
	enum vrrp_word_kind kind;
	unsigned share; /* of the two about shares */
};

/* The lines of what comes in pieces; all 0 at first. */
struct vrrp_words {
	char line[LIMIT_VRRP_LINE + 1];
	size_t len;
	bool skips; /* to the end of a line that is too long */
};

/* Calls `on_word` for each line that ends in this piece. */
void vrrp_words_read(struct vrrp_words *w, const char *text, size_t len,
	void (*on_word)(void *ud, const struct vrrp_word *word), void *ud);
