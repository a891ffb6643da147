/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "loop/loop.h"
#include "sockets/frames.h"

enum { READS = 64 /* of frames, in one turn of the loop */ };

struct ear {
	struct wire *wire;
	int fd;
	sd_event_source *io;
	void (*hear)(struct wire *w, const struct sockaddr_ll *from, const void *data, size_t len);
};

struct wire {
	struct ear arp, ndp;
	const struct wire_ops *ops;
	void *ud;
	bool told; /* that something could not be sent */
};

static struct mac sender_of(const struct sockaddr_ll *from)
{
	struct mac m;

	memcpy(m.bytes, from->sll_addr, MAC_BYTES);
	return m;
}

static void hear_arp(struct wire *w, const struct sockaddr_ll *from, const void *data, size_t len)
{
	struct arp a;

	if (arp_parse(&a, data, len))
		w->ops->on_arp(w->ud, from->sll_ifindex, &a);
}

static void hear_ndp(struct wire *w, const struct sockaddr_ll *from, const void *data, size_t len)
{
	const struct mac sender = sender_of(from);
	struct ndp n;

	if (ndp_parse(&n, data, len))
		w->ops->on_ndp(w->ud, from->sll_ifindex, &sender, &n);
}

/* A network card may be made to take all frames, also those for others. */
static bool is_for_us(const struct sockaddr_ll *from)
{
	return from->sll_hatype == ARPHRD_ETHER && from->sll_halen == MAC_BYTES &&
	       (from->sll_pkttype == PACKET_HOST || from->sll_pkttype == PACKET_BROADCAST ||
		       from->sll_pkttype == PACKET_MULTICAST);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	const struct ear *ear = ud;

	loop_doing(LOOP_HERE("on_readable"));
	(void)source;
	(void)events;
	for (size_t i = 0; i < READS; i++) {
		struct sockaddr_ll from = {0};
		socklen_t from_len = sizeof from;
		uint8_t data[NDP_MAX];
		ssize_t len = recvfrom(fd, data, sizeof data, MSG_DONTWAIT | MSG_TRUNC,
			(struct sockaddr *)&from, &from_len);

		if (len < 0)
			break;
		if ((size_t)len <= sizeof data && is_for_us(&from))
			ear->hear(ear->wire, &from, data, (size_t)len);
	}
	return 0;
}

static int open_ear(struct ear *ear, sd_event *loop, int *fd, enum frames what, struct err *e)
{
	int r = frames_listen(*fd, what, e);

	if (r < 0)
		return r;
	ear->fd = steal_fd(fd);
	r = sd_event_add_io(loop, &ear->io, ear->fd, EPOLLIN, on_readable, ear);
	return r < 0 ? err_errno(e, -r, "listening on the node's network") : 0;
}

int wire_open(struct wire **ret, sd_event *loop, struct sockets *node, const struct wire_ops *ops,
	void *ud, struct err *e)
{
	CLEANUP(wire_closep) struct wire *w = xnew0(struct wire);
	int r;

	w->arp = (struct ear){.wire = w, .fd = -1, .hear = hear_arp};
	w->ndp = (struct ear){.wire = w, .fd = -1, .hear = hear_ndp};
	w->ops = ops;
	w->ud = ud;
	r = open_ear(&w->arp, loop, &node->fds[SOCKETS_ARP], FRAMES_ARP, e);
	if (r == 0)
		r = open_ear(&w->ndp, loop, &node->fds[SOCKETS_NDP], FRAMES_NDP, e);
	if (r == 0)
		*ret = steal(w);
	return r;
}

static void close_ear(struct ear *ear)
{
	sd_event_source_disable_unref(ear->io);
	closep(&ear->fd);
}

struct wire *wire_close(struct wire *w)
{
	if (!w)
		return NULL;
	close_ear(&w->arp);
	close_ear(&w->ndp);
	free(w);
	return NULL;
}

/* An interface that has just gone is no news: that comes by another way. */
static void on_unsent(struct wire *w, int code)
{
	struct err e = {0};

	if (w->told || code == ENODEV || code == ENXIO || code == ENETDOWN)
		return;
	err_errno(&e, code, "sending on the node's network");
	log_warn("l2.unsent", LOG_ERR(&e),
		LOG_STR("next", "VIPs are made known again, and who asks asks again; said once"));
	w->told = true;
}

static void send_frame(struct wire *w, int fd, uint16_t protocol, int index, const struct mac *to,
	const void *data, size_t len)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = index,
		.sll_halen = MAC_BYTES,
	};

	memcpy(addr.sll_addr, to->bytes, MAC_BYTES);
	if (sendto(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&addr,
		    sizeof addr) < 0)
		on_unsent(w, errno);
}

void wire_send_arp(struct wire *w, int index, const struct mac *to, const struct arp *a)
{
	uint8_t data[ARP_BYTES];

	arp_build(data, a);
	send_frame(w, w->arp.fd, ETH_P_ARP, index, to, data, sizeof data);
}

void wire_send_ndp(struct wire *w, int index, const struct mac *to, const struct ndp *n)
{
	uint8_t data[NDP_BYTES];
	size_t len = ndp_build(data, n);

	send_frame(w, w->ndp.fd, ETH_P_IPV6, index, to, data, len);
}

int wire_take_frames(struct wire *w, int index, const struct mac *group, bool takes)
{
	struct packet_mreq want = {
		.mr_ifindex = index, .mr_type = PACKET_MR_MULTICAST, .mr_alen = MAC_BYTES};
	int option = takes ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP;

	memcpy(want.mr_address, group->bytes, MAC_BYTES);
	return setsockopt(w->ndp.fd, SOL_PACKET, option, &want, sizeof want) < 0 ? -errno : 0;
}
