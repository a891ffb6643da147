/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "values/ipaddr.h"

/* Ethernet addresses as values. */

enum { MAC_BYTES = 6, MAC_TEXT = 3 * MAC_BYTES };

struct mac {
	uint8_t bytes[MAC_BYTES];
};

bool mac_equal(const struct mac *a, const struct mac *b);

/* Fit to be that of one interface: neither zero nor a group's. */
bool mac_is_unicast(const struct mac *m);

/* "02:00:5e:10:00:01", in ret_buf; returns ret_buf. */
const char *mac_format(char ret_buf[static MAC_TEXT], const struct mac *m);

/* To all in the network; to an IPv6 multicast group (RFC 2464, section 7). */
struct mac mac_of_all(void);
struct mac mac_of_group(const struct ipaddr *group);
