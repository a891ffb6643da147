/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_report.h"

#include <string.h>

#include "doc/jsonx.h"

enum { SECOND = 1000 * 1000 };

static json_t *peer_json(
	const struct session *s, size_t index, const struct routes_out *taken, uint64_t now)
{
	size_t n = s->up ? routes_out_count(taken, (peer_set)1 << index) : 0;
	json_t *peer = jsonx_must(json_object());
	char text[IPADDR_TEXT];

	jsonx_set(peer, "peer", json_string(ipaddr_format(text, &s->config->address)));
	jsonx_set(peer, "name", json_string(s->config->name));
	jsonx_set(peer, "as", json_integer((json_int_t)s->config->as));
	jsonx_set(peer, "up", json_boolean(s->up));
	jsonx_set(peer, "changes", json_integer((json_int_t)s->n_changes));
	jsonx_set(peer, "routes", json_integer((json_int_t)n));
	jsonx_set(peer, "lastError", json_stringn_nocheck(s->last_error, strlen(s->last_error)));
	if (now && s->since)
		jsonx_set(peer, "sinceSeconds",
			json_integer((json_int_t)((now - s->since) / SECOND)));
	return peer;
}

json_t *bgp_report_peers(const struct sessions *s, const struct routes_out *taken, uint64_t now)
{
	json_t *list = jsonx_must(json_array());

	for (size_t i = 0; i < sessions_count(s); i++)
		jsonx_append(list, peer_json(sessions_at(s, i), i, taken, now));
	return list;
}

static void add_attributes(json_t *route, const struct attributes *a)
{
	char communities[COMMUNITIES_TEXT];

	if (a->said & ATTRIBUTES_COMMUNITIES)
		jsonx_set(route, "communities",
			json_string(communities_format(communities, &a->communities)));
	if (a->said & ATTRIBUTES_LOCAL_PREFERENCE)
		jsonx_set(route, "localPreference", json_integer((json_int_t)a->local_preference));
	if (a->said & ATTRIBUTES_MED)
		jsonx_set(route, "med", json_integer((json_int_t)a->med));
	if (a->prepend)
		jsonx_set(route, "asPathPrepend", json_integer((json_int_t)a->prepend));
}

static json_t *route_json(const struct route *r, const struct sessions *s)
{
	json_t *route = jsonx_must(json_object()), *peers = jsonx_must(json_array());
	char net[IPNET_TEXT], addr[IPADDR_TEXT];

	for (size_t i = 0; i < sessions_count(s); i++)
		if (r->peers & (peer_set)1 << i)
			jsonx_append(peers, json_string(ipaddr_format(
						    addr, &sessions_at(s, i)->config->address)));
	jsonx_set(route, "prefix", json_string(ipnet_format(net, &r->net)));
	if (r->next_hop.family)
		jsonx_set(route, "nextHop", json_string(ipaddr_format(addr, &r->next_hop)));
	if (r->extended_hop.family)
		jsonx_set(route, "extendedNextHop",
			json_string(ipaddr_format(addr, &r->extended_hop)));
	jsonx_set(route, "peers", peers);
	if (r->attributes)
		add_attributes(route, r->attributes);
	return route;
}

json_t *bgp_report_routes(const struct routes_out *taken, const struct sessions *s)
{
	json_t *list = jsonx_must(json_array());

	for (size_t i = 0; i < taken->n_items; i++)
		jsonx_append(list, route_json(&taken->items[i], s));
	return list;
}
