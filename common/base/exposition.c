/* SPDX-License-Identifier: Apache-2.0 */
#include "base/exposition.h"

#include <inttypes.h>

void exposition_help(FILE *out, const char *name, const char *type, const char *text)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, text, name, type);
}

void exposition_plain(
	FILE *out, const char *name, const char *type, const char *text, uint64_t value)
{
	exposition_help(out, name, type, text);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}
