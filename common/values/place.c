/* SPDX-License-Identifier: Apache-2.0 */
#include "values/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

_Static_assert(sizeof(struct place) == sizeof(struct ipaddr) + 2 * sizeof(uint16_t), "padding");

int place_cmp(const struct place *a, const struct place *b)
{
	int order = ipaddr_cmp(&a->vip, &b->vip);

	if (order == 0)
		order = (a->protocol > b->protocol) - (a->protocol < b->protocol);
	return order ? order : (a->port > b->port) - (a->port < b->port);
}

const char *place_protocol(uint16_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "sctp";
}

const char *place_format(char ret_buf[static PLACE_TEXT], const struct place *p)
{
	char vip[IPADDR_TEXT];

	snprintf(ret_buf, PLACE_TEXT, "%s port %u/%s", ipaddr_format(vip, &p->vip), p->port,
		place_protocol(p->protocol));
	return ret_buf;
}

static int protocol_parse(uint16_t *ret, const char *text)
{
	static const uint16_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
		if (strcmp(place_protocol(protocols[i]), text) == 0) {
			*ret = protocols[i];
			return 0;
		}
	}
	return -EINVAL;
}

int place_parse(struct place *ret, const char *text, struct err *e)
{
	CLEANUP_FREE char *vip = xstrdup(text);
	char *port = strstr(vip, " port "), *protocol = port ? strchr(port, '/') : NULL;
	struct place p = {0};
	uint64_t number = 0;
	int r = -EINVAL;

	if (protocol) {
		*port = *protocol = '\0';
		r = ipaddr_parse(&p.vip, vip, e);
		if (r == 0)
			r = str_to_u64(&number, port + strlen(" port "), 1, UINT16_MAX, e);
		if (r == 0)
			r = protocol_parse(&p.protocol, protocol + 1);
	}
	if (r < 0)
		return err_set(e, EINVAL, "'%s' is no place such as '10.1.1.1 port 80/tcp'", text);
	p.port = (uint16_t)number;
	*ret = p;
	return 0;
}
