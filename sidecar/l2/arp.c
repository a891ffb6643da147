/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/arp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <string.h>

enum { IPV4_BYTES = 4 };

/* As it is on the wire: all fields are where they need no padding. */
struct packet {
	uint16_t hardware, protocol;
	uint8_t hardware_len, protocol_len;
	uint16_t op;
	uint8_t sender_mac[MAC_BYTES], sender[IPV4_BYTES];
	uint8_t target_mac[MAC_BYTES], target[IPV4_BYTES];
};
static_assert(sizeof(struct packet) == ARP_BYTES, "it has no padding");

static bool is_for_us(const struct packet *p)
{
	uint16_t op = ntohs(p->op);

	return ntohs(p->hardware) == ARPHRD_ETHER && ntohs(p->protocol) == ETHERTYPE_IP &&
	       p->hardware_len == MAC_BYTES && p->protocol_len == IPV4_BYTES &&
	       (op == ARP_REQUEST || op == ARP_REPLY);
}

static struct mac mac_from(const uint8_t bytes[static MAC_BYTES])
{
	struct mac m;

	memcpy(m.bytes, bytes, MAC_BYTES);
	return m;
}

bool arp_parse(struct arp *ret, const void *data, size_t len)
{
	struct packet p;

	if (len < sizeof p)
		return false;
	memcpy(&p, data, sizeof p);
	if (!is_for_us(&p))
		return false;
	*ret = (struct arp){
		.op = ntohs(p.op),
		.sender_mac = mac_from(p.sender_mac),
		.target_mac = mac_from(p.target_mac),
		.sender = ipaddr_from_bytes(AF_INET, p.sender),
		.target = ipaddr_from_bytes(AF_INET, p.target),
	};
	return true;
}

void arp_build(uint8_t ret[static ARP_BYTES], const struct arp *a)
{
	struct packet p = {
		.hardware = htons(ARPHRD_ETHER),
		.protocol = htons(ETHERTYPE_IP),
		.hardware_len = MAC_BYTES,
		.protocol_len = IPV4_BYTES,
		.op = htons((uint16_t)a->op),
	};

	memcpy(p.sender_mac, a->sender_mac.bytes, MAC_BYTES);
	memcpy(p.sender, a->sender.bytes, IPV4_BYTES);
	memcpy(p.target_mac, a->target_mac.bytes, MAC_BYTES);
	memcpy(p.target, a->target.bytes, IPV4_BYTES);
	memcpy(ret, &p, sizeof p);
}

struct arp arp_answer(const struct arp *request, const struct mac *ours)
{
	return (struct arp){
		.op = ARP_REPLY,
		.sender_mac = *ours,
		.sender = request->target,
		.target_mac = request->sender_mac,
		.target = request->sender,
	};
}

struct arp arp_announcement(const struct ipaddr *vip, const struct mac *ours)
{
	return (struct arp){.op = ARP_REQUEST, .sender_mac = *ours, .sender = *vip, .target = *vip};
}

bool arp_is_announcement(const struct arp *a)
{
	return ipaddr_equal(&a->sender, &a->target);
}

struct arp arp_probe(const struct ipaddr *vip, const struct mac *ours)
{
	const struct ipaddr nobody = {.family = AF_INET};

	return (struct arp){
		.op = ARP_REQUEST, .sender_mac = *ours, .sender = nobody, .target = *vip};
}
