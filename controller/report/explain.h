/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/listen.h"
#include "objects/store.h"
#include "report/snapshot.h"
#include "values/ipaddr.h"

/* What the running controller knows about one Service, for people who ask why. */

/* All borrowed. */
struct explain {
	const struct snapshot *now;
	const struct store *store;
	const struct fleet_rules *rules;
	const char *followed; /* the one namespace that is followed; "": all are */
	bool synced;          /* all that exists has arrived, once */
	struct listen client; /* whose new connections are asked after; port 0: nobody's */
	/* The load balancers that announce this address, as membership_announcers; NULL: not known.
	 */
	const char **(*announcers)(void *ud, const struct ipaddr *vip, size_t *ret_n);
	void *ud;
};

/* The answer to `explain`: docs/status.md lists the fields. Pure. */
json_t *explain_service(const struct explain *x, const char *ns, const char *name)
	__attribute__((warn_unused_result));

/* The virtual server at the VIP and port of a Service, whosoever it is. NULL: none. */
const struct virtual_server *explain_server(
	const struct fleet *f, const struct ipaddr *vip, const struct service_port *port);
