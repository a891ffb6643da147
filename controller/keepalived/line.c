/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/line.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static bool is_chatter(const char *text)
{
	static const char *const prefixes[] = {"Activating ", "Assigned ",
		"Command line:", "CPU usage", "Configuration file", "Gained quorum",
		"Initializing ipvs", "NOTICE: setting config option", "Opening file",
		"Registering Kernel", "Reinitializing ipvs", "Reload", "Running on", "Starting ",
		"Startup complete", "Stopp", " ", "read eventfd"};

	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (str_has_prefix(text, prefixes[i]))
			return true;
	/* The controller was quicker, as it should be. */
	return strstr(text, "already exists(17)") || strstr(text, "No such destination(2)") ||
	       strstr(text, "No such file or directory(2)") || strstr(text, "No such service(3)");
}

static bool take(const char **at, const char *text)
{
	if (!str_has_prefix(*at, text))
		return false;
	*at += strlen(text);
	return true;
}

static bool take_addr(struct ipaddr *ret, const char **at)
{
	char text[IPADDR_TEXT];
	struct err e = {0};
	size_t len;

	if (!take(at, "["))
		return false;
	len = strcspn(*at, "]");
	if (len >= sizeof text || (*at)[len] != ']')
		return false;
	memcpy(text, *at, len);
	text[len] = '\0';
	*at += len + 1;
	return ipaddr_parse(ret, text, &e) == 0;
}

static bool take_protocol(uint16_t *ret, const char **at)
{
	if (take(at, ":tcp:"))
		*ret = IPPROTO_TCP;
	else if (take(at, ":udp:"))
		*ret = IPPROTO_UDP;
	else if (take(at, ":sctp:"))
		*ret = IPPROTO_SCTP;
	else
		return false;
	return true;
}

/* "[10.1.1.1]:tcp:80" */
static bool take_place(struct place *ret, const char **at)
{
	char digits[sizeof "65535"];
	struct err e = {0};
	uint64_t port;
	size_t len;

	if (!take_addr(&ret->vip, at) || !take_protocol(&ret->protocol, at))
		return false;
	len = strspn(*at, "0123456789");
	if (len >= sizeof digits)
		return false;
	memcpy(digits, *at, len);
	digits[len] = '\0';
	*at += len;
	if (str_to_u64(&port, digits, 0, UINT16_MAX, &e) < 0)
		return false;
	ret->port = (uint16_t)port;
	return true;
}

/* "[172.16.0.9]:tcp:8080 of VS [10.1.1.1]:tcp:80" */
static bool take_server(struct keepalived_line *l, const char *at)
{
	struct place real;

	if (!take_place(&real, &at) ||
		!(take(&at, " of VS ") || take(&at, " to VS ") || take(&at, " from VS ")))
		return false;
	l->addr = real.vip;
	l->port = real.port;
	return take_place(&l->place, &at) && *at == '\0';
}

static enum keepalived_line_kind kind_of(struct keepalived_line *l)
{
	static const struct {
		const char *prefix;
		enum keepalived_line_kind kind;
	} words[] = {
		{"Enabling service ", KEEPALIVED_SERVER_UP},
		{"Adding service ", KEEPALIVED_SERVER_UP},
		{"Disabling service ", KEEPALIVED_SERVER_DOWN},
		{"Removing service ", KEEPALIVED_SERVER_REMOVED},
		{"Removing (inhibited) service ", KEEPALIVED_SERVER_REMOVED},
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_has_prefix(l->text, words[i].prefix) &&
			take_server(l, l->text + strlen(words[i].prefix)))
			return words[i].kind;
	/* It is ready for signals when it says the first; without a Service it says the last. */
	if (str_has_prefix(l->text, "Startup complete") ||
		str_has_prefix(l->text, "Reload complete") ||
		str_has_prefix(l->text, "Warning - keepalived has no configuration to run"))
		return KEEPALIVED_READY;
	if (str_has_prefix(l->text, "Reloading"))
		return KEEPALIVED_READING;
	return str_has_prefix(l->text, "Starting Healthcheck child process")
		       ? KEEPALIVED_CHECKS_BEGIN
		       : KEEPALIVED_OTHER;
}

struct keepalived_line keepalived_line_parse(const char *line)
{
	struct keepalived_line l = {.text = str_skip_date(line)};

	l.chatter = is_chatter(l.text);
	l.kind = kind_of(&l);
	return l;
}
