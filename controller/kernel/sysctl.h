/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * The sysctls that forwarding stands on, in the network namespace we are in:
 *
 * net.ipv4.vs.conntrack=1: replies take the way back through the masquerade rule.
 *
 * net.ipv4.ip_forward=1, net.ipv6.conf.all.forwarding=1: replies are forwarded packets. With the
 * latter the pod ignores router advertisements.
 *
 * net.ipv4.vs.expire_nodest_conn=1: connections to a removed real server end at once.
 *
 * net.ipv4.vs.expire_quiescent_template=1: session affinity lets go of a real server that drains.
 *
 * net.ipv4.vs.sloppy_tcp=1: a connection through a tunnel that comes from another load balancer
 * goes on, at the real server that this one, too, would have chosen. By NAT it cannot: its real
 * server resets it, as the pod would have without.
 *
 * net.ipv4.vs.schedule_icmp=1: an ICMP error about such a connection gets to its real server, too.
 *
 * net.ipv4.conf.*.send_redirects=0: requests and replies use the same interface on purpose.
 *
 * Not touched: rp_filter, since a pod reaches clients and real servers through the interface that
 * their packets come from, in strict mode too; net.ipv4.vs.conn_reuse_mode, whose default is right
 * since Linux 5.9.
 *
 * net.ipv4.vs.* is there only once the kernel has loaded IPVS: ipvs_open comes first. A kernel
 * without IPv6 is fine.
 */

enum sysctl_need {
	SYSCTL_REQUIRED,      /* without it NAT Services don't work */
	SYSCTL_REQUIRED_IPV6, /* without it NAT Services with IPv6 VIPs don't work */
	SYSCTL_ADVISED,       /* they work, less well */
};

enum sysctl_state {
	SYSCTL_KEPT,   /* had the value already */
	SYSCTL_SET,    /* has it now */
	SYSCTL_FAILED, /* has it not */
};

struct sysctl_result {
	char *name; /* as sysctl(8) takes it */
	enum sysctl_need need;
	enum sysctl_state state;
	const char *wanted; /* the value that is right */
	char *found;        /* the one it had at first; NULL: there is no such sysctl */
	const char *loss;   /* what happens when it is not right */
	int refused;        /* of a failure: the negative errno of writing it; 0: not tried, or in
			       vain */
	char *message; /* of a failure to set it: what is wrong, the remedy, what is lost without
			  it; else NULL */
};

struct sysctl_report {
	struct sysctl_result *results;
	size_t n_results;
};

/*
 * Looks at each and writes only those that differ: in a container /proc/sys is often read-only and
 * the values come from the pod's securityContext.sysctls or an init container. What was written is
 * read back. `root` is "/proc/sys". Fails in parts only, and says so in the report.
 */
struct sysctl_report *sysctl_apply(const char *root) __attribute__((warn_unused_result));

/* Only looks: nothing is written, what is not right counts as failed, without a message. */
struct sysctl_report *sysctl_look(const char *root) __attribute__((warn_unused_result));

struct sysctl_report *sysctl_report_free(struct sysctl_report *r);
