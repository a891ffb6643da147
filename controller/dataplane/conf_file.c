/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/conf_file.h"

#include "base/fsutil.h"
#include "base/mem.h"
#include "render/keepalived_conf.h"

int conf_file_write(const char *path, const struct mustache *template,
	const struct virtual_server *const servers[], size_t n_servers, struct err *e)
{
	json_auto_t *view = keepalived_view(servers, n_servers);
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = keepalived_conf_render(&text, &len, template, view, e);

	return r < 0 ? r : fs_write_atomic(path, text, len, e);
}
