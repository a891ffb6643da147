/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/held.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/timestamp.h"
#include "doc/jsonx.h"

static const char *const type_names[N_CONDITIONS] = {
	[CONDITION_ACCEPTED] = "kago.dev/Accepted",
	[CONDITION_ADDRESS_ASSIGNED] = "kago.dev/AddressAssigned",
	[CONDITION_ANNOUNCED] = "kago.dev/Announced",
};

const char *condition_type_name(enum condition_type type)
{
	return type_names[type];
}

static int add_bytes(const char *bytes, size_t len, void *ud)
{
	digest_add(ud, bytes, len);
	return 0;
}

static uint64_t digest_of(const json_t *value)
{
	uint64_t digest = DIGEST_INIT;

	json_dump_callback(value, add_bytes, &digest, JSON_COMPACT | JSON_SORT_KEYS);
	return digest ? digest : 1;
}

uint64_t held_ingress_digest(const json_t *ingress)
{
	return digest_of(ingress);
}

uint64_t held_condition_digest(const json_t *condition)
{
	json_auto_t *copy = json_copy((json_t *)(uintptr_t)condition);

	json_object_del(copy, "lastTransitionTime");
	return digest_of(copy);
}

static int vip_cmp(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

static void decode_vips(struct held *ret, const json_t *ingress)
{
	const json_t *item;
	struct err e = {0};
	size_t i, kept = 0;

	ret->vips = xcalloc(json_array_size(ingress), sizeof *ret->vips);
	json_array_foreach(ingress, i, item) {
		const char *text = json_string_value(json_object_get(item, "ip"));

		if (text && ipaddr_parse(&ret->vips[ret->n_vips], text, &e) == 0)
			ret->n_vips++;
	}
	qsort(ret->vips, ret->n_vips, sizeof *ret->vips, vip_cmp);
	for (i = 0; i < ret->n_vips; i++)
		if (kept == 0 || !ipaddr_equal(&ret->vips[kept - 1], &ret->vips[i]))
			ret->vips[kept++] = ret->vips[i];
	ret->n_vips = kept;
}

static void decode_condition(struct held_condition *ret, const json_t *condition)
{
	const char *status = json_string_value(json_object_get(condition, "status"));
	const char *since = json_string_value(json_object_get(condition, "lastTransitionTime"));
	struct err e = {0};

	ret->digest = held_condition_digest(condition);
	ret->status = status && *status ? *status : 'U';
	if (since)
		timestamp_parse(&ret->since, since, &e);
}

static void decode_conditions(struct held *ret, const json_t *conditions)
{
	const json_t *condition;
	size_t i;

	json_array_foreach(conditions, i, condition) {
		const char *type = json_string_value(json_object_get(condition, "type"));

		for (size_t k = 0; type && k < N_CONDITIONS; k++)
			if (strcmp(type, type_names[k]) == 0)
				decode_condition(&ret->conditions[k], condition);
	}
}

void held_decode(struct held *ret, const json_t *object)
{
	json_t *list = NULL;
	struct err e = {0};

	*ret = (struct held){0};
	if (jsonx_array(&list, object, "status.loadBalancer.ingress", &e) == 0 &&
		json_array_size(list) > 0) {
		decode_vips(ret, list);
		ret->ingress_digest = held_ingress_digest(list);
	}
	list = NULL;
	if (jsonx_array(&list, object, "status.conditions", &e) == 0)
		decode_conditions(ret, list);
}

void held_done(struct held *h)
{
	free(h->vips);
	*h = (struct held){0};
}

/* The addresses are part of the ingress. */
bool held_equal(const struct held *a, const struct held *b)
{
	bool same = a->ingress_digest == b->ingress_digest;

	for (size_t i = 0; i < N_CONDITIONS; i++)
		same = same && a->conditions[i].digest == b->conditions[i].digest &&
		       a->conditions[i].since == b->conditions[i].since;
	return same;
}

void held_keep(struct held *now, const struct held *before)
{
	uint64_t said = before->conditions[CONDITION_ADDRESS_ASSIGNED].digest;

	if (!said || now->conditions[CONDITION_ADDRESS_ASSIGNED].digest != said)
		return;
	now->vips = xreallocarray(now->vips, before->n_vips + 1, sizeof *now->vips);
	for (size_t i = 0; i < before->n_vips; i++)
		now->vips[i] = before->vips[i];
	now->n_vips = before->n_vips;
}

bool held_is_marked(const struct held *h)
{
	for (size_t i = 0; i < N_CONDITIONS; i++)
		if (h->conditions[i].digest)
			return true;
	return false;
}

bool held_is_well(const struct held *h)
{
	for (size_t i = 0; i < N_CONDITIONS; i++)
		if (h->conditions[i].status != 'T')
			return false;
	return true;
}
