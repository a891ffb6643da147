/* SPDX-License-Identifier: Apache-2.0 */
#include "render/keepalived_conf.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "model/port.h"

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

int keepalived_conf_render(char **ret_text, size_t *ret_len, const struct mustache *template,
	const json_t *view, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r;

	r = mustache_render(&text, &len, template, view, e);
	if (r < 0)
		return r;
	r = check_lines(text, e);
	if (r < 0)
		return r;
	*ret_text = steal(text);
	*ret_len = len;
	return 0;
}

static const char *check_shape(const struct health_check *check)
{
	switch (check->type) {
	case CHECK_TCP:
		return check->port ? "tcp-port" : "tcp";
	case CHECK_HTTP:
		return check->port ? "http-port" : "http";
	case CHECK_NONE:
		break;
	}
	return "none";
}

char *virtual_server_shape(const struct virtual_server *vs)
{
	return xasprintf("%s %s %s persistence=%d check=%s %s", protocol_name(vs->protocol),
		vs->vip.family == AF_INET6 ? "IPv6" : "IPv4", scheduler_name(vs->scheduler),
		vs->persistence != 0, check_shape(&vs->check),
		vs->check.type == CHECK_HTTP ? vs->check.path : "");
}
