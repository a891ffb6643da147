/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/ndp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

enum {
	IPV6_BYTES = 16,
	HOP_LIMIT = 255, /* who is behind a router cannot send it */
	OPTION_UNIT = 8,
	OPTION_SOURCE_MAC = 1,
	OPTION_TARGET_MAC = 2,
	SOLICITED = 0x40,
	OVERRIDE = 0x20,
};

/* As they are on the wire: all fields are where they need no padding. */
struct ipv6_header {
	uint8_t version_and_flow[4];
	uint16_t payload_len;
	uint8_t next_header, hop_limit;
	uint8_t source[IPV6_BYTES], destination[IPV6_BYTES];
};
struct body {
	uint8_t type, code;
	uint16_t checksum;
	uint8_t flags, reserved[3];
	uint8_t target[IPV6_BYTES];
};
struct mac_option {
	uint8_t type, units, mac[MAC_BYTES];
};
struct packet {
	struct ipv6_header ip;
	struct body body;
	struct mac_option option;
};
static_assert(sizeof(struct packet) == NDP_BYTES, "it has no padding");

static uint32_t sum_words(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	return len % 2 ? sum + ((uint32_t)data[len - 1] << 8) : sum;
}

/* RFC 8200, section 8.1; 0 if the one in the body is right. Of at most NDP_MAX bytes. */
static uint16_t checksum(const struct ipv6_header *ip, const uint8_t *body, size_t len)
{
	uint32_t sum = (uint32_t)len + IPPROTO_ICMPV6;

	sum = sum_words(sum, ip->source, IPV6_BYTES);
	sum = sum_words(sum, ip->destination, IPV6_BYTES);
	sum = sum_words(sum, body, len);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(~sum & 0xffff);
}

static bool is_multicast(const struct ipaddr *a)
{
	return IN6_IS_ADDR_MULTICAST(&a->v6);
}

static bool is_unspecified(const struct ipaddr *a)
{
	return IN6_IS_ADDR_UNSPECIFIED(&a->v6);
}

static struct ipaddr group_of_all(void)
{
	return (struct ipaddr){.family = AF_INET6, .bytes = {0xff, 0x02, [15] = 1}};
}

struct ipaddr ndp_group(const struct ipaddr *a)
{
	struct ipaddr group = {.family = AF_INET6, .bytes = {0xff, 0x02, [11] = 0x01, [12] = 0xff}};

	memcpy(group.bytes + 13, a->bytes + 13, 3);
	return group;
}

static bool is_group_of_some(const struct ipaddr *a)
{
	const struct ipaddr group = ndp_group(a);

	return ipaddr_equal(a, &group);
}

static bool is_header_valid(const struct ipv6_header *ip, size_t len)
{
	return ip->version_and_flow[0] >> 4 == 6 && ip->next_header == IPPROTO_ICMPV6 &&
	       ip->hop_limit == HOP_LIMIT && ntohs(ip->payload_len) >= sizeof(struct body) &&
	       ntohs(ip->payload_len) <= len - sizeof *ip;
}

/* False: one has no length, or ends behind the packet. */
static bool read_options(struct ndp *ret, const uint8_t *at, size_t len)
{
	uint8_t wanted = ret->type == NDP_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;

	while (len > 0) {
		size_t size = len < 2 ? 0 : (size_t)at[1] * OPTION_UNIT;

		if (size == 0 || size > len)
			return false;
		if (at[0] == wanted && size == sizeof(struct mac_option)) {
			ret->has_mac = true;
			memcpy(ret->mac.bytes, at + 2, MAC_BYTES);
		}
		at += size;
		len -= size;
	}
	return true;
}

static bool are_addresses_valid(const struct ndp *n)
{
	if (is_multicast(&n->source) || is_multicast(&n->target) || is_unspecified(&n->target))
		return false;
	if (n->type == NDP_ADVERTISEMENT)
		return !is_unspecified(&n->source) &&
		       !(is_multicast(&n->destination) && n->solicited);
	return !is_unspecified(&n->source) || (is_group_of_some(&n->destination) && !n->has_mac);
}

