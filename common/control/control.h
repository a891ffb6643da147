/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"

/*
 * JSON messages, one a line, over a Unix stream socket with an abstract name. Abstract names belong
 * to the network namespace, so the two containers of a pod reach each other without a shared
 * volume, and two pods of a node never meet. The controller listens on CONTROL_CONTROLLER, unless
 * control.socket is configured.
 *
 * To the controller:  {"type":"status"} -> {"type":"status", ...}
 *                     {"type":"explain","namespace":NS,"name":NAME} -> {"type":"explain", ...}
 *                     The connection ends with the answer to one of these.
 *                     {"type":"sidecar"}: the connection is the sidecar's lifeline. It is answered
 * by
 *                     {"type":"state","ready":BOOL} at once and at each change: ready once the
 *                     kernel was seen to hold what the controller asked for. While the lifeline is
 *                     open, a controller that was told to stop keeps forwarding.
 *                     {"type":"alive","keepalived":BOOL}: at once and every other second, for a
 *                     controller that says nothing may hang. `keepalived`: it runs, if it should.
 *                     {"type":"changed","places":["10.1.1.1 port 80/tcp", ...]}: the kernel's
 *                     IPVS table has changed at these places (values/place.h), or may have anywhere
 *                     when there are none. It says where to look, and not what there is to see.
 *                     {"type":"routes","all":BOOL,"set":[...],"gone":["10.1.1.1/32", ...]}: what
 *                     Services say of the routes to their VIPs (control/told_route.h), before
 *                     "state" says that it is ready and before "changed" tells of a new VIP.
 *                     "all": of no other routes is anything said. "gone": the Service is; what it
 *                     said holds while there is a route.
 *                     {"type":"members","addresses":["172.16.1.11", ...]}: the pods of all
 *                     living load balancers of the fleet, sorted, once they are known and at each
 *                     change. None at all: nobody knows of others, as with manifests.
 *                     {"type":"announced","prefixes":["10.1.1.1/32", ...]}: what the sidecar
 *                     announces now, sorted; on a lifeline only. Later ones say what has changed
 *                     since, with "gained" and "lost" in the place of "prefixes". "bgp"
 *                     says how each session is (docs/status.md, `sidecar.bgp[]`), "l2" what we do
 *                     on layer 2 (`sidecar.l2`), "exec" how calls of exec.program are
 *                     (`sidecar.exec`), "config" what of kago.yaml it does not use
 *                     (`sidecar.config`). With "waits":true it has no sockets in the node's
 *                     network namespace yet.
 *                     "suspended" says why it announces nothing that it could, if so
 *                     (announce/grace.h).
 */
#define CONTROL_CONTROLLER "kago-controller"

struct control_conn;

struct control_ops {
	/* `msg` is borrowed. It may call control_close. */
	void (*on_message)(struct control_conn *c, json_t *msg, void *ud);
	/* The other side is gone, or broke the protocol (`why` says so); `c` is freed afterwards.
	 */
	void (*on_close)(struct control_conn *c, const char *why, void *ud);
	/* Of a server; may be NULL: somebody else's process wanted to connect, and was not let in.
	 */
	void (*on_refused)(uid_t uid, void *ud);
};

/* Queues a message; consumes `msg`. A connection whose reader is stuck is closed at
 * LIMIT_CONTROL_LINE. */
void control_send(struct control_conn *c, json_t *msg);

/* Closes after what is queued went out; on_close is not called. */
void control_close(struct control_conn *c);

/*
 * Takes the socket, for somebody else to answer, and ends the connection without a word; on_close
 * is not called, and what was queued is lost. The caller closes it.
 */
int control_take_fd(struct control_conn *c) __attribute__((warn_unused_result));

/* The owner's pointer for this connection; NULL at first. */
void control_set_data(struct control_conn *c, void *data);
void *control_data(const struct control_conn *c);

struct control_server;

/*
 * Listens. Only root and our own user are let in. A connection that has not said a whole message
 * after LIMIT_CONTROL_REQUEST_USEC is closed; so is the oldest of those that have not when there
 * are LIMIT_CONTROL_CLIENTS and one more comes: silence keeps nobody out. Errors: -EADDRINUSE
 * when another program of this pod holds the name.
 */
int control_listen(struct control_server **ret, sd_event *loop, const char *name,
	const struct control_ops *ops, void *ud, struct err *e);
/* Closes all connections without on_close. */
struct control_server *control_server_free(struct control_server *s);

/*
 * Connects; -ECONNREFUSED when nobody listens, -EACCES when it is neither root nor our own user.
 * Freed by control_close, or after on_close.
 */
int control_connect(struct control_conn **ret, sd_event *loop, const char *name,
	const struct control_ops *ops, void *ud, struct err *e);

/*
 * Without a loop: sends `request` (consumed), gives back one answer within `timeout` usec: a line
 * of JSON, new. Errors: also those of control_connect.
 */
int control_ask_text(
	char **ret, const char *name, json_t *request, uint64_t timeout, struct err *e);

/* As control_ask_text, and reads the answer. */
int control_ask(json_t **ret, const char *name, json_t *request, uint64_t timeout, struct err *e);
