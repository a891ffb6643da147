/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* The word a misspelt one was probably meant to be, or NULL if none is near. */
const char *suggest_nearest(const char *text, const char *const words[], size_t n_words);
