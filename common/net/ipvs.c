/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ipvs.h"

#include <errno.h>
#include <linux/ip_vs.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/ipvs_msg.h"
#include "net/ipvs_proc.h"
#include "net/ipvs_table.h"

#define PROC_FILE "/proc/thread-self/net/ip_vs"

enum {
	/* The kernel fills its messages up to 32 KiB when the reader's buffer takes them. */
	BUFFER = 64 * 1024,
	DUMP_TRIES = 5,
	TRIED_MARK = 0x6b61676f, /* "kago" */
};

/* A request under way: where its answers go, and how it ended. */
struct exchange {
	int (*on_msg)(struct exchange *x, struct nlmsghdr *h);
	struct ipvs_table *table;     /* service messages go here, */
	struct ipvs_service *service; /* real servers here */
	bool ended;
	int result; /* 0 or a negative errno: the kernel's, or on_msg's first one */
};

struct ipvs {
	struct nl_sock *sock; /* NULL: the next exchange opens one */
	int family;
	struct exchange *current;
	struct ipvs_table *seen; /* the services of the last reading, without real servers */
};

DEFINE_CLEANUP(struct ipvs *, ipvs_close);
DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

static int on_valid(struct nl_msg *m, void *ud)
{
	struct exchange *x = ((struct ipvs *)ud)->current;
	int r = x->on_msg ? x->on_msg(x, nlmsg_hdr(m)) : 0;

	/* Read on after a bad message: what is left unread would answer the next request. */
	if (r < 0 && x->result == 0)
		x->result = r;
	return NL_OK;
}

static int on_end(struct nl_msg *m, void *ud)
{
	(void)m;
	((struct ipvs *)ud)->current->ended = true;
	return NL_STOP;
}

static int on_refused(struct sockaddr_nl *peer, struct nlmsgerr *refusal, void *ud)
{
	struct exchange *x = ((struct ipvs *)ud)->current;

	(void)peer;
	x->result = refusal->error;
	x->ended = true;
	return NL_STOP;
}

static int set_up_socket(struct ipvs *v, struct err *e)
{
	int r = genl_connect(v->sock);

	if (r < 0)
		return err_set(e, EIO, "opening a netlink socket: %s", nl_geterror(r));
	nl_socket_disable_msg_peek(v->sock);
	nl_socket_set_msg_buf_size(v->sock, BUFFER);
	v->family = genl_ctrl_resolve(v->sock, IPVS_GENL_NAME);
	if (v->family == -NLE_OBJ_NOTFOUND)
		return err_set(e, ENOENT, "the kernel has no IPVS: modprobe ip_vs on the node");
	if (v->family < 0)
		return err_set(e, EIO, "looking for IPVS: %s", nl_geterror(v->family));
	nl_socket_modify_cb(v->sock, NL_CB_VALID, NL_CB_CUSTOM, on_valid, v);
	nl_socket_modify_cb(v->sock, NL_CB_FINISH, NL_CB_CUSTOM, on_end, v);
	nl_socket_modify_cb(v->sock, NL_CB_ACK, NL_CB_CUSTOM, on_end, v);
	nl_socket_modify_err_cb(v->sock, NL_CB_CUSTOM, on_refused, v);
	return 0;
}

static void disconnect(struct ipvs *v)
{
	nl_socket_free(v->sock);
	v->sock = NULL;
}

static int connect_socket(struct ipvs *v, struct err *e)
{
	int r;

	v->sock = nl_socket_alloc();
	if (!v->sock)
		mem_exhausted();
	r = set_up_socket(v, e);
	if (r < 0)
		disconnect(v);
	return r;
}

int ipvs_open(struct ipvs **ret, struct err *e)
{
	CLEANUP(ipvs_closep) struct ipvs *v = xnew0(struct ipvs);
	int r = connect_socket(v, e);

	if (r == 0)
		*ret = steal(v);
	return r;
}

struct ipvs *ipvs_close(struct ipvs *v)
{
	if (!v)
		return NULL;
	disconnect(v);
	ipvs_table_free(v->seen);
	free(v);
	return NULL;
}

