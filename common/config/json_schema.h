/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/*
 * The JSON Schema (draft 7) of kago.yaml, for editors and for the chart's values: what schema.h
 * says of the keys. It takes whatever the programs take, and refuses unknown keys, wrong types and
 * most wrong values; ranges of durations and rules between keys are beyond it, but for one: with
 * bgp.peers there has to be bgp.as.
 */
json_t *json_schema_build(void) __attribute__((warn_unused_result));
