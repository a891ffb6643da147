/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "sockets/sockets.h"

/*
 * Sockets go from kago-node-sockets to the sidecar over a Unix stream socket in a folder that both
 * containers have, and no other: an abstract name would be open to whoever is root in the pod's
 * network namespace, keepalived with its CAP_NET_ADMIN for one. Who connects gets one message with
 * all that there are (SCM_RIGHTS, unix(7)), or one that says in words why there are none, and the
 * end of the connection. It says nothing itself, so there is nothing to read for who is on the
 * node.
 */

/* Takes the place of what is at `path`, which a process that died has left. */
int passing_listen(int *ret_fd, const char *path, struct err *e);

/*
 * Connects, without waiting. Errors: -ENOENT or -ECONNREFUSED when nobody listens, -EAGAIN when too
 * many wait, -EACCES when it is neither root nor our own user.
 */
int passing_connect(int *ret_fd, const char *path, struct err *e);

/* Neither waits. */
int passing_send(int fd, const struct sockets *s, struct err *e);
int passing_refuse(int fd, const char *why, struct err *e);

/*
 * What came, checked. Does not wait. Errors: -EAGAIN when nothing has come yet, -EPROTO when it is
 * something else, -ECANCELED with the other side's words.
 */
int passing_receive(struct sockets *ret, int fd, struct err *e);
