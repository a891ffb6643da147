/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "kube/kube.h"
#include "lead/agreement.h"
#include "lead/members.h"
#include "lead/node_list.h"
#include "values/ipaddr.h"

/*
 * The load balancers of a fleet, who of them leads, and what each announces, by Leases
 * (coordination.k8s.io/v1) in one namespace, with the label kago.dev/fleet=FLEET:
 *
 *	kago-FLEET       the leader's: renewed every 2 s, anybody's after 10 s without
 *	kago-FLEET.POD   one of each load balancer: renewed every 10 s, void after 40 s; its
 *	                 annotation kago.dev/pod-ips says what it sends from,
 *	                 kago.dev/node-ips the addresses of its node, and kago.dev/tables what its
 *	                 kernel holds (lead/agreement.h)
 *	announces.kago-FLEET.POD   another, written when it has news: its annotation
 *	                 kago.dev/announces has what the sidecar announces,
 *	                 kago.dev/announced-on where, on layer 2
 *	tunnels.kago-FLEET.NODE    one of each agent of a node, which renews it every 10 s; void
 *	                 after 40 s: its annotation kago.dev/tunnels has the kinds of tunnels that
 *	                 the node takes, "ipip", kago.dev/node the node's name, and
 *	                 kago.dev/node-ips its addresses
 *	nodes.kago-FLEET the leader's, written when it has news: its annotation
 *	                 kago.dev/tunnel-nodes has the nodes that take tunnels (lead/agents.h),
 *	                 and kago.dev/node-ips the addresses of these
 *
 * A leader that cannot renew stops leading 7 s after its last renewal, before anybody else can
 * start. Times are counted from what this process saw, so clocks need not agree.
 */
struct membership;

struct membership_spec {
	const char *fleet;
	const char *namespace; /* of the Leases */
	const char *identity;  /* our pod's name: no other process that lives has it */
	/* Addresses of our pod and of its node, with commas between them; NULL: not known. */
	const char *pod_ips, *node_ips;
};

struct membership_ops {
	/* We lead from now on, or no more. */
	void (*on_leadership)(void *ud, bool leads);
	/* Who is there, or what somebody announces, has changed. */
	void (*on_members)(void *ud);
	/* membership_addresses are known, or may be others. */
	void (*on_addresses)(void *ud);
	/* The nodes that take tunnels (membership_tunnel_nodes) are known, or are others. */
	void (*on_tunnel_nodes)(void *ud);
	/* membership_agreement has something new. */
	void (*on_agreement)(void *ud);
	/* As that of watch_ops: for the log. */
	void (*problem)(void *ud, const char *where, const char *what);
	void (*recovered)(void *ud, const char *where, uint64_t lost_for);
};

/* `kube` is borrowed, `spec` copied. Calls are answered as soon as `kube` has them: LOOP_LEASES. */
int membership_new(struct membership **ret, sd_event *loop, struct kube *kube,
	const struct membership_spec *spec, const struct membership_ops *ops, void *ud,
	struct err *e);
struct membership *membership_free(struct membership *m);
DEFINE_CLEANUP(struct membership *, membership_free);

bool membership_leads(const struct membership *m);

/* Who leads, as far as known; "" if nobody does. Borrowed until the next turn of the loop. */
const char *membership_leader(const struct membership *m);

/*
 * The nodes that take tunnels, as the leader has published them and all load balancers read them.
 * Borrowed until the next turn of the loop.
 */
const struct node_list_words *membership_tunnel_nodes(const struct membership *m);

/* What our sidecar announces now: an array of prefixes as text, or NULL for nothing; borrowed. */
void membership_announce(struct membership *m, const json_t *prefixes);

/* Where on layer 2 we announce: "node2 eth0"; "": it is not to be said. */
void membership_place(struct membership *m, const char *where);

/* What our kernel holds now, which our heartbeat says from its next renewal on. */
void membership_tables(struct membership *m, const struct sketch *tables);

/* Whether others that live hold the same. */
const struct agreement *membership_agreement(const struct membership *m);

/* As watch_wake. */
void membership_wake(struct membership *m);

/* As members_addresses. */
struct member_address *membership_addresses(const struct membership *m, size_t *ret_n)
	__attribute__((warn_unused_result));

/*
 * As members_announcers: who announces these addresses, sorted by name, in a new array of borrowed
 * names (good until the next turn of the loop) that the caller frees.
 */
const char **membership_announcers(
	const struct membership *m, const struct ipaddr vips[], size_t n_vips, size_t *ret_n);

/*
 * Gives up leading and takes our Leases away, so that another one leads at once. `done` is called
 * when that has happened or two seconds have passed; nothing is renewed any more. A leader's
 * on_leadership(false) is called before this returns. To be called once; `done` may free `m`.
 */
void membership_leave(struct membership *m, void (*done)(void *ud), void *ud);
