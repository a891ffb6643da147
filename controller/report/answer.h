/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "doc/jsonx.h"

/* The JSON of answers on the control socket: as doc/jsonx.h builds values. */

static inline json_t *answer_must(json_t *value)
{
	return jsonx_must(value);
}

/* Consumes `value`. */
static inline void answer_append(json_t *array, json_t *value)
{
	jsonx_append(array, value);
}

/* Consumes `value`. */
static inline void answer_set(json_t *object, const char *key, json_t *value)
{
	jsonx_set(object, key, value);
}

static inline json_t *answer_count(uint64_t n)
{
	return answer_must(json_integer((json_int_t)n));
}

static inline json_t *answer_vip(const struct ipaddr *vip)
{
	char text[IPADDR_TEXT];

	return answer_must(json_string(ipaddr_format(text, vip)));
}

static inline json_t *answer_vips(const struct ipaddr vips[], size_t n_vips)
{
	json_t *array = answer_must(json_array());

	for (size_t i = 0; i < n_vips; i++)
		answer_append(array, answer_vip(&vips[i]));
	return array;
}