static int receive(struct ipvs *v, struct exchange *x, struct err *e)
{
	int r = 0;

	v->current = x;
	while (r >= 0 && !x->ended)
		r = nl_recvmsgs_default(v->sock);
	v->current = NULL;
	if (r == -NLE_DUMP_INTR)
		return err_set(e, EAGAIN, "the table changed while it was read");
	if (r < 0 && x->result == 0)
		return err_set(e, EIO, "%s", nl_geterror(r));
	return x->result < 0 ? err_errno(e, -x->result, "the kernel refused") : 0;
}

static int send_and_receive(struct ipvs *v, struct exchange *x, struct nl_msg *m, struct err *e)
{
	int r;

	nlmsg_hdr(m)->nlmsg_type = (uint16_t)v->family;
	r = nl_send_auto(v->sock, m);
	if (r < 0)
		return err_set(e, EIO, "asking the kernel: %s", nl_geterror(r));
	return receive(v, x, e);
}

/*
 * Sends a request, which is consumed, and reads its answer to the end. One that fails may leave its
 * answer for the next one to read, or sequence numbers that never match again; or ip_vs was loaded
 * anew and has another family. A new socket ends all that. Two failures are everyday ones: there is
 * no such service, and the table changed while it was read.
 */
static int exchange_msg(struct ipvs *v, struct exchange *x, struct nl_msg *m, struct err *e)
{
	int r = v->sock ? 0 : connect_socket(v, e);

	if (r == 0)
		r = send_and_receive(v, x, m, e);
	nlmsg_free(m);
	if (!x->ended || (r < 0 && r != -ESRCH && r != -EAGAIN))
		disconnect(v);
	return r;
}

static int exchange(struct ipvs *v, struct exchange *x, uint8_t cmd, int flags,
	const struct ipvs_service *s, const struct ipvs_dest *d, struct err *e)
{
	return exchange_msg(v, x, ipvs_msg_new(v->family, cmd, flags, s, d), e);
}

static int on_service(struct exchange *x, struct nlmsghdr *h)
{
	struct ipvs_service s;
	int r = ipvs_msg_service(&s, h);

	if (r == 0)
		ipvs_table_add(x->table, &s);
	return r == -ENOENT ? 0 : r;
}

static int on_dest(struct exchange *x, struct nlmsghdr *h)
{
	struct ipvs_dest d;
	int r = ipvs_msg_dest(&d, h, x->service->addr.family);

	if (r == 0)
		ipvs_service_add(x->service, &d);
	return r;
}

static int dump(struct ipvs *v, const struct exchange *how, uint8_t cmd,
	const struct ipvs_service *s, struct err *e)
{
	int r = -EAGAIN;

	for (int i = 0; i < DUMP_TRIES && r == -EAGAIN; i++) {
		struct exchange x = *how;

		r = exchange(v, &x, cmd, NLM_F_DUMP, s, NULL, e);
	}
	return r;
}

static int read_dests(struct ipvs *v, struct ipvs_service *s, struct err *e)
{
	const struct exchange how = {.on_msg = on_dest, .service = s};
	int r = dump(v, &how, IPVS_CMD_GET_DEST, s, e);

	ipvs_service_sort(s);
	return r < 0 ? err_wrap(e, "reading the real servers of an IPVS service") : 0;
}

static int read_service(
	struct ipvs *v, struct ipvs_table *t, const struct ipvs_service *key, struct err *e)
{
	struct exchange x = {.on_msg = on_service, .table = t};
	size_t before = t->n_services;
	int r = exchange(v, &x, IPVS_CMD_GET_SERVICE, 0, key, NULL, e);

	/* cppcheck-suppress knownConditionTrueFalse ; on_service adds to it */
	if (r == -ESRCH || (r == 0 && t->n_services == before))
		return err_set(e, ENOENT, "IPVS has no such service");
	return r < 0 ? err_wrap(e, "reading an IPVS service") : 0;
}

/*
 * The kernel resumes a dump by counting, so that a service which goes hides one behind it. What is
 * in `hints` and not in the dump is therefore asked for by name.
 */
