/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/conf_file.h"

#include "base/fsutil.h"
#include "base/mem.h"
#include "render/keepalived_conf.h"

int conf_file_write(const char *path, const struct mustache *template,
	const struct virtual_server *const servers[], size_t n_servers, struct conf_text *texts,
	struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = keepalived_conf_render(&text, &len, template, servers, n_servers, texts, e);

	return r < 0 ? r : fs_write_atomic(path, text, len, e);
}
