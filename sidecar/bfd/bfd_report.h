/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "bfd/bfd.h"

/*
 * Adds to each of bgp_report_peers that is to have a BFD session
 * "bfd":{"up":true,"state":"Up","sinceSeconds":5}. `now` as there.
 */
void bfd_report_add(json_t *peers, const struct bfd *b, uint64_t now);
