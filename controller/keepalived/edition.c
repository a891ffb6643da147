/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/edition.h"

#include <string.h>

#include "base/log.h"
#include "decide/fleet_diff.h"

struct edition edition_of(
	struct fleet *fleet, bool (*leave_out)(void *ud, const struct virtual_server *vs), void *ud)
{
	struct edition ed = {.fleet = fleet_ref(fleet)};

	ed.servers = xcalloc(fleet->n_servers, sizeof *ed.servers);
	for (size_t i = 0; i < fleet->n_servers; i++)
		if (!leave_out(ud, fleet->servers[i]))
			ed.servers[ed.n_servers++] = fleet->servers[i];
	return ed;
}

struct edition edition_copy(const struct edition *ed)
{
	struct edition copy = {.fleet = fleet_ref(ed->fleet), .n_servers = ed->n_servers};

	copy.servers = xcalloc(ed->n_servers, sizeof *copy.servers);
	for (size_t i = 0; i < ed->n_servers; i++)
		copy.servers[i] = ed->servers[i];
	return copy;
}

void edition_done(struct edition *ed)
{
	free(ed->servers);
	fleet_unref(ed->fleet);
	*ed = (struct edition){0};
}

struct edition edition_take(struct edition *from)
{
	struct edition taken = *from;

	*from = (struct edition){0};
	return taken;
}

bool edition_same(const struct edition *a, const struct edition *b)
{
	const struct fleet_diff d =
		fleet_diff(a->servers, a->n_servers, b->servers, b->n_servers, NULL, NULL);

	return a->fleet && b->fleet && fleet_diff_empty(&d);
}

bool edition_has(const struct edition *ed, const struct place *place, const struct ipaddr *addr,
	uint16_t port)
{
	const struct virtual_server *vs = virtual_server_find(ed->servers, ed->n_servers, place);

	return vs && virtual_server_real(vs, addr, port);
}

void edition_log(const struct edition *before, const struct edition *now)
{
	const struct fleet_diff d = fleet_diff(
		before->servers, before->n_servers, now->servers, now->n_servers, NULL, NULL);

	log_info("config.written", LOG_UINT("virtual_servers", now->n_servers),
		LOG_UINT("added", d.services_added), LOG_UINT("removed", d.services_removed),
		LOG_UINT("changed", d.services_changed),
		LOG_UINT("real_servers_added", d.reals_added),
		LOG_UINT("real_servers_removed", d.reals_removed),
		LOG_UINT("real_servers_changed", d.reals_changed));
}
