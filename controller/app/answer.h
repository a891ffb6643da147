/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "base/mem.h"

/*
 * The JSON of answers on the control socket. jansson copies what it is given; a failure is lack of
 * memory, which ends the program.
 */

static inline json_t *answer_must(json_t *value)
{
	if (!value)
		mem_exhausted();
	return value;
}

/* Consumes `value`. */
static inline void answer_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, answer_must(value)) < 0)
		mem_exhausted();
}

/* Consumes `value`. */
static inline void answer_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, answer_must(value)) < 0)
		mem_exhausted();
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
