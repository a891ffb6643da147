/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "values/ipaddr.h"

/*
 * A pod that takes tunnels itself, without an agent on its node: the tunnel devices in its network
 * namespace, which is the one we are in, with the VIPs of its Services, and a table
 * (table/receiver.h). The kernel does all of it from then on.
 */

struct realserver {
	struct ipaddr vips[LIMIT_REAL_VIPS];
	size_t n_vips;
	struct ipnet sources[LIMIT_REAL_SOURCES]; /* that may send; none: all may */
	size_t n_sources;
	uint16_t gue_port; /* UDP's; 0: no GUE */
};

/*
 * Adds those of a list with commas or blanks between them; one that is there already is none.
 * Errors: -EINVAL with what is wrong; what came before it may be there.
 */
int realserver_add_vips(struct realserver *r, const char *list, struct err *e);
int realserver_add_sources(struct realserver *r, const char *list, struct err *e);

/*
 * -EINVAL: there is no VIP, or one of a family of which nobody may send. Settles the sources, to
 * which none may be added then.
 */
int realserver_check(struct realserver *r, struct err *e);

/*
 * Sets up all of it, of one that was checked; what is there already is as good as new. Errors: what
 * is missing, such as a module of the kernel or NET_ADMIN; what was done stands. Logs:
 * realserver.ready.
 */
int realserver_set_up(const struct realserver *r, struct err *e);
