/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "config/listen.h"
#include "config/schema.h"
#include "values/community.h"
#include "values/dns.h"
#include "values/forward.h"
#include "values/ipaddr.h"

static void replace(void *field, const char *text)
{
	char **string = field;

	free(*string);
	*string = xstrdup(text);
}

static int set_label(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if ((*text || k->min > 0) && !dns_label_valid(text))
		return err_set(e, EINVAL,
			"%s is not a DNS label: up to %d of a-z, 0-9 and -, no - at the ends",
			str_quote(quoted, text), DNS_LABEL_MAX);
	replace(field, text);
	return 0;
}

static int set_dns_name(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if ((*text || k->min > 0) && !dns_subdomain_valid(text))
		return err_set(e, EINVAL,
			"%s is not a DNS name: labels of a-z, 0-9 and - with dots between them, "
			"up to %d bytes",
			str_quote(quoted, text), LIMIT_NAME);
	replace(field, text);
	return 0;
}

static int set_text(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	size_t len = strlen(text);

	if (len > k->max)
		return err_set(e, EINVAL, "longer than %" PRIu64 " bytes", k->max);
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)text[i]))
			return err_set(
				e, EINVAL, "%s has control characters", str_quote(quoted, text));
	replace(field, text);
	return 0;
}

static int set_bool(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	(void)k;
	return str_to_bool(field, text, e);
}

static int set_level(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	(void)k;
	return log_level_parse(field, text, e);
}

static int set_format(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	(void)k;
	return log_format_parse(field, text, e);
}

static int set_forward(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	(void)k;
	return forward_method_parse(field, text, e);
}

static int set_encapsulation(
	const struct schema_key *k, void *field, const char *text, struct err *e)
{
	(void)k;
	return encapsulation_parse(field, text, e);
}

static int set_announce(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	static const char *const names[] = {[CONFIG_ANNOUNCE_BGP] = "bgp",
		[CONFIG_ANNOUNCE_L2] = "l2",
		[CONFIG_ANNOUNCE_EXEC] = "exec"};
	char quoted[STR_QUOTED_SIZE];
	enum config_announce *way = field;

	(void)k;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(text, names[i]) == 0) {
			*way = (enum config_announce)i;
			return 0;
		}
	return err_set(e, EINVAL, "%s is not bgp, l2 or exec", str_quote(quoted, text));
}

static int set_listen(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	struct listen listen;

	(void)k;
	if (*text && listen_parse(&listen, text, e) < 0)
		return err_wrap(e, "%s is not ADDRESS:PORT, [ADDRESS]:PORT or pod:PORT",
			str_quote(quoted, text));
	replace(field, text);
	return 0;
}

static int set_path(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	size_t len = strlen(text);

	if (len < k->min)
		return err_set(e, EINVAL, "must not be empty");
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)text[i]))
			return err_set(e, EINVAL, "%s is not a path: it has control characters",
				str_quote(quoted, text));
	if (len >= PATH_MAX)
		return err_set(
			e, EINVAL, "%s is longer than a path can be", str_quote(quoted, text));
	replace(field, text);
	return 0;
}

static int set_duration(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	return str_to_usec(field, text, k->min, k->max, e);
}

static int set_seconds(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	uint64_t usec;
	int r = str_to_usec(&usec, text, k->min, k->max, e);

	if (r < 0)
		return r;
	if (usec % 1000000)
		return err_set(e, EINVAL, "%s is not in whole seconds", str_quote(quoted, text));
	*(uint64_t *)field = usec;
	return 0;
}

static int set_as(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	uint64_t value;
	int r = str_to_u64(&value, text, 1, UINT32_MAX, e);

	(void)k;
	if (r == 0)
		*(uint32_t *)field = (uint32_t)value;
	return r;
}

static int set_port(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	uint64_t value;
	int r = str_to_u64(&value, text, 1, UINT16_MAX, e);

	(void)k;
	if (r == 0)
		*(uint16_t *)field = (uint16_t)value;
	return r;
}

static int set_count(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	uint64_t value;
	int r = str_to_u64(&value, text, k->min, k->max ? k->max : UINT32_MAX, e);

	if (r == 0)
		*(uint32_t *)field = (uint32_t)value;
	return r;
}

static int set_communities(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	struct communities all;
	int r = *text ? communities_parse(&all, text, e) : 0;

	(void)k;
	if (r == 0)
		replace(field, text);
	return r;
}

static int set_address(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	(void)k;
	if (strchr(text, '%'))
		return err_set(e, EINVAL,
			"%s has a zone, as link-local addresses do; they cannot be used",
			str_quote(quoted, text));
	return ipaddr_parse(field, text, e);
}

