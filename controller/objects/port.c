/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/port.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"
#include "doc/jsonx.h"
#include "values/dns.h"

static const struct {
	const char *name;
	uint16_t number;
} protocols[] = {
	{"TCP", IPPROTO_TCP},
	{"UDP", IPPROTO_UDP},
	{"SCTP", IPPROTO_SCTP},
};
enum { N_PROTOCOLS = sizeof protocols / sizeof protocols[0] };

int port_decode_protocol(uint16_t *ret, const json_t *port, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	const char *name = "TCP";
	int r;

	r = jsonx_str(&name, port, "protocol", e);
	if (r < 0)
		return r;
	/* The API server puts the default in the place of "". */
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (strcmp(*name ? name : "TCP", protocols[i].name) == 0) {
			*ret = protocols[i].number;
			return 0;
		}
	return err_set(
		e, EINVAL, "protocol: %s is none of TCP, UDP, SCTP", str_quote(quoted, name));
}

int port_decode_name(const char **ret, const json_t *port, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	const char *name = "";
	int r;

	r = jsonx_str(&name, port, "name", e);
	if (r < 0)
		return r;
	if (*name && !dns_label_valid(name))
		return err_set(e, EINVAL, "name: %s is not a DNS label (RFC 1123)",
			str_quote(quoted, name));
	*ret = name;
	return 0;
}

int port_decode_number(uint16_t *ret, const json_t *port, const char *member, struct err *e)
{
	uint64_t number = *ret;
	int r;

	r = jsonx_u64(&number, port, member, 1, UINT16_MAX, e);
	if (r < 0)
		return r;
	*ret = (uint16_t)number;
	return 0;
}

const char *protocol_name(uint16_t protocol)
{
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return "?";
}
