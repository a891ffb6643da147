/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every ceiling on outside input, in one table. Going over one is an error that names the limit;
 * nothing is ever truncated.
 */

enum {
	LIMIT_DOCUMENT_BYTES = 32 * 1024 * 1024, /* one manifest, configuration or template file */
	LIMIT_DOCUMENT_DEPTH = 64,               /* nesting of YAML or JSON; deep CRDs have 40 */
	LIMIT_DOCUMENT_NODES = 4 * 1000 * 1000,  /* values in one YAML document */
	LIMIT_DOCUMENT_ALIASED = 100 * 1000,     /* of these, those that aliases stand for */
	LIMIT_DOCUMENTS = 100 * 1000,            /* YAML documents in one file */
	LIMIT_MANIFEST_FILES = 20 * 1000,        /* files in a manifest directory */

	LIMIT_TEMPLATE_BYTES = 256 * 1024,
	LIMIT_TEMPLATE_DEPTH = 16,                /* nesting of Mustache sections */
	LIMIT_RENDERED_BYTES = 256 * 1024 * 1024, /* one rendered configuration */
	LIMIT_RENDER_STEPS = 16 * 1000 * 1000,    /* tags and texts for it, lists unrolled */
	LIMIT_KEEPALIVED_LINE = 1000, /* a line of keepalived.conf: keepalived splits at 1023 */

	LIMIT_NAME = 253,                /* a Kubernetes name (RFC 1123 subdomain) */
	LIMIT_ANNOTATION = 1024,         /* the value of one kago.dev/ annotation */
	LIMIT_HTTP_PATH = 255,           /* kago.dev/health-check-path */
	LIMIT_HTTP_CODES = 16,           /* codes and ranges of kago.dev/health-check-codes */
	LIMIT_VIPS = 16,                 /* VIPs of one Service */
	LIMIT_SERVICE_PORTS = 1024,      /* ports of one Service */
	LIMIT_SOURCES = 1024,            /* source ranges of one Service */
	LIMIT_ENDPOINTS = 4000,          /* real servers of one virtual server: mh has 4093 slots */
	LIMIT_SERVICE_REALS = 50 * 1000, /* real servers of one Service, over its VIPs and ports */
	LIMIT_FLEET_REALS = 250 * 1000,  /* of one fleet, to stay below LIMIT_RENDERED_BYTES */
	LIMIT_REFUSALS = 10 * 1000,      /* what the kernel would not take, of one fleet */
	LIMIT_FLEET_SOURCES = 200 * 1000, /* of one fleet; nftables takes 2.5 KB each */
	LIMIT_NFT_SOURCES = LIMIT_FLEET_SOURCES + 1024, /* with those of our own listener */
	LIMIT_SLICE_ENDPOINTS = 1000, /* endpoints of one EndpointSlice, as the API server has it */
	LIMIT_SLICE_PORTS = 20000,    /* ports of one EndpointSlice, as the API server has it */

	/* Names of nodes and their addresses; annotations of an object have 256 KiB together. */
	LIMIT_TUNNEL_NODES_TEXT = 240 * 1024,
	LIMIT_REAL_VIPS = 64,         /* of the Services of a pod that takes tunnels itself */
	LIMIT_REAL_SOURCES = 256,     /* prefixes of load balancers that may send to such a pod */
	LIMIT_REAL_ADDRESSES = 16,    /* of its own */
	LIMIT_NODES_ASKED = 16,       /* for a connection that a node does not know */
	LIMIT_LEASE_ADDRESSES = 2,    /* of a pod, and of its node: one of each family */
	LIMIT_ANNOUNCES = 128 * 1024, /* text of what a load balancer announces, in an annotation */

	LIMIT_EVENTS = 4096, /* that wait, or are counted up when they happen again */
	LIMIT_CONDITION_MESSAGE = 32 * 1024, /* a condition's message (metav1.Condition) */

