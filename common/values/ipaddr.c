/* SPDX-License-Identifier: Apache-2.0 */
#include "values/ipaddr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

unsigned ipaddr_bits(const struct ipaddr *a)
{
	return a->family == AF_INET ? 32 : 128;
}

int ipaddr_parse(struct ipaddr *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	struct ipaddr a = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(a.family, text, a.bytes) != 1)
		return err_set(e, EINVAL, "%s is not an IP address", str_quote(quoted, text));
	if (a.family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a.v6))
		return err_set(e, EINVAL, "%s is an IPv4-mapped address; write it as IPv4",
			str_quote(quoted, text));
	*ret = a;
	return 0;
}

/* Of one number: what a leading zero is before. */
static const char *skip_zeros(const char *text)
{
	while (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
		text++;
	return text;
}

static void drop_zeros(char ret[static IPADDR_TEXT], const char *text)
{
	size_t n = 0;

	for (text = skip_zeros(text); *text && n + 1 < IPADDR_TEXT; text++) {
		ret[n++] = *text;
		if (*text == '.')
			text = skip_zeros(text + 1) - 1;
	}
	ret[n] = '\0';
}

int ipaddr_parse_old(struct ipaddr *ret, const char *text, struct err *e)
{
	char plain[IPADDR_TEXT];
	struct ipaddr a;
	struct err ignored = {0};

	if (!strchr(text, ':') && strlen(text) < sizeof plain) {
		drop_zeros(plain, text);
		if (ipaddr_parse(ret, plain, &ignored) == 0)
			return 0;
	} else if (inet_pton(AF_INET6, text, a.bytes) == 1 && IN6_IS_ADDR_V4MAPPED(&a.v6)) {
		*ret = ipaddr_from_bytes(AF_INET, a.bytes + 12);
		return 0;
	}
	return ipaddr_parse(ret, text, e);
}

const char *ipaddr_format(char ret_buf[static IPADDR_TEXT], const struct ipaddr *a)
{
	if (!inet_ntop(a->family, a->bytes, ret_buf, IPADDR_TEXT))
		snprintf(ret_buf, IPADDR_TEXT, "none");
	return ret_buf;
}

int ipaddr_cmp(const struct ipaddr *a, const struct ipaddr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->family == AF_INET) { /* decisions compare them by the thousand */
		uint32_t x = ntohl(a->v4.s_addr), y = ntohl(b->v4.s_addr);

		return (x > y) - (x < y);
	}
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return ipaddr_cmp(a, b) == 0;
}

bool ipaddrs_equal(const struct ipaddr a[], size_t n_a, const struct ipaddr b[], size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (!ipaddr_equal(&a[i], &b[i]))
			return false;
	return true;
}

bool ipaddrs_have(const struct ipaddr list[], size_t n, const struct ipaddr *a)
{
	for (size_t i = 0; i < n; i++)
		if (ipaddr_equal(&list[i], a))
			return true;
	return false;
}

static bool v4_is_unicast(const struct ipaddr *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	uint8_t first = a->bytes[0];
	bool is_multicast = first >= 224 && first < 240;

	/* Of class E (RFC 1112) networks of pods are made where addresses are few. */
	return first != 0 && first != 127 && !is_multicast && memcmp(a->bytes, broadcast, 4) != 0 &&
	       !(first == 169 && a->bytes[1] == 254);
}

bool ipaddr_is_unicast(const struct ipaddr *a)
{
	if (a->family == AF_INET)
		return v4_is_unicast(a);
	return !IN6_IS_ADDR_UNSPECIFIED(&a->v6) && !IN6_IS_ADDR_LOOPBACK(&a->v6) &&
	       !IN6_IS_ADDR_LINKLOCAL(&a->v6) && !IN6_IS_ADDR_MULTICAST(&a->v6);
}

struct ipaddr ipaddr_from_bytes(int family, const void *bytes)
{
	struct ipaddr a = {.family = family};

	memcpy(a.bytes, bytes, family == AF_INET ? 4 : 16);
	return a;
}

static void clear_host_bits(struct ipaddr *a, unsigned len)
{
	for (unsigned bit = len; bit < ipaddr_bits(a); bit++)
		a->bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
}

/* With whatever host bits it has. */
static int parse_net(struct ipnet *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE], plain[IPNET_TEXT];
	struct ipnet net = {0};
	uint64_t len;
	char *slash;

	if (strlen(text) >= sizeof plain)
		return err_set(e, EINVAL, "%s is not a prefix", str_quote(quoted, text));
	memcpy(plain, text, strlen(text) + 1);
	slash = strchr(plain, '/');
	if (slash)
		*slash = '\0';
	if (ipaddr_parse(&net.addr, plain, e) < 0)
		return err_set(e, EINVAL, "%s is not a prefix", str_quote(quoted, text));
	len = ipaddr_bits(&net.addr);
	if (slash && str_to_u64(&len, slash + 1, 0, len, e) < 0)
		return err_wrap(e, "prefix length of %s", str_quote(quoted, text));
	net.len = (unsigned)len;
	*ret = net;
	return 0;
}

int ipnet_parse(struct ipnet *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE], right[IPADDR_TEXT];
	struct ipaddr masked;
	struct ipnet net = {0};
	int r = parse_net(&net, text, e);

	if (r < 0)
		return r;
	masked = net.addr;
	clear_host_bits(&masked, net.len);
	if (!ipaddr_equal(&masked, &net.addr))
		return err_set(e, EINVAL, "%s has host bits set; the prefix is %s/%u",
			str_quote(quoted, text), ipaddr_format(right, &masked), net.len);
	*ret = net;
	return 0;
}

int ipnet_parse_masked(struct ipnet *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	int r;

	if (!strchr(text, '/'))
		return err_set(e, EINVAL, "%s is not ADDRESS/LENGTH", str_quote(quoted, text));
	r = parse_net(ret, text, e);
	if (r < 0)
		return r;
	clear_host_bits(&ret->addr, ret->len);
	return 0;
}

const char *ipnet_format(char ret_buf[static IPNET_TEXT], const struct ipnet *n)
{
	char addr[IPADDR_TEXT];

	snprintf(ret_buf, IPNET_TEXT, "%s/%u", ipaddr_format(addr, &n->addr), n->len);
	return ret_buf;
}

int ipnet_cmp(const struct ipnet *a, const struct ipnet *b)
{
	int order = ipaddr_cmp(&a->addr, &b->addr);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

bool ipnet_contains(const struct ipnet *n, const struct ipaddr *a)
{
	struct ipaddr masked = *a;

	if (a->family != n->addr.family)
		return false;
	clear_host_bits(&masked, n->len);
	return ipaddr_equal(&masked, &n->addr);
}

static int by_prefix(const void *a, const void *b)
{
	return ipnet_cmp(a, b);
}

/* A prefix comes right before those inside it. */
size_t ipnets_settle(struct ipnet nets[], size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(nets, n, sizeof *nets, by_prefix);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !ipnet_contains(&nets[kept - 1], &nets[i].addr))
			nets[kept++] = nets[i];
	return kept;
}

bool ipaddr_step(struct ipaddr *a)
{
	for (size_t i = ipaddr_bits(a) / 8; i > 0; i--)
		if (++a->bytes[i - 1] != 0)
			return true;
	return false;
}

struct ipnet ipnet_of(const struct ipaddr *a)
{
	return (struct ipnet){.addr = *a, .len = ipaddr_bits(a)};
}

struct ipnet ipnet_around(const struct ipaddr *a, unsigned len)
{
	struct ipnet net = {.addr = *a, .len = len};

	clear_host_bits(&net.addr, len);
	return net;
}
