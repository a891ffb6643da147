/* SPDX-License-Identifier: Apache-2.0 */
#include "render/keepalived_conf.h"

#include <errno.h>
#include <stdint.h>
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

struct conf_text conf_text_take(struct conf_text *from)
{
	struct conf_text taken = *from;

	*from = (struct conf_text){0};
	return taken;
}

struct rendering {
	const struct virtual_server *const *servers;
	struct conf_text *texts;
	size_t section; /* of the template, the one whose texts are kept; SIZE_MAX: not met yet */
};

static const char *known_text(void *ud, size_t section, size_t i, size_t *ret_len)
{
	struct rendering *r = ud;

	if (r->section == SIZE_MAX)
		r->section = section;
	if (!r->texts || r->section != section)
		return NULL;
	*ret_len = r->texts[i].len;
	return r->texts[i].text;
}

static json_t *make_item(void *ud, size_t i)
{
	const struct rendering *r = ud;

	return keepalived_view_of(r->servers[i]);
}

static void keep_text(void *ud, size_t section, size_t i, const char *text, size_t len)
{
	struct rendering *r = ud;

	if (!r->texts || r->section != section)
		return;
	r->texts[i] = (struct conf_text){.text = xcalloc(len + 1, 1), .len = len};
	memcpy(r->texts[i].text, text, len);
}

int keepalived_conf_render(char **ret_text, size_t *ret_len, const struct mustache *template,
	const struct virtual_server *const servers[], size_t n_servers, struct conf_text *texts,
	struct err *e)
{
	struct rendering r = {.servers = servers, .texts = texts, .section = SIZE_MAX};
	const struct mustache_list list = {.name = "virtual_servers",
		.n_items = n_servers,
		.text = known_text,
		.item = make_item,
		.rendered = keep_text,
		.ud = &r};
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
	const char *path = vs->check.type == CHECK_HTTP ? vs->check.path : "";
	const char *const parts[] = {protocol_name(vs->protocol),
		vs->vip.family == AF_INET6 ? " IPv6 " : " IPv4 ", scheduler_name(vs->scheduler),
		vs->persistence ? " persistent " : " ", check_shape(&vs->check), " ", path};
	size_t len = 1;
	char *shape, *end;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		len += strlen(parts[i]);
	shape = end = xcalloc(len, 1);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		end = stpcpy(end, parts[i]);
	return shape;
}
