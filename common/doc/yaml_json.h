/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

/*
 * The value of a text that is one JSON object or list, within limits.h. NULL for any other: what is
 * wrong with it, or right as YAML, is for libyaml to say.
 */
json_t *yaml_json_parse(const char *text, size_t len) __attribute__((warn_unused_result));
