/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "values/ipaddr.h"

/*
 * The clients that are connected, and who of them has to go. A client asks in time and takes its
 * answer in time, and no address has more connections than its share. Room is always made for one
 * more: whoever comes late is never turned away because others sit idle, and a probe that is
 * answered at once is gone before its turn to go.
 */
struct visitors;
struct visitor;

struct visitors_rules {
	size_t max, max_each;  /* connections: in all, and of one address */
	uint64_t ask_within;   /* usec from its arrival: all of its request has come */
	uint64_t leave_within; /* usec from its arrival: it has taken all of its answer */
};

/* `dismissed`: its connection was shut down, and nothing shall be waited for on its behalf. */
int visitors_new(struct visitors **ret, sd_event *loop, const struct visitors_rules *rules,
	void (*dismissed)(void *ud, struct visitor *v), void *ud, struct err *e);
/* All have left before. */
struct visitors *visitors_free(struct visitors *vs);

/*
 * Makes room for one more from this address: dismisses the one of it that came first, or if there
 * are too many in all, the one that came first of those whose address has most.
 */
void visitors_make_room(struct visitors *vs, const struct ipaddr *from);

/* Has arrived. `fd` is borrowed until visitors_leave; `owner` is for visitor_owner. */
struct visitor *visitors_enter(struct visitors *vs, int fd, const struct ipaddr *from, void *owner)
	__attribute__((warn_unused_result));
void *visitor_owner(const struct visitor *v);
/* Its request has come. */
void visitor_asked(struct visitor *v);
bool visitor_is_dismissed(const struct visitor *v);
/* Its connection is about to be closed; returns NULL. */
struct visitor *visitors_leave(struct visitor *v);
