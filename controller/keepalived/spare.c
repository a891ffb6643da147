/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/spare.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "render/keepalived_conf.h"

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* "ADDRESS PORT", as keepalived reads it: any blanks between both. */
static bool is_at(const char *text, const char *addr, const char *port)
{
	size_t len = strlen(addr);

	text = skip_blanks(text);
	if (strncmp(text, addr, len) != 0 || !strchr(" \t", text[len]) || !text[len])
		return false;
	text = skip_blanks(text + len);
	len = strspn(text, "0123456789");
	return len == strlen(port) && strncmp(text, port, len) == 0;
}

bool spare_is(const struct mustache *template, const struct virtual_server *vs,
	const struct ipaddr *addr, uint16_t port)
{
	static const char word[] = "sorry_server";
	char addr_text[IPADDR_TEXT], port_text[sizeof "65535"];
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	if (keepalived_conf_render(&text, &len, template, &vs, 1, &e) < 0)
		return false;
	ipaddr_format(addr_text, addr);
	snprintf(port_text, sizeof port_text, "%u", port);
	for (const char *at = text; (at = strstr(at, word)); at++)
		if (is_at(at + sizeof word - 1, addr_text, port_text))
			return true;
	return false;
}
