/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/ipvs.h"

/*
 * Which real server the kernel's scheduler `mh` gives to a new connection: the Maglev table
 * (Eisenbud et al., NSDI 2016, section 3.4) as Linux fills it since 4.18, on 64 bits. Pure.
 *
 * The kernel fills the table by the weight that each real server had when it last had one, and
 * tells nobody. Here that is 1 of all, as kago adds them.
 */
struct maglev;

enum { MAGLEV_SLOTS = 4093 }; /* of CONFIG_IP_VS_MH_TAB_INDEX=12, the usual one */

/* `s` is as the kernel holds it: borrowed, and to outlive the table. */
struct maglev *maglev_new(const struct ipvs_service *s) __attribute__((warn_unused_result));
struct maglev *maglev_free(struct maglev *m);

/*
 * NULL: the connection is refused, for there is no real server, or it has weight 0 and the service
 * has not the flag mh-fallback. `port` counts with the flag mh-port alone.
 */
const struct ipvs_dest *maglev_choose(
	const struct maglev *m, const struct ipaddr *client, uint16_t port);
