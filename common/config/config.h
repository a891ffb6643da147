/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "config/pool.h"
#include "values/forward.h"
#include "values/ipaddr.h"

/*
 * kago.yaml, which both programs read: each uses its part, and both refuse a file that is wrong
 * anywhere. docs/configuration.md lists the keys. Strings are never NULL unless said so.
 */

struct config_peer {
	char *name;          /* for kago.dev/bgp-peers, besides its address; "" is none */
	char *password_file; /* TCP MD5 (RFC 2385) secret in a file; NULL: none */
	uint64_t hold_time;  /* usec; 0: bgp.holdTime */
	uint32_t as;         /* the peer's AS number; unless said, bgp.as */
	uint32_t ttl;        /* of packets to it; 0: what the kernel has */
	struct ipaddr address;
	struct ipaddr local_address; /* family 0: the pod's */
	uint16_t port;               /* 179 unless said */
	bool as_is_ours;             /* `as` was not said */
	bool ipv4, ipv6;             /* routes of which families it gets */
	bool extended_next_hop;      /* IPv4 routes lead to the IPv6 next hop (RFC 8950) */
	bool bfd;                    /* there is a BFD session, too, with bgp.bfd.enabled */
};

/* One that other load balancers of the fleet have, and we do not. */
struct config_other_peer {
	struct ipaddr address;
	char *name; /* for kago.dev/bgp-peers, besides its address; "" is none */
};

/* How the network learns where VIPs are. */
enum config_announce { CONFIG_ANNOUNCE_BGP, CONFIG_ANNOUNCE_L2, CONFIG_ANNOUNCE_EXEC };

/* Where routes lead: to the node, to the pod, or to an address that is said. */
struct config_next_hop {
	enum { CONFIG_HOP_NODE, CONFIG_HOP_POD, CONFIG_HOP_FIXED } kind;
	struct ipaddr address; /* of CONFIG_HOP_FIXED */
};

/* Whether a peer gets routes of this family. */
bool config_peer_takes(const struct config_peer *p, int family);

struct config {
	char *fleet; /* DNS label; "default" */

	struct {
		enum log_level level;
		enum log_format format;
	} log;

	struct {
		/* For /healthz, /readyz and /metrics, as listen_parse takes it; "" is off */
		char *listen;
		char *probes;        /* for /healthz and /readyz alone, in the same way */
		struct ipnet *allow; /* clients of `listen`; none: any */
		size_t n_allow;
	} http;

	struct {
		char *socket; /* the abstract name that the controller listens on, a DNS label */
	} control;

	struct {
		char *program;             /* keepalived's path */
		char *template_path;       /* keepalived.conf.mustache */
		char *nft_template_path;   /* nftables.conf.mustache */
		char *state_dir;           /* keepalived.conf and pid files go here */
		uint64_t min_reload_gap;   /* usec between two SIGHUPs */
		uint64_t verify_timeout;   /* usec until the kernel must hold what was asked for */
		uint64_t shutdown_timeout; /* usec to wait for the sidecar's drain at SIGTERM */
	} keepalived;

	struct {
		/* usec, whole seconds, without a packet until IPVS forgets a connection */
		struct {
			uint64_t tcp, tcp_fin, udp;
		} timeouts;
	} ipvs;

	enum config_announce announce;

	/* For CONFIG_ANNOUNCE_L2. */
	struct {
		char **interfaces; /* of the node; none: those whose network holds the VIP */
		size_t n_interfaces;
		char *program;       /* keepalived's path */
		char *template_path; /* vrrp.conf.mustache */
		char *state_dir;     /* its file, pid files and pipe go here */
		uint64_t interval;   /* usec between two advertisements, 300 ms */
	} l2;

	/* For CONFIG_ANNOUNCE_EXEC. */
	struct {
		char *program;      /* the path of who tells the network; "" with others */
		uint64_t timeout;   /* usec that a call of it may take */
		char **environment; /* names of our variables that it gets */
		size_t n_environment;
	} exec;

