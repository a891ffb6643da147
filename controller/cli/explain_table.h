/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/* The controller's answer to `explain`, for people, on stdout. */
void explain_table(const json_t *answer);
