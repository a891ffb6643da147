/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/*
 * What somebody should do who wants a Service to work, from all else that explain_service says: one
 * sentence for people, of several things the first. NULL: nothing. Pure.
 */
char *advice_for(const json_t *answer) __attribute__((warn_unused_result));