static int set_next_hop(const struct schema_key *k, void *field, const char *text, struct err *e)
{
	int family = k->type == SCHEMA_NEXT_HOP4 ? AF_INET : AF_INET6;
	const char *name = family == AF_INET ? "IPv4" : "IPv6";
	struct config_next_hop hop = {.kind = CONFIG_HOP_FIXED};
	char quoted[STR_QUOTED_SIZE];

	if (strcmp(text, "node") == 0)
		hop.kind = CONFIG_HOP_NODE;
	else if (strcmp(text, "pod") == 0)
		hop.kind = CONFIG_HOP_POD;
	else if (ipaddr_parse(&hop.address, text, e) < 0 || hop.address.family != family)
		return err_set(e, EINVAL, "%s is not node, pod or an %s address",
			str_quote(quoted, text), name);
	else if (!ipaddr_is_unicast(&hop.address))
		return err_set(e, EINVAL, "%s is no address that routers can send packets to",
			str_quote(quoted, text));
	*(struct config_next_hop *)field = hop;
	return 0;
}

static const struct {
	int (*set)(const struct schema_key *k, void *field, const char *text, struct err *e);
	bool is_string, is_number;
	const char *text;
} types[] = {
	[SCHEMA_LABEL] = {set_label, true, false, "DNS label"},
	[SCHEMA_DNS_NAME] = {set_dns_name, true, false, "DNS name"},
	[SCHEMA_TEXT] = {set_text, true, false, "text"},
	[SCHEMA_BOOL] = {set_bool, false, false, "true or false"},
	[SCHEMA_LEVEL] = {set_level, false, false, "debug, info, warn or error"},
	[SCHEMA_FORMAT] = {set_format, false, false, "logfmt or json"},
	[SCHEMA_FORWARD] = {set_forward, false, false, "nat or tunnel"},
	[SCHEMA_TUNNEL] = {set_encapsulation, false, false, "ipip or gue"},
	[SCHEMA_ANNOUNCE] = {set_announce, false, false, "bgp, l2 or exec"},
	[SCHEMA_LISTEN] = {set_listen, true, false, "ADDRESS:PORT or pod:PORT"},
	[SCHEMA_PATH] = {set_path, true, false, "path"},
	[SCHEMA_DURATION] = {set_duration, false, true, "duration"},
	[SCHEMA_SECONDS] = {set_seconds, false, true, "duration in whole seconds"},
	[SCHEMA_AS] = {set_as, false, true, "number, 1 to 4294967295"},
	[SCHEMA_PORT] = {set_port, false, true, "number, 1 to 65535"},
	[SCHEMA_COUNT] = {set_count, false, true, "number"},
	[SCHEMA_COMMUNITIES] = {set_communities, true, false, "BGP communities"},
	[SCHEMA_ADDRESS] = {set_address, false, false, "IP address"},
	[SCHEMA_NEXT_HOP4] = {set_next_hop, false, false, "node, pod or an IPv4 address"},
	[SCHEMA_NEXT_HOP6] = {set_next_hop, false, false, "node, pod or an IPv6 address"},
	[SCHEMA_PEERS] = {NULL, false, false, "list of peers"},
	[SCHEMA_OTHER_PEERS] = {NULL, false, false, "list of peers"},
	[SCHEMA_PREFIXES] = {NULL, false, false, "list of prefixes"},
	[SCHEMA_POOLS] = {NULL, false, false, "list of pools"},
	[SCHEMA_RANGES] = {NULL, false, false, "list of ranges"},
	[SCHEMA_LABELS] = {NULL, false, false, "list of DNS labels"},
	[SCHEMA_NAMES] = {NULL, false, false, "list of DNS names"},
	[SCHEMA_LINKS] = {NULL, false, false, "list of interfaces"},
	[SCHEMA_VARIABLES] = {NULL, false, false, "list of variables"},
};

void *schema_field(const struct schema_key *k, void *base)
{
	return (char *)base + k->offset;
}

bool schema_is_string(const struct schema_key *k)
{
	return types[k->type].is_string;
}

bool schema_is_number(const struct schema_key *k)
{
	return types[k->type].is_number;
}

bool schema_is_bool(const struct schema_key *k)
{
	return k->type == SCHEMA_BOOL;
}

bool schema_is_list(const struct schema_key *k)
{
	return !types[k->type].set;
}

bool schema_is_live(const struct schema_key *k)
{
	for (size_t i = 0; i < SCHEMA_N_PROGRAMS; i++)
		if (k->use[i] == SCHEMA_AFTER_RESTART)
			return false;
	return true;
}

char *schema_describe(const struct schema_key *k)
{
	char min[32], max[32];

	if (schema_is_list(k))
		return xasprintf("%s, at most %" PRIu64, types[k->type].text, k->max);
	if (k->type == SCHEMA_DURATION || k->type == SCHEMA_SECONDS)
		return xasprintf("%s, %s to %s", types[k->type].text, str_from_usec(min, k->min),
			str_from_usec(max, k->max));
	if (k->type == SCHEMA_COUNT && k->max > 0)
		return xasprintf("number, %" PRIu64 " to %" PRIu64, k->min, k->max);
	return xstrdup(types[k->type].text);
}

int schema_set(const struct schema_key *k, void *base, const char *text, struct err *e)
{
	if (schema_is_list(k))
		return err_set(e, EINVAL, "is a list, which only the file can set");
	return types[k->type].set(k, schema_field(k, base), text, e);
}
