/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "decide/fleet.h"
#include "net/ipvs_write.h"

/*
 * What has to be done at one place for the kernel to hold what was decided: the one comparison of
 * both. Pure.
 *
 * Who owns a weight: the decision says 1, or 0 for a real server that drains; a health check may
 * lower 1 to 0; nobody else may say anything.
 *
 * Order: within a service additions come before removals, what drains before what goes, and what
 * takes connections goes last. The kernel fills the table of `mh` in the order of its list, which
 * begins with what was added last, and passes over what is added at weight 0. So real servers are
 * added in the order of their addresses, and at weight 1 before they get 0: all load balancers that
 * fill a service from nothing have the same table. A new service gets its scheduler when it is
 * full, or the kernel would make the table anew for each real server.
 *
 * Nobody is left without a real server for want of a guard: while all that shall take connections
 * waits for it, what takes them stays, but for what a health check has taken down.
 */
struct differ_rules {
	/* Clients that may not use it are kept out, and what tunnels need is there. Else nothing is
	 * added, no weight raised and nothing turned into a tunnel. */
	bool may_add;
	/* What is held was another Service's: none of it stays for want of something else. */
	bool taken_over;
	/* What is down and not there is not added: its connections are ending (differ_evict). */
	bool evicted;
	/* Whether a health check has taken the real server down. */
	bool (*is_down)(void *ud, const struct virtual_server *vs, const struct real_server *real);
	/* Whether somebody may have added what was not decided: the template's sorry server. */
	bool (*is_spare)(void *ud, const struct virtual_server *vs, const struct ipvs_dest *dest);
	void *ud;
};

/*
 * Adds the operations to `ops`, in the order to carry them out; none: all is right. `vs` is NULL
 * where nothing shall be, `held` where nothing is.
 */
void differ_build(struct ipvs_ops *ops, const struct virtual_server *vs,
	const struct ipvs_service *held, const struct differ_rules *rules);

/*
 * Adds the operations that end the connections of UDP to real servers that a health check has taken
 * down, of a service that is right otherwise. IPVS remembers the real server of a client as long as
 * packets come, also at weight 0, and nothing tells a client of UDP. So the real server is removed,
 * whereby its connections end if net.ipv4.vs.expire_nodest_conn is 1; when they have ended it may
 * come again, at weight 0 as before, and has its slots of `mh` again. Nothing is done where nobody
 * else could take them.
 */
void differ_evict(struct ipvs_ops *ops, const struct virtual_server *vs,
	const struct ipvs_service *held, const struct differ_rules *rules);

/*
 * Adds the operations that bring the real servers of an `mh` service, which is right otherwise,
 * into the order in which they would have been added to a new one: each that is out of place is
 * removed and added again, back to back. IPVS gives it its connections back when it comes, if
 * net.ipv4.vs.expire_nodest_conn is 0 meanwhile.
 */
void differ_reorder(
	struct ipvs_ops *ops, const struct virtual_server *vs, const struct ipvs_service *held);
