/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "values/ipaddr.h"
#include "values/place.h"

/*
 * IPVS of the network namespace we are in, over generic netlink (linux/ip_vs.h). This is where the
 * truth comes from: what the kernel holds, never what keepalived was asked for. Services by
 * firewall mark are left out: kago makes none; so is IP_VS_SVC_F_HASHED, which is always set. All
 * calls block for round trips to the kernel: ipvs_read takes one for each service.
 * net/ipvs_write.h changes the table.
 */

struct ipvs_dest {
	struct ipaddr addr;
	uint16_t port;
	uint32_t weight;
	uint32_t forward; /* IP_VS_CONN_F_MASQ, IP_VS_CONN_F_TUNNEL, ... */
	/* Of IP_VS_CONN_F_TUNNEL: IP_VS_CONN_F_TUNNEL_TYPE_IPIP, ... and the UDP port; else 0, as
	 * always by ipvs_read_quick. */
	uint8_t tunnel;
	uint16_t tunnel_port;
	uint32_t position; /* in the kernel's list, which begins with what was added last */
	uint32_t active_conns, inactive_conns;
	uint64_t conns, in_packets, in_bytes, out_packets, out_bytes;
};

struct ipvs_service {
	struct ipaddr addr;
	uint16_t port;
	uint16_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	char scheduler[16];
	uint32_t flags;   /* IP_VS_SVC_F_PERSISTENT, IP_VS_SVC_F_SCHED1 (sh/mh-fallback), ... */
	uint32_t timeout; /* persistence, seconds */
	uint32_t netmask; /* of clients that persistence takes for one (ipvs_netmask_all) */
	uint64_t conns, in_packets, in_bytes, out_packets, out_bytes;
	struct ipvs_dest *dests; /* sorted by address, then port */
	size_t n_dests;
};

/* Sorted by address, protocol, port. */
struct ipvs_table {
	struct ipvs_service *services;
	size_t n_services;
};

struct ipvs;

/*
 * Opens a netlink socket; the kernel loads ip_vs by itself where the module is there. A call that
 * fails harms no later one: those below open another socket when the one there is may be out of
 * step with the kernel, and have these errors, too. Errors: -ENOENT when the kernel has no IPVS
 * ("modprobe ip_vs on the node"), else the errno.
 */
int ipvs_open(struct ipvs **ret, struct err *e);
struct ipvs *ipvs_close(struct ipvs *v);

/*
 * Everything. A change while it reads can show in part: a service that is new may be missing until
 * the next reading. One that the last reading had is missing only if it is gone. -EAGAIN when the
 * kernel says, several times over, that it could not give a whole picture.
 */
int ipvs_read(struct ipvs_table **ret, struct ipvs *v, struct err *e);

/*
 * All of it but the real servers' counters, which are 0, save those of connections now: for looks
 * that recur. A third to a fifth of the time of ipvs_read, since real servers come from
 * /proc/net/ip_vs and not by one dump a service.
 */
int ipvs_read_quick(struct ipvs_table **ret, struct ipvs *v, struct err *e);

struct ipvs_table *ipvs_table_free(struct ipvs_table *t);

/* One service, for a cheap look at what just changed; -ENOENT if it is not there. */
int ipvs_read_service(
	struct ipvs_table **ret, struct ipvs *v, const struct place *place, struct err *e);

/*
 * Whether IPVS takes a virtual server of this family with this scheduler, whose module the kernel
 * loads if need be: adds one and removes it. It is one by firewall mark, with a mark that no packet
 * has, so it takes no traffic and no reader of the table here sees it.
 */
int ipvs_try(struct ipvs *v, int family, const char *scheduler, struct err *e);

/* Whether IPVS takes a real server with this address, in the same way. */
int ipvs_try_real(struct ipvs *v, const struct ipaddr *addr, struct err *e);

/*
 * Whether it takes one behind a tunnel of this kind (IP_VS_CONN_F_TUNNEL_TYPE_IPIP, ...), likewise.
 * -EOPNOTSUPP: the kernel has made another kind of it, as one that is too old for this kind does.
 */
int ipvs_try_tunnel(struct ipvs *v, int family, uint8_t tunnel, struct err *e);

/*
 * After how many seconds without a packet IPVS forgets a connection; of the network namespace we
 * are in. 0, when they are written: as it is.
 */
struct ipvs_timeouts {
	uint32_t tcp;     /* that is established */
	uint32_t tcp_fin; /* after a FIN */
	uint32_t udp;
};

/* Errors: -EBADMSG when the kernel does not say them, else the errno. */
int ipvs_read_timeouts(struct ipvs_timeouts *ret, struct ipvs *v, struct err *e);

/* Counts for a connection from its next packet on. Errors: the errno. */
int ipvs_write_timeouts(struct ipvs *v, const struct ipvs_timeouts *t, struct err *e);

/* The netmask of a service whose persistence takes each client alone. */
uint32_t ipvs_netmask_all(int family);

struct place ipvs_service_place(const struct ipvs_service *s);

/* NULL if none. Pure. */
const struct ipvs_service *ipvs_table_find(
	const struct ipvs_table *t, const struct ipaddr *addr, uint16_t protocol, uint16_t port);
const struct ipvs_dest *ipvs_service_find(
	const struct ipvs_service *s, const struct ipaddr *addr, uint16_t port);
