/* SPDX-License-Identifier: Apache-2.0 */
#include "node/netlink.h"

#include <errno.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* A question under way. */
struct exchange {
	uint32_t seq;
	netlink_fn *each;
	void *ud;
	bool ended;
	int error; /* that the kernel answers with */
};

int netlink_open(struct nl_sock **ret, int protocol, struct err *e)
{
	CLEANUP(netlink_closep) struct nl_sock *s = nl_socket_alloc();
	int r;

	if (!s)
		mem_exhausted();
	r = nl_connect(s, protocol);
	if (r < 0)
		return err_set(e, EIO, "connecting to netlink: %s", nl_geterror(r));
	*ret = steal(s);
	return 0;
}

int netlink_adopt(struct nl_sock **ret, int *fd, int protocol, struct err *e)
{
	CLEANUP(netlink_closep) struct nl_sock *s = nl_socket_alloc();
	int r;

	if (!s)
		mem_exhausted();
	r = nl_socket_set_fd(s, protocol, *fd);
	if (r < 0)
		return err_set(e, EIO, "taking a netlink socket: %s", nl_geterror(r));
	*fd = -1;
	nl_socket_set_buffer_size(s, 0, 0);
	*ret = steal(s);
	return 0;
}

static int on_sequence(struct nl_msg *m, void *ud)
{
	const struct exchange *x = ud;

	return nlmsg_hdr(m)->nlmsg_seq == x->seq ? NL_OK : NL_SKIP;
}

static int on_valid(struct nl_msg *m, void *ud)
{
	const struct exchange *x = ud;

	if (x->each)
		x->each(x->ud, nlmsg_hdr(m));
	return NL_OK;
}

static int on_ack(struct nl_msg *m, void *ud)
{
	struct exchange *x = ud;

	(void)m;
	x->ended = true;
	return NL_STOP;
}

/* What ended a listing early is in its last message. */
static int on_finish(struct nl_msg *m, void *ud)
{
	const struct nlmsghdr *h = nlmsg_hdr(m);
	struct exchange *x = ud;
	int result = 0;

	if (nlmsg_datalen(h) >= (int)sizeof result)
		memcpy(&result, nlmsg_data(h), sizeof result);
	if (result < 0)
		x->error = -result;
	x->ended = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *who, struct nlmsgerr *why, void *ud)
{
	struct exchange *x = ud;

	(void)who;
	x->error = -why->error;
	x->ended = true;
	return NL_STOP;
}

/* Of its own: the socket keeps nothing that ends with the question. */
static struct nl_cb *callbacks_of(struct exchange *x)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		mem_exhausted();
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, x);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, x);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, x);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, x);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, x);
	return cb;
}

static void throw_away_answers(struct nl_sock *s)
{
	char some[4096];

	while (recv(nl_socket_get_fd(s), some, sizeof some, MSG_DONTWAIT) >= 0 || errno == EINTR ||
		errno == ENOBUFS)
		;
}

int netlink_ask(
	struct nl_sock *s, struct nl_msg *question, netlink_fn *each, void *ud, struct err *e)
{
	struct exchange x = {.each = each, .ud = ud};
	struct nl_cb *cb = callbacks_of(&x);
	int r;

	throw_away_answers(s);
	nl_complete_msg(s, question);
	x.seq = nlmsg_hdr(question)->nlmsg_seq;
	r = nl_send(s, question);
	nlmsg_free(question);
	while (r >= 0 && !x.ended)
		r = nl_recvmsgs(s, cb);
	nl_cb_put(cb);
	if (x.error)
		return err_set(e, x.error, "%s", strerror(x.error));
	if (r == -NLE_DUMP_INTR)
		return err_set(e, EINTR, "what was read changed meanwhile");
	return x.ended ? 0 : err_set(e, EIO, "%s", nl_geterror(r));
}
