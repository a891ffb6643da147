/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

/*
 * What a plain (unquoted) scalar means, as Kubernetes' reader (go-yaml v2, which is YAML 1.1) has
 *it, so that a manifest means the same here and in a cluster:
 *
 *	null	empty ~ null Null NULL
 *	boolean	true yes on y, false no off n, each also Capitalized and UPPER CASE
 *	integer	80 -1 +1 1_000 0x50 0b11 0o17 017 (octal), within 64 bits with sign
 *	real	1.5 .5 1. 1e3; an integer beyond 64 bits
 *	string	all else: dates, 1:30, and .inf and .nan, which JSON does not have
 *
 * A new reference; NULL if the text is no valid UTF-8.
 */
json_t *yaml_scalar_resolve(const char *text, size_t len) __attribute__((warn_unused_result));
