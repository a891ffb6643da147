/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/* The minor version in an answer to /version: 36 of "36", 29 of a provider's "29+". Else -EINVAL.
 */
int version_minor(unsigned *ret, const json_t *answer);
