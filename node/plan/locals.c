/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/locals.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* An endpoint of another node; borrowed. */
struct other {
	const char *node;
	bool drains;
	json_t *endpoint;
};

static const char *node_of(const json_t *endpoint)
{
	const char *node = json_string_value(json_object_get(endpoint, "nodeName"));

	return node ? node : "";
}

static int cmp_others(const void *pa, const void *pb)
{
	const struct other *a = pa, *b = pb;
	int order = (int)b->drains - (int)a->drains;

	return order ? order : strcmp(a->node, b->node);
}

static void append(json_t *list, json_t *endpoint)
{
	if (json_array_append(list, endpoint) < 0)
		mem_exhausted();
}

/* Adds one of each of the first `max` nodes. */
static void append_first(json_t *list, struct other others[], size_t n, size_t max)
{
	size_t n_taken = 0;

	if (n > 0)
		qsort(others, n, sizeof *others, cmp_others);
	for (size_t i = 0; i < n && n_taken < max; i++) {
		bool is_new = true;

		/* Those that are taken stand in front. */
		for (size_t j = 0; j < n_taken && is_new; j++)
			is_new = strcmp(others[j].node, others[i].node) != 0;
		if (!is_new)
			continue;
		append(list, others[i].endpoint);
		others[n_taken++] = others[i];
	}
}

/* Borrowed from the object. */
static json_t *some_endpoints(const json_t *slice, const char *node, size_t n_others)
{
	const json_t *all = json_object_get(slice, "endpoints");
	CLEANUP_FREE struct other *others = NULL;
	json_t *some = json_array(), *endpoint;
	size_t i, n = 0;

	if (!some)
		mem_exhausted();
	if (n_others > 0)
		others = xcalloc(json_array_size(all), sizeof *others);
	json_array_foreach(all, i, endpoint) {
		const char *at = node_of(endpoint);
		const json_t *conditions = json_object_get(endpoint, "conditions");

		if (strcmp(at, node) == 0)
			append(some, endpoint);
		else if (others && *at)
			others[n++] = (struct other){at,
				json_is_true(json_object_get(conditions, "terminating")), endpoint};
	}
	if (others)
		append_first(some, others, n, n_others);
	return some;
}

json_t *locals_of(const json_t *slice, const char *node, size_t n_others)
{
	json_auto_t *endpoints = some_endpoints(slice, node, n_others);
	json_t *copy;

	if (json_array_size(endpoints) == 0)
		return NULL;
	copy = json_object();
	/* The members are shared with the object, which nobody changes. */
	if (!copy || json_object_update(copy, (json_t *)(uintptr_t)slice) < 0 ||
		json_object_set(copy, "endpoints", endpoints) < 0)
		mem_exhausted();
	return copy;
}
