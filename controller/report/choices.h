/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "config/listen.h"
#include "report/snapshot.h"

/*
 * Which real server a new connection from `client` is given at each virtual server of a Service, by
 * the table that the kernel holds, as JSON: docs/status.md lists the fields. Pure.
 */
json_t *choices_json(const struct snapshot *s, const struct fleet_service *svc,
	const struct listen *client) __attribute__((warn_unused_result));