static bool read_body(struct ndp *ret, const uint8_t *data, size_t len)
{
	struct body b;

	memcpy(&b, data, sizeof b);
	if ((b.type != NDP_SOLICITATION && b.type != NDP_ADVERTISEMENT) || b.code != 0)
		return false;
	ret->type = b.type;
	ret->target = ipaddr_from_bytes(AF_INET6, b.target);
	ret->solicited = ret->type == NDP_ADVERTISEMENT && (b.flags & SOLICITED);
	ret->override = ret->type == NDP_ADVERTISEMENT && (b.flags & OVERRIDE);
	return read_options(ret, data + sizeof b, len - sizeof b);
}

bool ndp_parse(struct ndp *ret, const void *packet, size_t len)
{
	const uint8_t *data = packet;
	struct ipv6_header ip;
	struct ndp n = {0};
	size_t n_body;

	if (len < sizeof ip || len > NDP_MAX)
		return false;
	memcpy(&ip, data, sizeof ip);
	if (!is_header_valid(&ip, len))
		return false;
	n_body = ntohs(ip.payload_len);
	n.source = ipaddr_from_bytes(AF_INET6, ip.source);
	n.destination = ipaddr_from_bytes(AF_INET6, ip.destination);
	if (checksum(&ip, data + sizeof ip, n_body) != 0 ||
		!read_body(&n, data + sizeof ip, n_body) || !are_addresses_valid(&n))
		return false;
	*ret = n;
	return true;
}

static void write_body(struct packet *p, const struct ndp *n)
{
	p->body = (struct body){.type = (uint8_t)n->type,
		.flags = (uint8_t)((n->solicited ? SOLICITED : 0) | (n->override ? OVERRIDE : 0))};
	memcpy(p->body.target, n->target.bytes, IPV6_BYTES);
	p->option.type = n->type == NDP_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
	p->option.units = sizeof p->option / OPTION_UNIT;
	memcpy(p->option.mac, n->mac.bytes, MAC_BYTES);
}

size_t ndp_build(uint8_t ret[static NDP_BYTES], const struct ndp *n)
{
	struct packet p = {.ip = {.version_and_flow = {6 << 4},
				   .next_header = IPPROTO_ICMPV6,
				   .hop_limit = HOP_LIMIT}};
	size_t n_body = sizeof p.body + (n->has_mac ? sizeof p.option : 0);

	p.ip.payload_len = htons((uint16_t)n_body);
	memcpy(p.ip.source, n->source.bytes, IPV6_BYTES);
	memcpy(p.ip.destination, n->destination.bytes, IPV6_BYTES);
	write_body(&p, n);
	memcpy(ret, &p, sizeof p);
	p.body.checksum = htons(checksum(&p.ip, ret + sizeof p.ip, n_body));
	memcpy(ret, &p, sizeof p);
	return sizeof p.ip + n_body;
}

struct ndp ndp_answer(const struct ndp *solicitation, const struct mac *ours)
{
	struct ndp n = ndp_announcement(&solicitation->target, ours);

	if (is_unspecified(&solicitation->source))
		return n;
	n.destination = solicitation->source;
	n.solicited = true;
	return n;
}

struct ndp ndp_announcement(const struct ipaddr *vip, const struct mac *ours)
{
	return (struct ndp){
		.type = NDP_ADVERTISEMENT,
		.source = *vip,
		.destination = group_of_all(),
		.target = *vip,
		.has_mac = true,
		.mac = *ours,
		.override = true,
	};
}

struct ndp ndp_probe(const struct ipaddr *vip)
{
	return (struct ndp){
		.type = NDP_SOLICITATION,
		.source = {.family = AF_INET6},
		.destination = ndp_group(vip),
		.target = *vip,
	};
}
