/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ipvs_write.h"

#include <errno.h>
#include <linux/ip_vs.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/ipvs_msg.h"

enum {
	BATCH = 64,          /* requests in one message: the receive buffer takes 64 refusals */
	REQUEST_MAX = 512,   /* bytes of one */
	ANSWERS = 16 * 1024, /* bytes read at once */
	SEND_TRIES = 5,
	UNANSWERED = 1, /* a result no kernel gives */
};

struct ipvs_writer {
	struct nl_sock *sock;
	int family;
	uint32_t seq; /* of the next request */
	size_t len;
	char batch[BATCH * REQUEST_MAX];
};

DEFINE_CLEANUP(struct ipvs_writer *, ipvs_writer_close);

void ipvs_ops_add(struct ipvs_ops *ops, enum ipvs_op_kind kind, const struct ipvs_service *s,
	const struct ipvs_dest *d)
{
	struct ipvs_op *op;

	if ((ops->n_items & (ops->n_items - 1)) == 0)
		ops->items = xreallocarray(
			ops->items, ops->n_items ? 2 * ops->n_items : 1, sizeof *ops->items);
	op = &ops->items[ops->n_items++];
	*op = (struct ipvs_op){.kind = kind, .service = *s};
	op->service.dests = NULL;
	op->service.n_dests = 0;
	if (d)
		op->dest = *d;
}

void ipvs_ops_done(struct ipvs_ops *ops)
{
	free(ops->items);
	*ops = (struct ipvs_ops){0};
}

static bool is_about_dest(const struct ipvs_op *op)
{
	return op->kind >= IPVS_ADD_DEST;
}

const char *ipvs_op_format(char ret_buf[static IPVS_OP_TEXT], const struct ipvs_op *op)
{
	const struct place at = ipvs_service_place(&op->service);
	char place[PLACE_TEXT], addr[IPADDR_TEXT];

	place_format(place, &at);
	if (is_about_dest(op))
		snprintf(ret_buf, IPVS_OP_TEXT, "real server %s port %u of %s",
			ipaddr_format(addr, &op->dest.addr), op->dest.port, place);
	else
		snprintf(ret_buf, IPVS_OP_TEXT, "%s", place);
	return ret_buf;
}

static int set_up(struct ipvs_writer *w, struct err *e)
{
	const int yes = 1;
	int r = genl_connect(w->sock);

	if (r < 0)
		return err_set(e, EIO, "opening a netlink socket: %s", nl_geterror(r));
	w->family = genl_ctrl_resolve(w->sock, IPVS_GENL_NAME);
	if (w->family == -NLE_OBJ_NOTFOUND)
		return err_set(e, ENOENT, "the kernel has no IPVS: modprobe ip_vs on the node");
	if (w->family < 0)
		return err_set(e, EIO, "looking for IPVS: %s", nl_geterror(w->family));
	/* Refusals need not repeat the request. */
	if (setsockopt(nl_socket_get_fd(w->sock), SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof yes) <
		0)
		return err_errno(e, errno, "setting up a netlink socket");
	return 0;
}

int ipvs_writer_open(struct ipvs_writer **ret, struct err *e)
{
	CLEANUP(ipvs_writer_closep) struct ipvs_writer *w = xnew0(struct ipvs_writer);
	int r;

	w->sock = nl_socket_alloc();
	if (!w->sock)
		mem_exhausted();
	r = set_up(w, e);
	if (r == 0)
		*ret = steal(w);
	return r;
}

struct ipvs_writer *ipvs_writer_close(struct ipvs_writer *w)
{
	if (!w)
		return NULL;
	nl_socket_free(w->sock);
	free(w);
	return NULL;
}

/* Refusals are always answered; `ack`: success is, too. */
static struct nl_msg *request_of(const struct ipvs_writer *w, const struct ipvs_op *op, bool ack)
{
	static const uint8_t cmds[] = {
		[IPVS_ADD_SERVICE] = IPVS_CMD_NEW_SERVICE,
		[IPVS_EDIT_SERVICE] = IPVS_CMD_SET_SERVICE,
		[IPVS_REMOVE_SERVICE] = IPVS_CMD_DEL_SERVICE,
		[IPVS_ADD_DEST] = IPVS_CMD_NEW_DEST,
		[IPVS_EDIT_DEST] = IPVS_CMD_SET_DEST,
		[IPVS_REMOVE_DEST] = IPVS_CMD_DEL_DEST,
	};
	struct ipvs_service s = op->service;

	if (op->kind != IPVS_ADD_SERVICE && op->kind != IPVS_EDIT_SERVICE)
		s.scheduler[0] = '\0';
	return ipvs_msg_new(w->family, cmds[op->kind], NLM_F_REQUEST | (ack ? NLM_F_ACK : 0), &s,
		is_about_dest(op) ? &op->dest : NULL);
}

