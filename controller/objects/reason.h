/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Why a Service is as it is: reasons of decisions, conditions and Events. docs/troubleshooting.md
 * explains every one.
 */
enum reason {
	REASON_NONE, /* nothing is wrong */

	/* With the Service itself. */
	REASON_INVALID_OBJECT, /* no API server would take it: store_put told its user already */
	REASON_INVALID_ANNOTATION,
	REASON_INVALID_SPEC,
	REASON_NOT_LOAD_BALANCER, /* it is of no type that has VIPs */
	REASON_FLEET_MISMATCH,    /* its class and its annotation name different fleets */

	/* With the addresses that it asks for. */
	REASON_ADDRESS_IN_USE,
	REASON_ADDRESS_NOT_IN_POOL,
	REASON_NO_ADDRESS,
	REASON_NO_POOL,
	REASON_POOL_EXHAUSTED,
	REASON_POOL_NOT_ALLOWED,
	REASON_POOL_UNKNOWN,
	REASON_QUOTA_EXCEEDED,

	/* What became of it in a fleet. */
	REASON_SERVED,
	REASON_CONFLICT,
	REASON_FLEET_FULL,
	REASON_NO_ENDPOINTS,
	REASON_TOO_LARGE,
	REASON_TOO_MANY_ENDPOINTS,
	REASON_UNUSABLE_ENDPOINTS,
	REASON_ENDPOINTS_NOT_ALLOWED,
	REASON_REFUSED_BY_KERNEL, /* some of it */
	REASON_SCHEDULER_MISSING, /* the kernel has not got the one that it asks for */
	REASON_NOT_TUNNELLED,     /* some of it, which NAT serves in place of a tunnel */
	REASON_ROUTE_CONFLICT,    /* another Service, or an aggregate, says what a route has */
	REASON_PEER_UNKNOWN,      /* one that its routes shall go to */
	REASON_AFFINITY_IS_LOCAL, /* a client stays with its pod at each load balancer alone */

	/* Of conditions. */
	REASON_ACCEPTED,
	REASON_ADDRESS_ASSIGNED,
	REASON_ANNOUNCED,
	REASON_NOT_ACCEPTED,
	REASON_NOT_ANNOUNCED,

	/* Of Events alone. */
	REASON_ADDRESS_CHANGED,
	REASON_REJECTED,
	REASON_STATUS_CONTESTED,
	REASON_WITHDRAWN,

	N_REASONS
};

/* Whether a Service with it is served, and yet something is to be told. */
bool reason_is_note(enum reason r);

/* "InvalidObject", ...; NULL for REASON_NONE. */
const char *reason_name(enum reason r);
