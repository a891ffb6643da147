/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int command_unusable(const struct err *e)
{
	fprintf(stderr, "kago-controller: %s\n", e->msg);
	return COMMAND_UNUSABLE;
}

bool command_wants_json(const char *value, const struct argp_state *state)
{
	if (strcmp(value, "json") != 0 && strcmp(value, "table") != 0)
		argp_error(state, "--output %s: use table or json", value);
	return strcmp(value, "json") == 0;
}

int command_print(const char *text, size_t len)
{
	struct err e = {0};

	if (fwrite(text, 1, len, stdout) == len && fflush(stdout) == 0)
		return COMMAND_OK;
	err_errno(&e, errno, "standard output");
	return command_unusable(&e);
}