	LIMIT_LOG_LINE = 8 * 1024,             /* one line of a child's output, or of our own log */
	LIMIT_CONTROL_LINE = 16 * 1024 * 1024, /* one message on the control socket */
	LIMIT_CONTROL_ANSWER = 128 * 1024 * 1024, /* the status of LIMIT_FLEET_REALS */
	LIMIT_CONTROL_CLIENTS = 16,
	LIMIT_CONTROL_REQUEST_USEC = 5 * 1000 * 1000, /* until a request that was begun is whole */
	LIMIT_CONTROL_REFUSED = 16,    /* users that the log names because they were not let in */
	LIMIT_SCRIBES = 16,            /* children that write answers at a time */
	LIMIT_API_LINE = 64 * 1024,    /* one line from exabgp's API */
	LIMIT_BIRD_ANSWER = 16 * 1024, /* of BIRD: a session takes 100 bytes */
	LIMIT_VRRP_LINE = 128,         /* of what keepalived's VRRP tells */
	LIMIT_MEMBERS = 1024,          /* addresses of load balancers: 512 with two each */
	LIMIT_FORMER_MEMBERS = 32,     /* of load balancers whose Leases are gone */
	LIMIT_KUBE_OBJECT = 16 * 1024 * 1024, /* one line of a watch; etcd's objects have 1.5 MB */
	LIMIT_KUBE_BODY = 64 * 1024 * 1024,   /* one answer of the API server that is no stream */
	/* JSON values of these two, which take up to 230 bytes each; the largest EndpointSlice that
	 * etcd has room for, with 100 addresses of each endpoint, has 250,000 */
	LIMIT_KUBE_OBJECT_VALUES = 400 * 1000,
	LIMIT_KUBE_BODY_VALUES = 2 * 1000 * 1000,
	LIMIT_HTTP_NETS = 256, /* http.allow */
	LIMIT_HTTP_CONNECTIONS = 64,
	LIMIT_HTTP_CLIENT = 16, /* of these, those of one address */
	LIMIT_KUBECONFIG_BYTES = 4 * 1024 * 1024,
	LIMIT_PEM_BYTES = 2 * 1024 * 1024,    /* CA bundle, client certificate or key */
	LIMIT_TOKEN_BYTES = 64 * 1024,        /* a bearer token; it is sent with every call */
	LIMIT_IPVS_BYTES = 256 * 1024 * 1024, /* /proc/net/ip_vs; 63 bytes a real server */
	/* ipvs.timeouts, seconds; conntrack forgets an idle TCP connection after so long, too */
	LIMIT_TIMEOUT_TCP = 5 * 24 * 3600,
	LIMIT_TIMEOUT_TCP_FIN = 3600,
	LIMIT_TIMEOUT_UDP = 24 * 3600,
	LIMIT_BGP_PEERS = 16,
	LIMIT_OTHER_PEERS = 256,    /* BGP peers that other load balancers of the fleet have */
	LIMIT_COMMUNITIES = 32,     /* of one BGP route */
	LIMIT_AS_PATH_PREPEND = 16, /* how often our AS comes once more in its AS path */
	LIMIT_AGGREGATES = 256,     /* aggregate prefixes in the configuration */
	LIMIT_ENDPOINT_NETS = 256,  /* prefixes that endpoints may be in */
	LIMIT_L2_INTERFACES = 16,   /* of l2.interfaces */
	LIMIT_ANNOUNCED_ON = 600,   /* bytes of the node and interfaces that a Lease says */
	LIMIT_L2_RIVALS = 32,       /* VIPs with a rival that a report, or the log, names */
	LIMIT_EXEC_CALLS = 4,       /* of exec.program at a time */
	LIMIT_EXEC_RETRIES = 2,     /* of these, those for VIPs whose last call failed */
	LIMIT_EXEC_LINES = 50,      /* of one call's output that are logged */
	LIMIT_EXEC_VARIABLES = 32,  /* of exec.environment */
	LIMIT_TUNNEL_NODES = 5000,  /* of tunnel.nodes: as many as a cluster may have */
	LIMIT_POOLS = 64,
	LIMIT_POOL_RANGES = 64,      /* of one pool */
	LIMIT_POOL_NAMESPACES = 256, /* of one pool */
};
