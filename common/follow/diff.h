/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "config/schema.h"

/* What two configurations have in common, key by key. Pure. */

/* Whether both have the same value of a key; of a list, the same items in the same order. */
bool config_same(const struct schema_key *k, const struct config *a, const struct config *b);

/* Exchanges what both have for a key; not for what is below a list. */
void config_swap(const struct schema_key *k, struct config *a, struct config *b);
