/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "objects/service.h"

/*
 * What a Service asks for, as JSON, defaults included: docs/status.md lists the fields. Of one that
 * is wrong only the fleet, for the rest may not have been read. Pure.
 */
json_t *asks_json(const struct service *s, const struct fleet_rules *rules)
	__attribute__((warn_unused_result));
