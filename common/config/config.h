/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "base/log.h"
#include "config/pool.h"

/*
 * kago.yaml, which both programs read: each uses its part, and both refuse a file that is wrong
 * anywhere. docs/configuration.md lists the keys. Strings are never NULL unless said so.
 */

struct config_peer {
	struct ipaddr address;
	uint32_t as;         /* the peer's AS number; unless said, bgp.as */
	bool as_is_ours;     /* it was not said */
	uint16_t port;       /* 179 unless said */
	char *password_file; /* TCP MD5 (RFC 2385) secret in a file; NULL: none */
};

struct config {
	char *fleet; /* DNS label; "default" */

	struct {
		enum log_level level;
		enum log_format format;
	} log;

	struct {
		/* For /healthz, /readyz and /metrics, as listen_parse takes it; "" is off */
		char *listen;
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
		char *program;       /* exabgp's path */
		char *template_path; /* exabgp.conf.mustache */
		char *state_dir;     /* exabgp.conf goes here */
		uint32_t as;         /* our AS; 0 when no peer is configured */
		uint64_t hold_time;  /* usec, whole seconds, 3 s or more (RFC 4271); 9 s */
		struct config_peer *peers;
		size_t n_peers;
		struct ipnet *aggregates; /* announced in place of the VIPs they contain */
		size_t n_aggregates;
	} bgp;

	struct {
		/* Family 0: find it. The second of a pair is of the other family, for its VIPs. */
		struct ipaddr pod_address, pod_address6;
		struct ipaddr node_address, node_address6;
		/* Path of the node's network namespace; "" leaves the node's routes alone. */
		char *netns;
		uint64_t poll_interval; /* usec between two looks at IPVS */
		uint64_t drain;         /* usec between withdraw and the end at SIGTERM */
	} node;

	/* For the source `kubernetes`. */
	struct {
		char *kubeconfig;      /* path; "": the service account of our pod */
		char *context;         /* of the kubeconfig; "": its current one */
		char *namespace;       /* whose Services are followed; "": all */
		char *lease_namespace; /* where the fleet's Leases are; "": that of our account */
		char *identity;        /* our name in Leases and Events; "": POD_NAME, host name */
		uint64_t silence_timeout; /* usec; a watch that says nothing for so long is dead */
		bool default_class; /* Services of type LoadBalancer without a class are ours */
	} kubernetes;

	struct config_pool *pools;
	size_t n_pools;

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
