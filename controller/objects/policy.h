/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "objects/health_check.h"
#include "objects/reason.h"
#include "objects/source_ranges.h"
#include "values/attributes.h"
#include "values/forward.h"

/*
 * How a Service wants to be served: its kago.dev/ annotations and the fields of its spec that mean
 * the same thing for every load balancer. docs/annotations.md is the users' side of this.
 */

enum scheduler {
	SCHEDULER_RR,
	SCHEDULER_WRR,
	SCHEDULER_LC,
	SCHEDULER_WLC,
	SCHEDULER_SH,
	SCHEDULER_MH
};
const char *scheduler_name(enum scheduler s); /* "rr", ..., as IPVS and keepalived spell it */

struct protocols {
	bool tcp, sctp;
};

struct policy {
	enum scheduler scheduler;
	bool scheduler_is_asked; /* it is not the default */
	enum forward_method forward;
	bool forward_is_asked; /* else the fleet's default counts, and not `forward` */
	enum encapsulation encapsulation;
	bool encapsulation_is_asked;
	enum tunnel_to tunnel_to;
	uint32_t persistence; /* seconds; 0: none */
	struct health_check check;
	bool check_every_port; /* it was asked for; else `check` is for TCP ports only */
	struct source_ranges sources;
	struct attributes *route; /* of the BGP routes to its VIPs; NULL: it says nothing */
};

/*
 * Parses the policy of a Service object. `has`: protocols that it has a port of. TCP ports are
 * checked unless the Service says otherwise; SCTP cannot be tunnelled. Errors: -EINVAL with
 * "FIELD: what is wrong and what would be right", and the reason for machines in *ret_reason.
 */
int policy_parse(struct policy *ret, enum reason *ret_reason, const json_t *object,
	struct protocols has, struct err *e);
void policy_done(struct policy *p);

bool policy_equal(const struct policy *a, const struct policy *b);

/* How real servers of a port of this protocol are checked. */
enum check_type policy_check_type(const struct policy *p, uint16_t protocol);
