/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/msg.h>

#include "net/ipvs.h"

/*
 * The messages of the generic netlink family "IPVS" (linux/ip_vs.h) to and from our structs; for
 * this folder alone. Pure: nothing is sent here.
 */

/*
 * A request about a service and one of its real servers; both may be NULL. With a scheduler the
 * service is described whole, as making and changing it wants. The caller nlmsg_frees it.
 */
struct nl_msg *ipvs_msg_new(int family, uint8_t cmd, int flags, const struct ipvs_service *s,
	const struct ipvs_dest *d) __attribute__((warn_unused_result));

/*
 * A request about the service with a firewall mark, of one family, and one of its real servers.
 * `scheduler` is NULL where the service need not be described, `dest` where it is about no real
 * server. The caller nlmsg_frees it.
 */
struct nl_msg *ipvs_msg_mark(int genl_family, uint8_t cmd, int family, uint32_t mark,
	const char *scheduler, const struct ipvs_dest *dest) __attribute__((warn_unused_result));

/*
 * What a message says of a service, without real servers. Errors: -ENOENT when it is one by
 * firewall mark, -EBADMSG when it is not what linux/ip_vs.h says.
 */
int ipvs_msg_service(struct ipvs_service *ret, struct nlmsghdr *h);

/* A request to set the timeouts that are not 0. The caller nlmsg_frees it. */
struct nl_msg *ipvs_msg_set_timeouts(int family, const struct ipvs_timeouts *t)
	__attribute__((warn_unused_result));

/* What the answer to IPVS_CMD_GET_CONFIG says. Errors: -EBADMSG. */
int ipvs_msg_timeouts(struct ipvs_timeouts *ret, struct nlmsghdr *h);

/* What a message says of a real server; `family` is that of its service. Errors: -EBADMSG. */
int ipvs_msg_dest(struct ipvs_dest *ret, struct nlmsghdr *h, int family);
