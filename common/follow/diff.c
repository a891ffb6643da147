/* SPDX-License-Identifier: Apache-2.0 */
#include "follow/diff.h"

#include <string.h>

#include "base/str.h"

static const void *field_of(const struct schema_key *k, const void *base)
{
	return (const char *)base + k->offset;
}

static bool same_text(const void *a, const void *b)
{
	const char *one = *(const char *const *)a, *other = *(const char *const *)b;

	return one && other ? strcmp(one, other) == 0 : one == other;
}

static bool same_net(const void *a, const void *b)
{
	return ipnet_cmp(a, b) == 0;
}

static bool same_range(const void *a, const void *b)
{
	const struct config_range *one = a, *other = b;

	return ipaddr_equal(&one->first, &other->first) && ipaddr_equal(&one->last, &other->last);
}

static bool same_address(const void *a, const void *b)
{
	return ipaddr_equal(a, b);
}

static bool same_hop(const void *a, const void *b)
{
	const struct config_next_hop *one = a, *other = b;

	return one->kind == other->kind && ipaddr_equal(&one->address, &other->address);
}

static const struct {
	size_t size; /* of the value, or of an item of the list */
	/* Of values, or of items; NULL: by their bytes, or by their own keys. */
	bool (*same)(const void *a, const void *b);
} types[] = {
	[SCHEMA_LABEL] = {sizeof(char *), same_text},
	[SCHEMA_DNS_NAME] = {sizeof(char *), same_text},
	[SCHEMA_TEXT] = {sizeof(char *), same_text},
	[SCHEMA_BOOL] = {sizeof(bool), NULL},
	[SCHEMA_LEVEL] = {sizeof(enum log_level), NULL},
	[SCHEMA_FORMAT] = {sizeof(enum log_format), NULL},
	[SCHEMA_FORWARD] = {sizeof(enum forward_method), NULL},
	[SCHEMA_TUNNEL] = {sizeof(enum encapsulation), NULL},
	[SCHEMA_ANNOUNCE] = {sizeof(enum config_announce), NULL},
	[SCHEMA_LISTEN] = {sizeof(char *), same_text},
	[SCHEMA_PATH] = {sizeof(char *), same_text},
	[SCHEMA_DURATION] = {sizeof(uint64_t), NULL},
	[SCHEMA_SECONDS] = {sizeof(uint64_t), NULL},
	[SCHEMA_AS] = {sizeof(uint32_t), NULL},
	[SCHEMA_PORT] = {sizeof(uint16_t), NULL},
	[SCHEMA_COUNT] = {sizeof(uint32_t), NULL},
	[SCHEMA_COMMUNITIES] = {sizeof(char *), same_text},
	[SCHEMA_ADDRESS] = {sizeof(struct ipaddr), same_address},
	[SCHEMA_NEXT_HOP4] = {sizeof(struct config_next_hop), same_hop},
	[SCHEMA_NEXT_HOP6] = {sizeof(struct config_next_hop), same_hop},
	[SCHEMA_PEERS] = {sizeof(struct config_peer), NULL},
	[SCHEMA_OTHER_PEERS] = {sizeof(struct config_other_peer), NULL},
	[SCHEMA_PREFIXES] = {sizeof(struct ipnet), same_net},
	[SCHEMA_POOLS] = {sizeof(struct config_pool), NULL},
	[SCHEMA_RANGES] = {sizeof(struct config_range), same_range},
	[SCHEMA_LABELS] = {sizeof(char *), same_text},
	[SCHEMA_NAMES] = {sizeof(char *), same_text},
	[SCHEMA_LINKS] = {sizeof(char *), same_text},
	[SCHEMA_VARIABLES] = {sizeof(char *), same_text},
};

/* A list in its struct. */
struct list {
	const char *items;
	size_t n;
};

static struct list list_at(const void *field)
{
	struct list list;

	memcpy(&list.items, field, sizeof list.items);
	memcpy(&list.n, (const char *)field + sizeof list.items, sizeof list.n);
	return list;
}

static bool same_item(const struct schema_key *k, const void *a, const void *b);

static bool same_list(const struct schema_key *k, const void *a, const void *b)
{
	struct list one = list_at(a), other = list_at(b);

	if (one.n != other.n)
		return false;
	for (size_t i = 0; i < one.n; i++) {
		size_t at = i * types[k->type].size;

		if (!same_item(k, one.items + at, other.items + at))
			return false;
	}
	return true;
}

static bool same_value(const struct schema_key *k, const void *a, const void *b)
{
	if (schema_is_list(k))
		return same_list(k, a, b);
	return types[k->type].same ? types[k->type].same(a, b)
				   : memcmp(a, b, types[k->type].size) == 0;
}

/* The items of lists have fewer levels than the schema has keys, so that this comes to an end. */
static bool same_item(const struct schema_key *k, const void *a, const void *b)
{
	size_t n, len = strlen(k->path);
	const struct schema_key *keys = schema_keys(&n);

	if (types[k->type].same)
		return types[k->type].same(a, b);
	for (size_t i = 0; i < n; i++) {
		const struct schema_key *below = &keys[i];

		if (str_has_prefix(below->path, k->path) &&
			str_has_prefix(below->path + len, "[].") &&
			!same_value(below, field_of(below, a), field_of(below, b)))
			return false;
	}
	return true;
}

bool config_same(const struct schema_key *k, const struct config *a, const struct config *b)
{
	return same_value(k, field_of(k, a), field_of(k, b));
}

void config_swap(const struct schema_key *k, struct config *a, struct config *b)
{
	char *one = schema_field(k, a), *other = schema_field(k, b);
	size_t size = schema_is_list(k) ? sizeof(void *) + sizeof(size_t) : types[k->type].size;

	for (size_t i = 0; i < size; i++) {
		char byte = one[i];

		one[i] = other[i];
		other[i] = byte;
	}
}
