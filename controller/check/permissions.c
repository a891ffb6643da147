/* SPDX-License-Identifier: Apache-2.0 */
#include "check/permissions.h"

#define LEASES "coordination.k8s.io", "leases", ""
#define SLICES "discovery.k8s.io", "endpointslices", ""
#define UNSERVED "nothing is served"
#define UNWRITTEN "no Service gets an address or a status"
#define UNTOLD "kubectl describe tells nothing"
#define UNLED "nobody leads, so no Service gets an address"

static const struct permission all[N_PERMISSIONS] = {
	{"", "services", "", "list", false, UNSERVED},
	{"", "services", "", "watch", false, UNSERVED},
	{"", "services", "status", "patch", false, UNWRITTEN},
	{SLICES, "list", false, UNSERVED},
	{SLICES, "watch", false, UNSERVED},
	{"", "events", "", "create", false, UNTOLD},
	{"", "events", "", "patch", false, UNTOLD},
	{LEASES, "list", true, UNLED},
	{LEASES, "watch", true, UNLED},
	{LEASES, "create", true, UNLED},
	{LEASES, "update", true, UNLED},
	{LEASES, "delete", true, "Leases of load balancers that are gone stay"},
};

const struct permission *permissions(void)
{
	return all;
}
