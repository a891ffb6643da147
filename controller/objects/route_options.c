/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/route_options.h"

static struct attributes *route_of(struct policy *p)
{
	if (!p->route)
		p->route = attributes_new();
	return p->route;
}

int route_options_communities(struct policy *p, const char *text, struct err *e)
{
	return attributes_set_communities(route_of(p), text, e);
}

int route_options_local_preference(struct policy *p, const char *text, struct err *e)
{
	return attributes_set_local_preference(route_of(p), text, e);
}

int route_options_med(struct policy *p, const char *text, struct err *e)
{
	return attributes_set_med(route_of(p), text, e);
}

int route_options_prepend(struct policy *p, const char *text, struct err *e)
{
	return attributes_set_prepend(route_of(p), text, e);
}

int route_options_peers(struct policy *p, const char *text, struct err *e)
{
	return attributes_set_peers(route_of(p), text, e);
}
