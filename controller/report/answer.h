/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "doc/jsonx.h"
#include "values/ipaddr.h"

/* The JSON of answers on the control socket: as doc/jsonx.h builds values. */

static inline json_t *answer_count(uint64_t n)
{
	return jsonx_must(json_integer((json_int_t)n));
}

static inline json_t *answer_vip(const struct ipaddr *vip)
{
	char text[IPADDR_TEXT];

	return jsonx_must(json_string(ipaddr_format(text, vip)));
}

static inline json_t *answer_vips(const struct ipaddr vips[], size_t n_vips)
{
	json_t *array = jsonx_must(json_array());

	for (size_t i = 0; i < n_vips; i++)
		jsonx_append(array, answer_vip(&vips[i]));
	return array;
}

/* Whether a prefix that the sidecar announces leads to the VIP. */
static inline bool answer_prefix_has(const json_t *prefix, const struct ipaddr *vip)
{
	const char *text = json_string_value(prefix);
	struct ipnet net;
	struct err e = {0};

	return text && ipnet_parse(&net, text, &e) == 0 && ipnet_contains(&net, vip);
}
