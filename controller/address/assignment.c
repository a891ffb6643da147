/* SPDX-License-Identifier: Apache-2.0 */
#include "address/assignment.h"

#include <stdlib.h>

#include "base/str.h"

struct assignment *assignment_new(struct service *s)
{
	struct assignment *a = xnew0(struct assignment);

	a->service = service_ref(s);
	return a;
}

struct assignment *assignment_free(struct assignment *a)
{
	if (!a)
		return NULL;
	service_unref(a->service);
	free(a->vips);
	free(a->message);
	free(a);
	return NULL;
}

bool assignment_has(const struct assignment *a, const struct ipaddr *addr)
{
	return ipaddrs_have(a->vips, a->n_vips, addr);
}

void assignment_add(struct assignment *a, const struct ipaddr *addr)
{
	size_t i = a->n_vips;

	a->vips = xreallocarray(a->vips, a->n_vips + 1, sizeof *a->vips);
	for (; i > 0 && ipaddr_cmp(&a->vips[i - 1], addr) > 0; i--)
		a->vips[i] = a->vips[i - 1];
	a->vips[i] = *addr;
	a->n_vips++;
}

void assignment_refuse(struct assignment *a, enum reason reason, char *message)
{
	free(a->message);
	a->reason = reason;
	a->message = message;
}

void assignment_approve(struct assignment *a)
{
	assignment_refuse(a, REASON_NONE, NULL);
}

bool assignment_equal(const struct assignment *a, const struct assignment *b)
{
	return ipaddrs_equal(a->vips, a->n_vips, b->vips, b->n_vips) && a->reason == b->reason &&
	       str_equal(a->message, b->message) && a->pool == b->pool;
}
