/* SPDX-License-Identifier: Apache-2.0 */
#include "render/keepalived_conf.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

static int check_lines(const char *text, struct err *e)
{
	for (size_t line = 1; *text; line++) {
		size_t len = strcspn(text, "\n");

		if (len >= LIMIT_KEEPALIVED_LINE)
			return err_set(e, EINVAL,
				"line %zu of the result has %zu bytes; keepalived takes less than "
				"%d",
				line, len, LIMIT_KEEPALIVED_LINE);
		text += len + (text[len] == '\n');
	}
	return 0;
}

struct source {
	const struct virtual_server *const *servers;
	json_t *view; /* of the one that is being written */
};

static json_t *make_item(void *ud, size_t i)
{
	struct source *s = ud;

	keepalived_view_set(s->view, s->servers[i]);
	return json_incref(s->view);
}

int keepalived_conf_render(char **ret_text, size_t *ret_len, const struct mustache *template,
	const struct virtual_server *const servers[], size_t n_servers, struct err *e)
{
	json_auto_t *view = json_object();
	struct source source = {servers, view};
	const struct mustache_list list = {
		.name = "virtual_servers", .n_items = n_servers, .item = make_item, .ud = &source};
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int n = mustache_render_list(&text, &len, template, &list, e);

	if (n == 0)
		n = check_lines(text, e);
	if (n < 0)
		return n;
	*ret_text = steal(text);
	*ret_len = len;
	return 0;
}
