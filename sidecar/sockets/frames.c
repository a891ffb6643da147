/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

enum { ALL_OF_IT = 0xffff, IPV6_NEXT_HEADER = 6, IPV6_HEADER = 40, CODE_MAX = 9 };

#define LOAD(size, at) BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(at))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define IF(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (skip), 0)
#define GIVE(len) BPF_STMT(BPF_RET | BPF_K, (len))
#define PROTOCOL (SKF_AD_OFF + SKF_AD_PROTOCOL)

/* The protocol, too: who has the socket may ask for frames of another one. */
static const struct sock_filter arp_code[] = {
	LOAD(BPF_H, PROTOCOL),
	UNLESS(ETH_P_ARP, 1),
	GIVE(ALL_OF_IT),
	GIVE(0),
};

static const struct sock_filter ndp_code[] = {
	LOAD(BPF_H, PROTOCOL),
	UNLESS(ETH_P_IPV6, 6),
	LOAD(BPF_B, IPV6_NEXT_HEADER),
	UNLESS(IPPROTO_ICMPV6, 4),
	LOAD(BPF_B, IPV6_HEADER),
	IF(ND_NEIGHBOR_SOLICIT, 1),
	UNLESS(ND_NEIGHBOR_ADVERT, 1),
	GIVE(ALL_OF_IT),
	GIVE(0),
};

static const struct kind {
	const char *name;
	uint16_t protocol;
	uint16_t n_code;
	const struct sock_filter *code;
} kinds[] = {
	[FRAMES_ARP] = {"ARP", ETH_P_ARP, sizeof arp_code / sizeof arp_code[0], arp_code},
	[FRAMES_NDP] = {"NDP", ETH_P_IPV6, sizeof ndp_code / sizeof ndp_code[0], ndp_code},
};

static int put_filter(int fd, const struct kind *k)
{
	struct sock_filter code[CODE_MAX];
	const struct sock_fprog program = {k->n_code, code};
	const int locked = 1;

	memcpy(code, k->code, k->n_code * sizeof *code);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
		return -errno;
	return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &locked, sizeof locked) < 0 ? -errno : 0;
}

int frames_socket(int *ret_fd, enum frames what, struct err *e)
{
	const struct kind *k = &kinds[what];
	/* Of no protocol: what came before the filter would be there for good. */
	CLEANUP_CLOSE int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return err_errno(e, errno, "making a packet socket for %s%s", k->name,
			errno == EPERM ? " (the container needs CAP_NET_RAW)" : "");
	r = put_filter(fd, k);
	if (r < 0)
		return err_errno(e, -r, "keeping a packet socket to %s", k->name);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static bool has(int fd, int option, int value)
{
	int found = -1;
	socklen_t len = sizeof found;

	return getsockopt(fd, SOL_SOCKET, option, &found, &len) == 0 && found == value;
}

/* The kernel counts instructions here, and no bytes. */
static bool has_filter(int fd, const struct kind *k)
{
	struct sock_filter code[CODE_MAX] = {{0}};
	socklen_t n = CODE_MAX;

	return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, code, &n) == 0 && n == k->n_code &&
	       memcmp(code, k->code, n * sizeof *code) == 0;
}

bool frames_fit(int fd, enum frames what)
{
	return has(fd, SO_DOMAIN, AF_PACKET) && has(fd, SO_TYPE, SOCK_DGRAM) &&
	       has(fd, SO_LOCK_FILTER, 1) && has_filter(fd, &kinds[what]);
}

int frames_listen(int fd, enum frames what, struct err *e)
{
	const struct kind *k = &kinds[what];
	const struct sockaddr_ll all = {
		.sll_family = AF_PACKET, .sll_protocol = htons(k->protocol)};

	if (bind(fd, (const struct sockaddr *)&all, sizeof all) < 0)
		return err_errno(e, errno, "listening to %s", k->name);
	return 0;
}
