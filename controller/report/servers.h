/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "report/snapshot.h"

/*
 * What Services were decided to have and what IPVS holds of it, as JSON: compact, with sorted
 * keys. A fleet has up to a hundred thousand real servers, of which values are not made: that takes
 * ten times as long as writing the text does. docs/status.md lists the fields. Pure.
 */

/* The list `services` of a status. */
void servers_write_all(FILE *out, const struct snapshot *s);

/* The list `virtualServers` of one Service. */
void servers_write(FILE *out, const struct snapshot *s, const struct fleet_service *svc);
