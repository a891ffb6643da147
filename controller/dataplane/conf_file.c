/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/conf_file.h"

#include <string.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "render/keepalived_conf.h"
#include "render/packaged_template.h"

int conf_file_load_template(
	struct mustache **ret, bool *ret_packaged, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, path, LIMIT_TEMPLATE_BYTES, e);

	if (r < 0)
		return r;
	r = mustache_parse(ret, text, len, e);
	if (r < 0)
		return err_wrap(e, "template %s", path);
	*ret_packaged = len == packaged_template_len && memcmp(text, packaged_template, len) == 0;
	return 0;
}

int conf_file_write(const char *path, const struct mustache *template,
	const struct virtual_server *const servers[], size_t n_servers, struct err *e)
{
	json_auto_t *view = keepalived_view(servers, n_servers);
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = keepalived_conf_render(&text, &len, template, view, e);

	return r < 0 ? r : fs_write_atomic(path, text, len, e);
}