static int add_hidden(
	struct ipvs *v, struct ipvs_table *t, const struct ipvs_table *hints, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *hidden = ipvs_table_new();

	for (size_t i = 0; i < hints->n_services; i++) {
		const struct ipvs_service *s = &hints->services[i];

		if (!ipvs_table_find(t, &s->addr, s->protocol, s->port)) {
			int r = read_service(v, hidden, s, e);

			if (r < 0 && r != -ENOENT)
				return r;
		}
	}
	for (size_t i = 0; i < hidden->n_services; i++)
		ipvs_table_add(t, &hidden->services[i]);
	ipvs_table_sort(t);
	return 0;
}

static void remember(struct ipvs *v, const struct ipvs_table *t)
{
	ipvs_table_free(v->seen);
	v->seen = ipvs_table_new();
	for (size_t i = 0; i < t->n_services; i++) {
		struct ipvs_service s = t->services[i];

		s.dests = NULL;
		s.n_dests = 0;
		ipvs_table_add(v->seen, &s);
	}
}

static int read_services(struct ipvs *v, struct ipvs_table *t, struct err *e)
{
	const struct exchange how = {.on_msg = on_service, .table = t};
	int r = dump(v, &how, IPVS_CMD_GET_SERVICE, NULL, e);

	if (r < 0)
		return err_wrap(e, "reading the IPVS services");
	ipvs_table_sort(t);
	return v->seen ? add_hidden(v, t, v->seen, e) : 0;
}

int ipvs_read(struct ipvs_table **ret, struct ipvs *v, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = ipvs_table_new();
	int r = read_services(v, t, e);

	for (size_t i = 0; r == 0 && i < t->n_services; i++)
		r = read_dests(v, &t->services[i], e);
	if (r < 0)
		return r;
	remember(v, t);
	*ret = steal(t);
	return 0;
}

/* Moves the real servers of a service over; false when the table does not have it. */
static bool move_dests(struct ipvs_service *to, const struct ipvs_table *from)
{
	const struct ipvs_service *s = ipvs_table_find(from, &to->addr, to->protocol, to->port);
	struct ipvs_service *owner = s ? &from->services[s - from->services] : NULL;

	if (!owner)
		return false;
	to->n_dests = owner->n_dests;
	to->dests = steal(owner->dests);
	owner->n_dests = 0;
	return true;
}

static int read_proc(struct ipvs_table **ret, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, PROC_FILE, LIMIT_IPVS_BYTES, e);

	if (r < 0)
		return r;
	r = ipvs_proc_parse(ret, text, e);
	return r < 0 ? err_wrap(e, "%s", PROC_FILE) : 0;
}

int ipvs_read_quick(struct ipvs_table **ret, struct ipvs *v, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = ipvs_table_new(), *proc = NULL;
	int r = read_services(v, t, e);

	if (r == 0)
		r = read_proc(&proc, e);
	if (r == 0)
		r = add_hidden(v, t, proc, e);
	for (size_t i = 0; r == 0 && i < t->n_services; i++)
		if (!move_dests(&t->services[i], proc))
			r = read_dests(v, &t->services[i], e);
	if (r < 0)
		return r;
	remember(v, t);
	*ret = steal(t);
	return 0;
}

int ipvs_read_service(
	struct ipvs_table **ret, struct ipvs *v, const struct place *place, struct err *e)
{
	const struct ipvs_service key = {
		.addr = place->vip, .protocol = place->protocol, .port = place->port};
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = ipvs_table_new();
	int r = read_service(v, t, &key, e);

	if (r == 0)
		r = read_dests(v, &t->services[0], e);
	if (r == 0)
		*ret = steal(t);
	return r;
}

struct timeouts_exchange {
	struct exchange x;
	struct ipvs_timeouts timeouts;
	bool told;
};

static int on_timeouts(struct exchange *x, struct nlmsghdr *h)
{
	struct timeouts_exchange *t = (struct timeouts_exchange *)x;
	int r = ipvs_msg_timeouts(&t->timeouts, h);

	t->told = r == 0;
	return r;
}

