/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/lease_addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int lease_addresses_parse(struct ipaddr ret[static LIMIT_LEASE_ADDRESSES], size_t *ret_n,
	const char *text, struct err *e)
{
	CLEANUP_FREE char *copy = xstrdup(text);
	char *next = copy[0] ? copy : NULL;
	size_t n = 0;
	int r = 0;

	while (r == 0 && next) {
		const char *item = strsep(&next, ",");

		if (n == LIMIT_LEASE_ADDRESSES)
			return err_set(e, EINVAL, "more than %d addresses", LIMIT_LEASE_ADDRESSES);
		r = ipaddr_parse(&ret[n], item, e);
		if (r == 0 && !ipaddr_is_unicast(&ret[n]))
			r = err_set(e, EINVAL, "'%s' is no address of a pod or a node", item);
		n++;
	}
	if (r == 0)
		*ret_n = n;
	return r;
}

bool lease_addresses_set(struct lease_addresses *a, const char *text, struct err *e)
{
	struct lease_addresses now = {0};
	bool other;

	if (strcmp(a->text ? a->text : "", text) == 0)
		return false;
	lease_addresses_parse(now.items, &now.n_items, text, e);
	other = !ipaddrs_equal(a->items, a->n_items, now.items, now.n_items);
	now.text = xstrdup(text);
	lease_addresses_done(a);
	*a = now;
	return other;
}

void lease_addresses_done(struct lease_addresses *a)
{
	free(a->text);
	*a = (struct lease_addresses){0};
}
