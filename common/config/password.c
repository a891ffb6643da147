/* SPDX-License-Identifier: Apache-2.0 */
#include "config/password.h"

#include <errno.h>

#include "base/fsutil.h"
#include "base/mem.h"

int password_read(char **ret, size_t *ret_len, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, path, PASSWORD_FILE_MAX, e);

	if (r < 0)
		return r;
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len == 0 || len > PASSWORD_MAX)
		return err_set(e, EINVAL, "the password in %s must have 1 to %d bytes", path,
			PASSWORD_MAX);
	text[len] = '\0';
	*ret = steal(text);
	*ret_len = len;
	return 0;
}
