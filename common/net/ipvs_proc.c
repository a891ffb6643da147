/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ipvs_proc.h"

#include <errno.h>
#include <linux/ip_vs.h>
#include <string.h>

#include "base/mem.h"
#include "net/ipvs_table.h"

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

/*
 *	TCP  0A010101:0050 mh
 *	  -> AC100001:1F90      Masq    1      0          0
 *	UDP  [fd10:0000:0000:0000:0000:0000:0000:0001]:0035 rr
 *
 * The functions take what is next in the line and move `*p` behind it.
 */

static bool take_text(const char **p, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*p, text, len) != 0)
		return false;
	*p += len;
	return true;
}

static void skip_spaces(const char **p)
{
	*p += strspn(*p, " ");
}

static bool take_hex(unsigned *ret, const char **p, unsigned n_digits)
{
	static const char digits[] = "0123456789ABCDEF0123456789abcdef";
	unsigned value = 0;

	for (unsigned i = 0; i < n_digits; i++) {
		const char *digit = **p ? strchr(digits, **p) : NULL;

		if (!digit)
			return false;
		value = value << 4 | (unsigned)((digit - digits) & 15);
		(*p)++;
	}
	*ret = value;
	return true;
}

static bool take_decimal(uint32_t *ret, const char **p)
{
	uint64_t value = 0;
	const char *start = *p;

	for (; **p >= '0' && **p <= '9' && value <= UINT32_MAX; (*p)++)
		value = value * 10 + (unsigned)(**p - '0');
	*ret = (uint32_t)value;
	return *p > start && value <= UINT32_MAX;
}

static bool take_v6(struct ipaddr *ret, const char **p)
{
	unsigned word;

	ret->family = AF_INET6;
	for (size_t i = 0; i < sizeof ret->bytes; i += 2) {
		if ((i > 0 && !take_text(p, ":")) || !take_hex(&word, p, 4))
			return false;
		ret->bytes[i] = (uint8_t)(word >> 8);
		ret->bytes[i + 1] = (uint8_t)word;
	}
	return take_text(p, "]");
}

static bool take_v4(struct ipaddr *ret, const char **p)
{
	unsigned word;

	ret->family = AF_INET;
	if (!take_hex(&word, p, 8))
		return false;
	ret->v4.s_addr = htonl(word);
	return true;
}

static bool take_endpoint(struct ipaddr *ret_addr, uint16_t *ret_port, const char **p)
{
	bool ok = take_text(p, "[") ? take_v6(ret_addr, p) : take_v4(ret_addr, p);
	unsigned port = 0;

	ok = ok && take_text(p, ":") && take_hex(&port, p, 4);
	*ret_port = (uint16_t)port;
	return ok;
}

static bool take_forward(uint32_t *ret, const char **p)
{
	static const struct {
		const char *name;
		uint32_t method;
	} methods[] = {
		{"Masq ", IP_VS_CONN_F_MASQ},
		{"Local ", IP_VS_CONN_F_LOCALNODE},
		{"Tunnel ", IP_VS_CONN_F_TUNNEL},
		{"Route ", IP_VS_CONN_F_DROUTE},
		{"Bypass ", IP_VS_CONN_F_BYPASS},
	};

	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		*ret = methods[i].method;
		if (take_text(p, methods[i].name))
			return true;
	}
	return false;
}

static bool take_scheduler(struct ipvs_service *s, const char **p)
{
	size_t len = strcspn(*p, " \n");

	if (len == 0 || len >= sizeof s->scheduler)
		return false;
	memcpy(s->scheduler, *p, len);
	*p += len;
	return true;
}

/* What follows the protocol's name. */
static bool parse_service(struct ipvs_service *ret, const char *p)
{
	skip_spaces(&p);
	return take_endpoint(&ret->addr, &ret->port, &p) && take_text(&p, " ") &&
	       take_scheduler(ret, &p);
}

/* What follows the arrow. */
static bool parse_dest(struct ipvs_dest *ret, const char *p)
{
	if (!take_endpoint(&ret->addr, &ret->port, &p))
		return false;
	skip_spaces(&p);
	if (!take_forward(&ret->forward, &p))
		return false;
	skip_spaces(&p);
	if (!take_decimal(&ret->weight, &p))
		return false;
	skip_spaces(&p);
	if (!take_decimal(&ret->active_conns, &p))
		return false;
	skip_spaces(&p);
	return take_decimal(&ret->inactive_conns, &p);
}

/* 0 for a line that begins another way. */
static uint16_t take_protocol(const char **p)
{
	if (take_text(p, "TCP "))
		return IPPROTO_TCP;
	if (take_text(p, "UDP "))
		return IPPROTO_UDP;
	return take_text(p, "SCTP ") ? IPPROTO_SCTP : 0;
}

/* `*ours`: whether real servers that follow belong to the last service of the table. */
static bool parse_line(struct ipvs_table *t, bool *ours, const char *p)
{
	struct ipvs_service s = {0};
	struct ipvs_dest d = {0};

	if (take_text(&p, "  -> ")) {
		if (!*ours)
			return true;
		if (!parse_dest(&d, p))
			return false;
		ipvs_service_add(&t->services[t->n_services - 1], &d);
		return true;
	}
	s.protocol = take_protocol(&p);
	*ours = s.protocol != 0;
	if (!*ours)
		return true;
	if (!parse_service(&s, p))
		return false;
	ipvs_table_add(t, &s);
	return true;
}

int ipvs_proc_parse(struct ipvs_table **ret, const char *text, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = ipvs_table_new();
	bool ours = false;

	for (unsigned line = 1; *text; line++) {
		size_t len = strcspn(text, "\n");

		if (!parse_line(t, &ours, text))
			return err_set(e, EBADMSG, "line %u is not as expected", line);
		text += len + (text[len] == '\n');
	}
	for (size_t i = 0; i < t->n_services; i++)
		ipvs_service_sort(&t->services[i]);
	ipvs_table_sort(t);
	*ret = steal(t);
	return 0;
}
