/* SPDX-License-Identifier: Apache-2.0 */
#include "node/owners.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/mem.h"
#include "node/netlink.h"

#ifndef UDIAG_SHOW_UID /* of Linux 5.3 */
#define UDIAG_SHOW_UID 0x40
#define UNIX_DIAG_UID 7
#endif

struct listing {
	owners_fn *found;
	void *ud;
	bool without_uid; /* the kernel is too old to say */
};

static void tell(struct listing *l, const struct nlattr *name, const struct nlattr *uid)
{
	char text[sizeof((struct sockaddr_un *)0)->sun_path + 1] = "";
	const char *path = nla_data(name);
	size_t len = (size_t)nla_len(name);

	/* An abstract name starts with a NUL byte, which counts. */
	if (len < 2 || len > sizeof text || path[0] || memchr(path + 1, '\0', len - 1))
		return;
	memcpy(text, path + 1, len - 1);
	l->found(l->ud, text, nla_get_u32(uid));
}

static void on_socket(void *ud, struct nlmsghdr *h)
{
	struct listing *l = ud;
	const struct unix_diag_msg *socket = nlmsg_data(h);
	const struct nlattr *name, *uid;

	if (!nlmsg_valid_hdr(h, sizeof *socket) || socket->udiag_type != SOCK_DGRAM)
		return;
	name = nlmsg_find_attr(h, sizeof *socket, UNIX_DIAG_NAME);
	uid = nlmsg_find_attr(h, sizeof *socket, UNIX_DIAG_UID);
	if (name && uid)
		tell(l, name, uid);
	l->without_uid |= !uid;
}

int owners_each(struct nl_sock *diag, owners_fn *found, void *ud, struct err *e)
{
	struct unix_diag_req req = {
		.sdiag_family = AF_UNIX,
		/* Of datagram sockets: not connected, and connected, if only by the other side. */
		.udiag_states = 1u << TCP_CLOSE | 1u << TCP_ESTABLISHED,
		.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_UID,
	};
	struct listing l = {.found = found, .ud = ud};
	struct nl_msg *question = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	int r;

	if (!question || nlmsg_append(question, &req, sizeof req, NLMSG_ALIGNTO) < 0)
		mem_exhausted();
	r = netlink_ask(diag, question, on_socket, &l, e);
	if (r < 0)
		return err_wrap(e, "asking who holds socket names");
	if (l.without_uid)
		return err_set(e, EOPNOTSUPP, "the kernel does not say who holds socket names");
	return 0;
}
