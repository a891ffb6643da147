/* SPDX-License-Identifier: Apache-2.0 */
#include "host/netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/socket.h>

enum { BUFFER = 64 * 1024, MESSAGE = 4096 };

struct netlink {
	struct nl_sock *sock; /* NULL: it has to be opened anew */
	int protocol;
	char *buffer;
	/* Of the request under way: */
	uint32_t number;
	void (*each)(void *ud, const struct nlmsghdr *h);
	void *ud;
	bool ended, changed;
	int result;
};

static int open_socket(struct netlink *n, struct err *e)
{
	int r;

	n->sock = nl_socket_alloc();
	if (!n->sock)
		mem_exhausted();
	r = nl_connect(n->sock, n->protocol);
	if (r == 0)
		return 0;
	nl_socket_free(steal(n->sock));
	return err_set(e, EAGAIN, "opening a netlink socket: %s", nl_geterror(r));
}

int netlink_open(struct netlink **ret, int protocol, struct err *e)
{
	CLEANUP(netlink_closep) struct netlink *n = xnew0(struct netlink);
	int r;

	n->protocol = protocol;
	n->buffer = xcalloc(1, BUFFER);
	r = open_socket(n, e);
	if (r < 0)
		return r;
	*ret = steal(n);
	return 0;
}

struct netlink *netlink_close(struct netlink *n)
{
	if (!n)
		return NULL;
	if (n->sock)
		nl_socket_free(n->sock);
	free(n->buffer);
	free(n);
	return NULL;
}

/* An answer may be lost, or still to come: it must not be taken for that of the next question. */
static int give_up(struct netlink *n, int code, const char *what, struct err *e)
{
	nl_socket_free(steal(n->sock));
	return err_set(e, EAGAIN, "%s: %s", what, strerror(code));
}

static ssize_t receive(const struct netlink *n)
{
	ssize_t len;

	do
		len = recv(nl_socket_get_fd(n->sock), n->buffer, BUFFER, MSG_TRUNC);
	while (len < 0 && errno == EINTR);
	if (len <= BUFFER)
		return len;
	errno = EMSGSIZE;
	return -1;
}

static void take(struct netlink *n, struct nlmsghdr *h)
{
	const struct nlmsgerr *refusal = nlmsg_data(h);

	n->changed |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	/* libnl asks for an acknowledgement of what is no dump. */
	n->ended = h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
	/* That of NLMSG_DONE is at the same place. */
	if (n->ended && nlmsg_datalen(h) >= (int)sizeof refusal->error)
		n->result = refusal->error;
	else if (h->nlmsg_type >= NLMSG_MIN_TYPE && n->each)
		n->each(n->ud, h);
}

int netlink_more(bool *ret_ended, struct netlink *n, struct err *e)
{
	ssize_t len = receive(n);
	int left = (int)len;

	if (len <= 0)
		return give_up(n, len < 0 ? errno : EPIPE, "the kernel's answer", e);
	for (struct nlmsghdr *h = (void *)n->buffer; nlmsg_ok(h, left) && !n->ended;
		h = nlmsg_next(h, &left))
		if (h->nlmsg_seq == n->number)
			take(n, h);
	*ret_ended = n->ended;
	if (!n->ended)
		return 0;
	if (n->result < 0)
		return err_set(e, -n->result, "%s", strerror(-n->result));
	return n->changed ? err_set(e, EAGAIN, "it changed while it was read") : 0;
}

int netlink_begin(struct netlink *n, struct nl_msg *m,
	void (*each)(void *ud, const struct nlmsghdr *h), void *ud, struct err *e)
{
	int r = n->sock ? 0 : open_socket(n, e);

	n->each = each;
	n->ud = ud;
	n->ended = n->changed = false;
	n->result = 0;
	if (r == 0) {
		nl_complete_msg(n->sock, m);
		n->number = nlmsg_hdr(m)->nlmsg_seq;
		if (send(nl_socket_get_fd(n->sock), nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len, 0) < 0)
			r = give_up(n, errno, "asking the kernel", e);
	}
	nlmsg_free(m);
	return r;
}

int netlink_ask(struct netlink *n, struct nl_msg *m,
	void (*each)(void *ud, const struct nlmsghdr *h), void *ud, struct err *e)
{
	bool ended = false;
	int r = netlink_begin(n, m, each, ud, e);

	while (r == 0 && !ended)
		r = netlink_more(&ended, n, e);
	return r;
}

struct nl_msg *netlink_msg(int type, int flags, const void *header, size_t len)
{
	struct nl_msg *m = nlmsg_alloc_size(MESSAGE);

	if (!m || !nlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags) ||
		nlmsg_append(m, (void *)(uintptr_t)header, len, NLMSG_ALIGNTO) < 0)
		mem_exhausted();
	return m;
}

void netlink_put(struct nl_msg *m, int type, const void *data, size_t len)
{
	if (nla_put(m, type, (int)len, data) < 0)
		mem_exhausted();
}

void netlink_put_u32(struct nl_msg *m, int type, uint32_t value)
{
	netlink_put(m, type, &value, sizeof value);
}

void netlink_put_text(struct nl_msg *m, int type, const char *text)
{
	netlink_put(m, type, text, strlen(text) + 1);
}

struct nlattr *netlink_nest(struct nl_msg *m, int type)
{
	struct nlattr *nest = nla_nest_start(m, type);

	if (!nest)
		mem_exhausted();
	return nest;
}

void netlink_put_settings(struct nl_msg *m, const struct netlink_setting settings[], size_t n)
{
	struct nlattr *spec = netlink_nest(m, IFLA_AF_SPEC), *inet = netlink_nest(m, AF_INET);
	struct nlattr *conf = netlink_nest(m, IFLA_INET_CONF);

	for (size_t i = 0; i < n; i++)
		netlink_put_u32(m, settings[i].which, settings[i].value);
	nla_nest_end(m, conf);
	nla_nest_end(m, inet);
	nla_nest_end(m, spec);
}
