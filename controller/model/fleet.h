/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "model/store.h"

/*
 * What one fleet of load balancers shall serve: the decision, made from the objects of the store
 * alone. Pure, sorted and deterministic: the same objects in any order give the same fleet.
 */

enum scheduler {
	SCHEDULER_RR,
	SCHEDULER_WRR,
	SCHEDULER_LC,
	SCHEDULER_WLC,
	SCHEDULER_SH,
	SCHEDULER_MH
};
const char *scheduler_name(enum scheduler s); /* "rr", ..., as IPVS and keepalived spell it */

enum check_type { CHECK_NONE, CHECK_TCP, CHECK_HTTP };

struct health_check {
	enum check_type type;
	char *path;        /* CHECK_HTTP only, else NULL */
	uint16_t port;     /* 0: the real server's own */
	uint64_t interval; /* usec, whole seconds */
	uint64_t timeout;  /* usec, whole seconds */
};

struct real_server {
	struct ipaddr addr;
	uint16_t port;
	uint32_t weight; /* 1, or 0 while it drains */
};

/* One VIP, protocol and port. */
struct virtual_server {
	const char *ns, *name; /* the Service; borrowed from its fleet_service */
	struct ipaddr vip;
	uint16_t port;
	uint16_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	enum scheduler scheduler;
	uint32_t persistence; /* seconds; 0: none */
	struct health_check check;
	struct real_server *reals; /* sorted by address, then port; never empty */
	size_t n_reals;
};

/* The reason of a Service that is none an API server would take: store_put told its user already.
 */
#define FLEET_INVALID_OBJECT "InvalidObject"

/* What became of a Service that is ours. */
enum fleet_outcome {
	FLEET_SERVED,       /* every VIP and port has a virtual server */
	FLEET_NO_ENDPOINTS, /* accepted, but some or all of its virtual servers have no endpoint */
	FLEET_CONFLICT,     /* another Service holds some of its VIP:protocol:port */
	FLEET_REJECTED,     /* its own fields or annotations are wrong; nothing of it is served */
};

struct fleet_service {
	char *ns, *name;
	enum fleet_outcome outcome;
	const char *reason;  /* CamelCase, for machines: "Served", "NoEndpoints", ...; static */
	char *message;       /* for people: what, why, and what would be right */
	struct ipaddr *vips; /* sorted; empty when rejected */
	size_t n_vips;
	size_t n_virtual_servers;
};

struct fleet {
	struct virtual_server *servers; /* sorted by VIP, protocol, port; no two alike */
	size_t n_servers;
	struct fleet_service *services; /* sorted by namespace, name */
	size_t n_services;
};

/* `fleet_name` is the fleet this controller serves. Never fails: what is wrong with a Service is in
 * it. */
struct fleet *fleet_build(const struct store *s, const char *fleet_name)
	__attribute__((warn_unused_result));
struct fleet *fleet_free(struct fleet *f);

/* All its virtual servers, as functions that take a selection want them; the array is the caller's.
 */
const struct virtual_server **fleet_servers(const struct fleet *f)
	__attribute__((warn_unused_result));

/* The order of virtual servers. */
int virtual_server_cmp(const struct virtual_server *a, const struct virtual_server *b);
