/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <stdio.h>

/* Pieces of the Prometheus text format, version 0.0.4. */

void exposition_help(FILE *out, const char *name, const char *type, const char *text);

/* A metric without labels. */
void exposition_plain(
	FILE *out, const char *name, const char *type, const char *text, uint64_t value);