	struct {
		char *program;       /* exabgp's path */
		char *template_path; /* exabgp.conf.mustache */
		char *state_dir;     /* exabgp.conf goes here */
		uint32_t as;         /* our AS; 0 when no peer is configured */
		uint64_t hold_time;  /* usec, whole seconds, 3 s or more (RFC 4271); 9 s */
		struct config_peer *peers;
		size_t n_peers;
		struct config_other_peer *other_peers;
		size_t n_other_peers;
		struct {
			struct config_next_hop ipv4, ipv6; /* of routes of this family */
		} next_hop;
		struct ipnet *aggregates; /* announced in place of the VIPs they contain */
		size_t n_aggregates;
		/* Of routes of which no Service says something else. */
		char *communities;         /* as communities_parse takes them, or "" */
		uint32_t local_preference; /* for peers of our own AS */
		uint32_t med;              /* 0: none is sent */
		uint32_t as_path_prepend;  /* how often our AS comes once more */
		struct {
			bool enabled;
			char *program;       /* BIRD's path */
			uint64_t interval;   /* usec between two packets, whole milliseconds */
			uint32_t multiplier; /* lost packets until a session is down */
		} bfd;
	} bgp;

	struct {
		/* Family 0: find it. The second of a pair is of the other family, for its VIPs. */
		struct ipaddr pod_address, pod_address6;
		struct ipaddr node_address, node_address6;
		/* Path of the node's network namespace; "" leaves the node's routes alone. */
		char *netns;
		uint64_t poll_interval; /* usec between two looks at IPVS */
		uint64_t drain;         /* usec between withdraw and the end at SIGTERM */
		uint64_t grace;         /* usec that a part may be broken; 0: for ever */
	} node;

	/* For the source `kubernetes`. */
	struct {
		char *kubeconfig;      /* path; "": the service account of our pod */
		char *context;         /* of the kubeconfig; "": its current one */
		char *namespace;       /* whose Services are followed; "": all */
		char *lease_namespace; /* where the fleet's Leases are; "": that of our account */
		char *identity;        /* our name in Leases and Events; "": POD_NAME, host name */
		uint64_t silence_timeout; /* usec without a whole line; such a watch is dead */
		bool default_class; /* Services of type LoadBalancer without a class are ours */
	} kubernetes;

	struct {
		struct ipnet *allow; /* addresses that endpoints may have; none: any */
		size_t n_allow;
		uint32_t per_namespace; /* real servers of one namespace; 0: any number */
		bool only_pods;         /* none but those that a Service's own selector finds */
	} endpoints;

	enum forward_method forward; /* of Services that do not say */

	struct {
		enum encapsulation encapsulation; /* of Services that do not say */
		uint16_t port;                    /* of ENCAPSULATION_GUE: UDP's */
		char **nodes;                     /* that take tunnels, with manifests */
		size_t n_nodes;
	} tunnel;

	struct config_pool *pools;
	size_t n_pools;

	char *note; /* what the file says and is read as something else; NULL: nothing */

	struct config_text *text; /* of the file, for config_check to name places; NULL: none */
};

/*
 * Defaults, then the file at `path` (NULL: defaults alone); config_check has to follow. Errors:
 * -EINVAL with "PATH:LINE:COLUMN: key: what is wrong and what would be right"; -ENOENT and others
 * from reading.
 */
int config_load(struct config **ret, const char *path, struct err *e);

/* What concerns more than one key, once all that set any have done so. Errors as of config_load. */
int config_check(struct config *c, struct err *e);

/*
 * Sets the key `path` ("keepalived.minReloadGap") from `text`, as a flag or the environment does.
 * Not for lists. Errors: -EINVAL with "PATH: what is wrong and what would be right".
 */
int config_set(struct config *c, const char *path, const char *text, struct err *e);

struct config *config_free(struct config *c);
