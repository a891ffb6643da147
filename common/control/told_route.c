/* SPDX-License-Identifier: Apache-2.0 */
#include "control/told_route.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void set(json_t *item, const char *key, const char *text)
{
	json_t *value = json_string(text);

	if (!value || json_object_set_new(item, key, value) < 0)
		mem_exhausted();
}

static void set_number(json_t *item, const char *key, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof text, "%" PRIu32, number);
	set(item, key, text);
}

static void say(json_t *item, const struct attributes *a)
{
	char communities[COMMUNITIES_TEXT];

	if (a->said & ATTRIBUTES_COMMUNITIES)
		set(item, "communities", communities_format(communities, &a->communities));
	if (a->said & ATTRIBUTES_LOCAL_PREFERENCE)
		set_number(item, "localPreference", a->local_preference);
	if (a->said & ATTRIBUTES_MED)
		set_number(item, "med", a->med);
	if (a->said & ATTRIBUTES_PREPEND)
		set_number(item, "asPathPrepend", a->prepend);
	if (a->said & ATTRIBUTES_PEERS) {
		CLEANUP_FREE char *peers = attributes_peers_text(a);

		set(item, "peers", peers);
	}
}

json_t *told_route_build(const struct told_route *r)
{
	json_t *item = json_object();
	char net[IPNET_TEXT];

	if (!item)
		mem_exhausted();
	set(item, "prefix", ipnet_format(net, &r->net));
	if (r->attributes)
		say(item, r->attributes);
	return item;
}

static const struct {
	const char *key;
	int (*set)(struct attributes *a, const char *text, struct err *e);
} parts[] = {
	{"communities", attributes_set_communities},
	{"localPreference", attributes_set_local_preference},
	{"med", attributes_set_med},
	{"asPathPrepend", attributes_set_prepend},
	{"peers", attributes_set_peers},
};

static int decode_parts(struct attributes *a, const json_t *item, struct err *e)
{
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		const json_t *value = json_object_get(item, parts[i].key);
		const char *text = json_string_value(value);

		if (!value)
			continue;
		if (!text)
			return err_set(e, EINVAL, "%s: is no text", parts[i].key);
		if (parts[i].set(a, text, e) < 0)
			return err_wrap(e, "%s", parts[i].key);
	}
	return 0;
}

int told_route_decode(struct told_route *ret, const json_t *item, struct err *e)
{
	CLEANUP(attributes_unrefp) struct attributes *a = attributes_new();
	const char *text = json_string_value(json_object_get(item, "prefix"));
	struct ipnet net;
	int r = ipnet_parse(&net, text ? text : "", e);

	if (r == 0)
		r = decode_parts(a, item, e);
	if (r < 0)
		return r;
	*ret = (struct told_route){net, a->said ? steal(a) : NULL};
	return 0;
}
