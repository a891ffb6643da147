/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/mac.h"

#include <stdio.h>
#include <string.h>

bool mac_equal(const struct mac *a, const struct mac *b)
{
	return memcmp(a->bytes, b->bytes, MAC_BYTES) == 0;
}

bool mac_is_unicast(const struct mac *m)
{
	static const struct mac zero;

	return !(m->bytes[0] & 1) && !mac_equal(m, &zero);
}

const char *mac_format(char ret_buf[static MAC_TEXT], const struct mac *m)
{
	const uint8_t *b = m->bytes;

	snprintf(ret_buf, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		b[5]);
	return ret_buf;
}

struct mac mac_of_all(void)
{
	return (struct mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
}

struct mac mac_of_group(const struct ipaddr *group)
{
	struct mac m = {{0x33, 0x33}};

	memcpy(m.bytes + 2, group->bytes + 12, 4);
	return m;
}
