/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/shapes.h"

#include "base/mem.h"

void shapes_done(struct shapes *s)
{
	for (size_t i = 0; i < SHAPES; i++)
		free(s->items[i].complaint);
	*s = (struct shapes){0};
}

static unsigned protocol_of(const struct virtual_server *vs)
{
	return vs->protocol == IPPROTO_TCP ? 0 : vs->protocol == IPPROTO_UDP ? 1 : 2;
}

/* A check on a port of its own, or for a host, has lines of its own. */
static unsigned check_of(const struct health_check *check, bool translates)
{
	unsigned lines = (check->port != 0 || translates) + 2U * (check->host != NULL);

	return check->type == CHECK_NONE ? 0 : 1 + 4 * ((unsigned)check->type - 1) + lines;
}

unsigned shape_of(const struct virtual_server *vs)
{
	unsigned shape = protocol_of(vs);
	bool translates = false, gue = false;

	for (size_t i = 0; i < vs->n_reals; i++) {
		gue |= vs->reals[i].forward.encapsulation == ENCAPSULATION_GUE;
		translates |= vs->reals[i].forward.method == FORWARD_TUNNEL &&
			      vs->reals[i].target != vs->port;
	}
	shape = 2 * shape + (vs->vip.family == AF_INET6);
	shape = 6 * shape + (unsigned)vs->scheduler;
	shape = 2 * shape + (vs->persistence > 0);
	shape = 3 * shape + virtual_server_tunnels(vs) + gue;
	return SHAPE_CHECKS * shape + check_of(&vs->check, translates);
}

void shapes_record(struct shapes *s, unsigned shape, enum shape_state state, const char *complaint)
{
	free(s->items[shape].complaint);
	s->items[shape].complaint = state == SHAPE_REFUSED ? xstrdup(complaint) : NULL;
	s->items[shape].state = state;
}
