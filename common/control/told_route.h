/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "values/attributes.h"
#include "values/ipaddr.h"

/*
 * A route as the controller tells the sidecar of it: what a Service says of the route to its VIP.
 * Whether there is such a route is the kernel's word, and not told. As JSON
 *
 *	{"prefix":"10.1.1.1/32","communities":"65000:100 no-export","localPreference":"200",
 *	 "med":"10","asPathPrepend":"2","peers":"tor1 tor2"}
 *
 * with what is said alone.
 */
struct told_route {
	struct ipnet net;
	struct attributes *attributes; /* NULL: nothing is said of it */
};

/* New. */
json_t *told_route_build(const struct told_route *r);

/* The attributes are the caller's. Errors: -EINVAL for what told_route_build does not give. */
int told_route_decode(struct told_route *ret, const json_t *item, struct err *e);
