/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "l2/mac.h"

/* MAC addresses for tests, by their last byte. */

static inline struct mac mac_number(uint8_t last)
{
	return (struct mac){{0x02, 0, 0, 0, 0, last}};
}

static inline void assert_mac(const struct mac *found, const struct mac *wanted)
{
	char text[2][MAC_TEXT];

	assert_string_equal(mac_format(text[0], found), mac_format(text[1], wanted));
}
