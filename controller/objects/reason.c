/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/reason.h"

static const char *const names[N_REASONS] = {
	[REASON_INVALID_OBJECT] = "InvalidObject",
	[REASON_INVALID_ANNOTATION] = "InvalidAnnotation",
	[REASON_INVALID_SPEC] = "InvalidSpec",
	[REASON_NOT_LOAD_BALANCER] = "NotLoadBalancer",
	[REASON_FLEET_MISMATCH] = "FleetMismatch",
	[REASON_ADDRESS_IN_USE] = "AddressInUse",
	[REASON_ADDRESS_NOT_IN_POOL] = "AddressNotInPool",
	[REASON_NO_ADDRESS] = "NoAddress",
	[REASON_NO_POOL] = "NoPool",
	[REASON_POOL_EXHAUSTED] = "PoolExhausted",
	[REASON_POOL_NOT_ALLOWED] = "PoolNotAllowed",
	[REASON_POOL_UNKNOWN] = "PoolUnknown",
	[REASON_QUOTA_EXCEEDED] = "QuotaExceeded",
	[REASON_SERVED] = "Served",
	[REASON_CONFLICT] = "Conflict",
	[REASON_FLEET_FULL] = "FleetFull",
	[REASON_NO_ENDPOINTS] = "NoEndpoints",
	[REASON_TOO_LARGE] = "TooLarge",
	[REASON_TOO_MANY_ENDPOINTS] = "TooManyEndpoints",
	[REASON_UNUSABLE_ENDPOINTS] = "UnusableEndpoints",
	[REASON_ENDPOINTS_NOT_ALLOWED] = "EndpointsNotAllowed",
	[REASON_REFUSED_BY_KERNEL] = "RefusedByKernel",
	[REASON_SCHEDULER_MISSING] = "SchedulerMissing",
	[REASON_NOT_TUNNELLED] = "NotTunnelled",
	[REASON_ROUTE_CONFLICT] = "RouteConflict",
	[REASON_PEER_UNKNOWN] = "PeerUnknown",
	[REASON_AFFINITY_IS_LOCAL] = "AffinityIsLocal",
	[REASON_ACCEPTED] = "Accepted",
	[REASON_ADDRESS_ASSIGNED] = "AddressAssigned",
	[REASON_ANNOUNCED] = "Announced",
	[REASON_NOT_ACCEPTED] = "NotAccepted",
	[REASON_NOT_ANNOUNCED] = "NotAnnounced",
	[REASON_ADDRESS_CHANGED] = "AddressChanged",
	[REASON_REJECTED] = "Rejected",
	[REASON_STATUS_CONTESTED] = "StatusContested",
	[REASON_WITHDRAWN] = "Withdrawn",
};

const char *reason_name(enum reason r)
{
	return names[r];
}

bool reason_is_note(enum reason r)
{
	return r == REASON_TOO_MANY_ENDPOINTS || r == REASON_UNUSABLE_ENDPOINTS ||
	       r == REASON_ENDPOINTS_NOT_ALLOWED || r == REASON_REFUSED_BY_KERNEL ||
	       r == REASON_SCHEDULER_MISSING || r == REASON_NOT_TUNNELLED ||
	       r == REASON_ROUTE_CONFLICT || r == REASON_PEER_UNKNOWN ||
	       r == REASON_AFFINITY_IS_LOCAL;
}
