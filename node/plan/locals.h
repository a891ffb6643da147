/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

/*
 * What an EndpointSlice (discovery.k8s.io/v1) has on one node: a copy of the object with those of
 * its endpoints alone whose nodeName is `node`, and with one of each of `n_others` other nodes at
 * most, such as plan/doors.h is about: those with endpoints that terminate come first, then the
 * first ones by name. NULL when it has none; of what is no list of endpoints nothing is on a node.
 * The caller has the reference.
 */
json_t *locals_of(const json_t *slice, const char *node, size_t n_others)
	__attribute__((warn_unused_result));
