/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"
#include "net/ipvs.h"

/*
 * Changes of the IPVS table of the network namespace we are in, over generic netlink. A change is
 * in the kernel when it is acknowledged; connections of what is not named stay as they are.
 */

enum ipvs_op_kind {
	IPVS_ADD_SERVICE,
	IPVS_EDIT_SERVICE,   /* scheduler, flags, timeout, netmask */
	IPVS_REMOVE_SERVICE, /* with its real servers */
	IPVS_ADD_DEST,
	IPVS_EDIT_DEST, /* weight and forwarding method; never moves it in the kernel's list */
	IPVS_REMOVE_DEST,
};

struct ipvs_op {
	enum ipvs_op_kind kind;
	struct ipvs_service service; /* the place; described where it is added or edited */
	struct ipvs_dest dest;       /* of the last three kinds */
	int result;                  /* 0, or the kernel's negative errno; set by ipvs_write */
};

struct ipvs_ops {
	struct ipvs_op *items;
	size_t n_items;
};

/* Adds one to the end. */
void ipvs_ops_add(struct ipvs_ops *ops, enum ipvs_op_kind kind, const struct ipvs_service *s,
	const struct ipvs_dest *d);
void ipvs_ops_done(struct ipvs_ops *ops);
#define CLEANUP_IPVS_OPS CLEANUP(ipvs_ops_done)

/* "real server 172.16.0.1 port 80 of 10.1.1.1 port 80/tcp", or the place alone. */
enum { IPVS_OP_TEXT = sizeof "real server  port 65535 of " + IPADDR_TEXT + PLACE_TEXT };
const char *ipvs_op_format(char ret_buf[static IPVS_OP_TEXT], const struct ipvs_op *op);

/*
 * Whether the kernel refused it for what it is: an address that no packet can be sent to, a
 * scheduler, a family or a protocol that it has not got. Asked again it refuses again.
 */
bool ipvs_op_is_refused(const struct ipvs_op *op);

/* Whether the table was not as it supposes, or nothing is known of it. */
bool ipvs_op_is_stale(const struct ipvs_op *op);

struct ipvs_writer;

/* Errors: those of ipvs_open. */
int ipvs_writer_open(struct ipvs_writer **ret, struct err *e);
struct ipvs_writer *ipvs_writer_close(struct ipvs_writer *w);

/*
 * Carries the operations out in order, all of them, also after one that fails. What is to be
 * removed and is gone already is success. -EAGAIN: the table was not as the operations suppose, or
 * the kernel's answer was lost: read it again. Else the first refusal, with what it is about.
 */
int ipvs_write(struct ipvs_writer *w, struct ipvs_op ops[], size_t n, struct err *e);