static void put_request(struct ipvs_writer *w, const struct ipvs_op *op, uint32_t seq, bool ack)
{
	struct nl_msg *m = request_of(w, op, ack);
	struct nlmsghdr *h = nlmsg_hdr(m);

	h->nlmsg_seq = seq;
	h->nlmsg_pid = nl_socket_get_local_port(w->sock);
	memcpy(w->batch + w->len, h, h->nlmsg_len);
	w->len += NLMSG_ALIGN(h->nlmsg_len);
	nlmsg_free(m);
}

static int send_batch(struct ipvs_writer *w, struct err *e)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n = -1;

	errno = EINTR;
	for (int i = 0; i < SEND_TRIES && n < 0 && (errno == EINTR || errno == ENOBUFS); i++)
		n = sendto(nl_socket_get_fd(w->sock), w->batch, w->len, 0,
			(const struct sockaddr *)&kernel, sizeof kernel);
	w->len = 0;
	return n < 0 ? err_errno(e, errno, "changing the IPVS table") : 0;
}

static bool is_gone(const struct ipvs_op *op, int result)
{
	/* ESRCH: no such service; ENOENT: it has no such real server. */
	return (op->kind == IPVS_REMOVE_SERVICE || op->kind == IPVS_REMOVE_DEST) &&
	       (result == -ESRCH || result == -ENOENT);
}

static void take_answers(void *buf, int len, struct ipvs_op ops[], size_t n, uint32_t first)
{
	for (struct nlmsghdr *h = buf; nlmsg_ok(h, len); h = nlmsg_next(h, &len)) {
		const struct nlmsgerr *answer = nlmsg_data(h);
		uint32_t i = h->nlmsg_seq - first;

		if (h->nlmsg_type == NLMSG_ERROR && i < n)
			ops[i].result = is_gone(&ops[i], answer->error) ? 0 : answer->error;
	}
}

/*
 * The kernel works while we send, so what it has to say is there already. False: some of it was
 * lost.
 */
static bool read_answers(struct ipvs_writer *w, struct ipvs_op ops[], size_t n, uint32_t first)
{
	_Alignas(struct nlmsghdr) char buf[ANSWERS];
	bool lost = false;
	ssize_t len;

	do {
		len = recv(nl_socket_get_fd(w->sock), buf, sizeof buf, MSG_DONTWAIT);
		if (len > 0)
			take_answers(buf, (int)len, ops, n, first);
		else
			lost |= errno == ENOBUFS;
	} while (len > 0 || errno == EINTR || errno == ENOBUFS);
	return !lost && ops[n - 1].result != UNANSWERED;
}

/* The kernel takes requests in order and refuses aloud: what it said nothing of was done. */
static int write_batch(struct ipvs_writer *w, struct ipvs_op ops[], size_t n, struct err *e)
{
	uint32_t first = w->seq;
	int r;

	for (size_t i = 0; i < n; i++) {
		ops[i].result = UNANSWERED;
		put_request(w, &ops[i], w->seq++, i == n - 1);
	}
	r = send_batch(w, e);
	if (r < 0 || !read_answers(w, ops, n, first))
		return r;
	for (size_t i = 0; i < n; i++)
		if (ops[i].result == UNANSWERED)
			ops[i].result = 0;
	return 0;
}

bool ipvs_op_is_refused(const struct ipvs_op *op)
{
	switch (op->kind) {
	case IPVS_ADD_SERVICE:
		return op->result == -EINVAL || op->result == -EAFNOSUPPORT ||
		       op->result == -EPFNOSUPPORT || op->result == -EPROTONOSUPPORT;
	case IPVS_EDIT_SERVICE: /* ENOENT: no such scheduler */
		return op->result == -EINVAL || op->result == -ENOENT;
	case IPVS_ADD_DEST:
		return op->result == -EINVAL;
	default:
		return false;
	}
}

/* Something that is to be added is there, or something to be changed is not. */
bool ipvs_op_is_stale(const struct ipvs_op *op)
{
	return op->result == UNANSWERED || op->result == -EEXIST || op->result == -ESRCH ||
	       (op->result == -ENOENT && op->kind == IPVS_EDIT_DEST);
}

static int judge(const struct ipvs_op ops[], size_t n, struct err *e)
{
	static const char *const verbs[] = {"adding", "changing", "removing"};
	const struct ipvs_op *stale = NULL;
	char text[IPVS_OP_TEXT];

	for (size_t i = 0; i < n; i++) {
		const struct ipvs_op *op = &ops[i];

		if (ipvs_op_is_stale(op))
			stale = stale ? stale : op;
		else if (op->result < 0)
			return err_errno(e, -op->result, "%s %s", verbs[op->kind % 3],
				ipvs_op_format(text, op));
	}
	return stale ? err_set(e, EAGAIN, "%s has changed meanwhile", ipvs_op_format(text, stale))
		     : 0;
}

int ipvs_write(struct ipvs_writer *w, struct ipvs_op ops[], size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i += BATCH)
		r = write_batch(w, ops + i, n - i < BATCH ? n - i : BATCH, e);
	return r < 0 ? r : judge(ops, n, e);
}
