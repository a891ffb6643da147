/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "check/findings.h"

/* One of the sysctls that kernel/sysctl.h lists; strings are owned. */
struct sysctl_fact {
	char *name;
	char *wanted, *found; /* found: NULL when there is no such sysctl */
	char *loss;           /* what happens without it */
	char *refusal;        /* why it could not be set; NULL: nobody tried, or it could */
	bool required;        /* NAT Services don't work without it */
	bool for_ipv6;        /* those with IPv6 VIPs, that is */
	bool was_set;         /* just now */
};

struct sysctls_facts {
	struct sysctl_fact *items;
	size_t n_items;
};

/* `has_ipv6`: there is an IPv6 address of ours, so that there may be IPv6 VIPs. */
void sysctls_judge(struct findings *f, const struct sysctls_facts *s, bool has_ipv6);
void sysctls_facts_done(struct sysctls_facts *s);
