/* SPDX-License-Identifier: Apache-2.0 */
#include "report/choices.h"

#include <string.h>

#include "net/maglev.h"
#include "report/answer.h"
#include "values/place.h"

DEFINE_CLEANUP(struct maglev *, maglev_free);

static bool may_use(const struct virtual_server *vs, const struct ipaddr *client)
{
	for (size_t i = 0; i < vs->n_sources; i++)
		if (ipnet_contains(&vs->sources[i], client))
			return true;
	return !vs->restricted;
}

/* Why not; NULL: it can be told. */
static const char *why_unknown(const struct virtual_server *vs, const struct ipvs_service *held,
	const struct ipaddr *client)
{
	if (!may_use(vs, client))
		return "is dropped: the Service lets in others only (loadBalancerSourceRanges)";
	if (!held)
		return "cannot be made: the kernel has no such virtual server";
	if (strcmp(held->scheduler, scheduler_name(SCHEDULER_MH)) != 0)
		return "goes where its scheduler sends it: only mh can be foretold";
	return NULL;
}

static json_t *choose(const struct virtual_server *vs, const struct ipvs_service *held,
	const struct listen *client)
{
	CLEANUP(maglev_freep) struct maglev *table = NULL;
	const char *why = why_unknown(vs, held, &client->addr);
	const struct ipvs_dest *dest;
	char addr[IPADDR_TEXT];

	if (why)
		return jsonx_must(json_pack("{s:s}", "why", why));
	table = maglev_new(held);
	dest = maglev_choose(table, &client->addr, client->port);
	if (!dest)
		return jsonx_must(json_pack("{s:s}", "why", "is refused: no real server is up"));
	return jsonx_must(json_pack(
		"{s:s, s:i}", "address", ipaddr_format(addr, &dest->addr), "realPort", dest->port));
}

static json_t *choice_at(
	const struct snapshot *s, const struct virtual_server *vs, const struct listen *client)
{
	const struct ipvs_service *held =
		s->kernel ? ipvs_table_find(s->kernel, &vs->vip, vs->protocol, vs->port) : NULL;
	json_t *choice = choose(vs, held, client);

	jsonx_set(choice, "vip", answer_vip(&vs->vip));
	jsonx_set(choice, "port", answer_count(vs->port));
	jsonx_set(choice, "protocol", json_string(place_protocol(vs->protocol)));
	return choice;
}

json_t *choices_json(
	const struct snapshot *s, const struct fleet_service *svc, const struct listen *client)
{
	json_t *array = jsonx_must(json_array());

	for (size_t i = 0; i < s->fleet->n_servers; i++) {
		const struct virtual_server *vs = s->fleet->servers[i];

		if (vs->ns == svc->ns && vs->name == svc->name &&
			vs->vip.family == client->addr.family)
			jsonx_append(array, choice_at(s, vs, client));
	}
	return array;
}
