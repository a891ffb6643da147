/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>
#include <stdio.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"

int command_read_template(struct mustache **ret, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r;

	r = fs_read(&text, &len, path, LIMIT_TEMPLATE_BYTES, e);
	if (r < 0)
		return r;
	r = mustache_parse(ret, text, len, e);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

int command_unusable(const struct err *e)
{
	fprintf(stderr, "kago-controller: %s\n", e->msg);
	return COMMAND_UNUSABLE;
}

int command_print(const char *text, size_t len)
{
	struct err e = {0};

	if (fwrite(text, 1, len, stdout) == len && fflush(stdout) == 0)
		return COMMAND_OK;
	err_errno(&e, errno, "standard output");
	return command_unusable(&e);
}
