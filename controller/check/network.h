/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "check/findings.h"

enum { RP_FILTER_UNKNOWN = -1, RP_FILTER_STRICT = 1 };

/* An interface that is up and has an address, other than the loopback. */
struct interface_fact {
	char *name;
	unsigned mtu;
	int rp_filter; /* as it works: the higher one of its own and that of all */
	bool ipv4, ipv6;
};

/* Where the controller shall serve HTTP. */
struct listen_fact {
	char *at;    /* as configured; "" is nowhere */
	char *error; /* why it cannot be used */
};

struct network_facts {
	struct interface_fact *interfaces;
	size_t n_interfaces;
	struct listen_fact listen, probes; /* http.listen, http.probes */
};

void network_judge(struct findings *f, const struct network_facts *n);

/* An interface has an IPv6 address that can be reached from elsewhere. */
bool network_has_ipv6(const struct network_facts *n);
void network_facts_done(struct network_facts *n);
