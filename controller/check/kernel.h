/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "check/findings.h"

/* What the kernel lets us do. An error is NULL where something works; strings are owned. */
struct kernel_facts {
	bool net_admin; /* CAP_NET_ADMIN is effective; without it only IPVS itself was looked for */
	char *ipvs_error;
	char *missing_schedulers; /* "lc, mh"; NULL: none */
	char *scheduler_error;    /* why one could not be tried */
	char *ipv6_error;         /* of a virtual server with an IPv6 address */
	char *nft_error;
	char *tunnel;       /* the kind that Services get, "gue"; NULL: none was tried */
	char *tunnel_error; /* of a real server behind one */
};

void kernel_judge(struct findings *f, const struct kernel_facts *k);
void kernel_facts_done(struct kernel_facts *k);