int ipvs_read_timeouts(struct ipvs_timeouts *ret, struct ipvs *v, struct err *e)
{
	struct timeouts_exchange t = {.x = {.on_msg = on_timeouts}};
	int r = exchange(v, &t.x, IPVS_CMD_GET_CONFIG, 0, NULL, NULL, e);

	if (r == 0 && !t.told)
		r = err_set(e, EBADMSG, "the kernel does not say them");
	if (r < 0)
		return err_wrap(e, "reading the timeouts of IPVS");
	*ret = t.timeouts;
	return 0;
}

int ipvs_write_timeouts(struct ipvs *v, const struct ipvs_timeouts *t, struct err *e)
{
	struct exchange x = {0};
	int r = exchange_msg(v, &x, ipvs_msg_set_timeouts(v->family, t), e);

	return r < 0 ? err_wrap(e, "setting the timeouts of IPVS") : 0;
}

/* Gone already is success: a predecessor that was killed may have left it. */
static int forget_mark(struct ipvs *v, int family, struct err *e)
{
	struct exchange x = {0};
	struct nl_msg *m =
		ipvs_msg_mark(v->family, IPVS_CMD_DEL_SERVICE, family, TRIED_MARK, NULL, NULL);
	int r = exchange_msg(v, &x, m, e);

	return r == -ESRCH ? 0 : r;
}

/* As the kernel has it now. */
static int read_mark(struct ipvs *v, struct ipvs_service *ret, int family, struct err *e)
{
	struct exchange x = {.on_msg = on_dest, .service = ret};

	ret->addr.family = (sa_family_t)family;
	return exchange_msg(v, &x,
		ipvs_msg_mark(v->family, IPVS_CMD_GET_DEST, family, TRIED_MARK, NULL, NULL), e);
}

/* `dest` and `ret_seen` may be NULL; what is seen of real servers is added to that. */
static int try_mark(struct ipvs_service *ret_seen, struct ipvs *v, int family,
	const char *scheduler, const struct ipvs_dest *dest, struct err *e)
{
	struct exchange x = {0}, y = {0};
	struct err ignored = {0};
	int r = forget_mark(v, family, e);

	if (r == 0)
		r = exchange_msg(v, &x,
			ipvs_msg_mark(v->family, IPVS_CMD_NEW_SERVICE, family, TRIED_MARK,
				scheduler, NULL),
			e);
	if (r < 0)
		return r;
	if (dest)
		r = exchange_msg(v, &y,
			ipvs_msg_mark(v->family, IPVS_CMD_NEW_DEST, family, TRIED_MARK, NULL, dest),
			e);
	if (r == 0 && ret_seen)
		r = read_mark(v, ret_seen, family, e);
	return r < 0 ? (forget_mark(v, family, &ignored), r) : forget_mark(v, family, e);
}

int ipvs_try(struct ipvs *v, int family, const char *scheduler, struct err *e)
{
	return try_mark(NULL, v, family, scheduler, NULL, e);
}

int ipvs_try_real(struct ipvs *v, const struct ipaddr *addr, struct err *e)
{
	const struct ipvs_dest dest = {
		.addr = *addr, .port = 1, .weight = 1, .forward = IP_VS_CONN_F_MASQ};

	return try_mark(NULL, v, addr->family, "none", &dest, e);
}

int ipvs_try_tunnel(struct ipvs *v, int family, uint8_t tunnel, struct err *e)
{
	/* For documentation (RFC 5737, RFC 3849): nobody has it. */
	const char *nowhere = family == AF_INET ? "192.0.2.1" : "2001:db8::1";
	struct ipvs_dest dest = {
		.port = 1, .weight = 1, .forward = IP_VS_CONN_F_TUNNEL, .tunnel = tunnel};
	struct ipvs_service seen = {0};
	int r = ipaddr_parse(&dest.addr, nowhere, e);

	if (tunnel == IP_VS_CONN_F_TUNNEL_TYPE_GUE)
		dest.tunnel_port = 1;
	if (r == 0)
		r = try_mark(&seen, v, family, "none", &dest, e);
	if (r == 0 && (seen.n_dests != 1 || seen.dests[0].tunnel != tunnel))
		r = err_set(e, EOPNOTSUPP, "the kernel makes another tunnel of it");
	free(seen.dests);
	return r;
}
