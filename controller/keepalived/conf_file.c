/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/conf_file.h"

#include "base/fsutil.h"
#include "base/mem.h"
#include "render/keepalived_conf.h"

int conf_file_write(const void *arg, struct err *e)
{
	const struct conf_file *f = arg;
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = keepalived_conf_render(&text, &len, f->template, f->servers, f->n_servers, e);

	return r < 0 ? r : fs_write_atomic(f->path, text, len, e);
}
