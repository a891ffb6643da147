/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "kube/kube.h"
#include "values/ipaddr.h"
#include "values/tunnel_set.h"

/*
 * The Leases of a fleet (lead/membership.h) as an agent has to do with them: it reads who may send
 * to its node's pods, and has one of its own, tunnels.kago-FLEET.NODE, renewed every 10 s and void
 * after 40 s, whose annotation kago.dev/tunnels says which kinds of tunnels the node takes, and
 * kago.dev/node-ips its addresses.
 */
struct fleet_leases;

struct fleet_leases_spec {
	const char *fleet, *namespace, *node;
	const char *node_ips; /* the node's addresses, with commas between them; NULL: not known */
};

struct fleet_leases_ops {
	/* Others may send, or other nodes take tunnels. */
	void (*on_senders)(void *ud);
	/* As those of watch_ops: for the log. */
	void (*problem)(void *ud, const char *where, const char *what);
	void (*recovered)(void *ud, const char *where, uint64_t lost_for);
};

/* `kube` is borrowed. */
int fleet_leases_new(struct fleet_leases **ret, sd_event *loop, struct kube *kube,
	const struct fleet_leases_spec *spec, const struct fleet_leases_ops *ops, void *ud,
	struct err *e);
/* Our Lease stays until it is void: whoever is started in our place goes on with it. */
struct fleet_leases *fleet_leases_free(struct fleet_leases *f);
DEFINE_CLEANUP(struct fleet_leases *, fleet_leases_free);

/* Whether all Leases were read once. */
bool fleet_leases_synced(const struct fleet_leases *f);

/* As senders_list. */
struct ipnet *fleet_leases_senders(const struct fleet_leases *f, const struct ipnet more[],
	size_t n_more, size_t *ret_n) __attribute__((warn_unused_result));

/* The nodes that take tunnels, as the leader has published them. Borrowed. */
const struct tunnel_set *fleet_leases_tunnel_nodes(const struct fleet_leases *f);

/* The kinds of tunnels (values/tunnel_set.h) that the kernel takes; the first make our Lease. */
void fleet_leases_ready(struct fleet_leases *f, unsigned kinds);

/* When our Lease was renewed last, as loop_clock; 0: it was not. */
uint64_t fleet_leases_renewed(const struct fleet_leases *f);
/* Whether Leases can be followed. */
bool fleet_leases_follow(const struct fleet_leases *f);

/* As watch_wake. */
void fleet_leases_wake(struct fleet_leases *f);

/* Takes our Lease away; `done` is called when that has happened, or 12 s have passed. */
void fleet_leases_leave(struct fleet_leases *f, void (*done)(void *ud), void *ud);
