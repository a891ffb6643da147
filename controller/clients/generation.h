/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"

/* A number that changes with every transaction of anybody in nftables, in the network namespace we
 * are in. One round trip to the kernel. */
int generation_read(uint32_t *ret, struct err *e);
