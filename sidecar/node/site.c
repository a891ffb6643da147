/* SPDX-License-Identifier: Apache-2.0 */
#include "node/site.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sockaddr.h"
#include "node/netns.h"

enum { BGP_PORT = 179 };

const struct ipaddr *dual_of(const struct dual *d, int family)
{
	const struct ipaddr *a = family == AF_INET ? &d->v4 : &d->v6;

	return a->family ? a : NULL;
}

static void dual_set(struct dual *d, const struct ipaddr *a)
{
	if (a->family == AF_INET)
		d->v4 = *a;
	else if (a->family == AF_INET6)
		d->v6 = *a;
}

/* Connecting a UDP socket sends nothing; it asks the kernel for a route and a source address. */
static int source_towards(
	struct ipaddr *ret, const char *netns, const struct ipaddr *to, struct err *e)
{
	union sockaddr_any s;
	socklen_t len = sockaddr_set(&s, to, BGP_PORT);
	CLEANUP_CLOSE int fd = netns_socket(netns, to->family, SOCK_DGRAM, e);

	if (fd < 0)
		return fd;
	if (connect(fd, &s.any, len) < 0 || getsockname(fd, &s.any, &len) < 0)
		return err_errno(e, errno, "asking for a route");
	return sockaddr_get(ret, &s.any) && ipaddr_is_unicast(ret)
		       ? 0
		       : err_set(e, ENOENT, "the route has no usable source");
}

static void log_address(const char *whose, const struct ipaddr *a, const char *how)
{
	char text[IPADDR_TEXT];

	log_info("address.found", LOG_STR("of", whose), LOG_STR("address", ipaddr_format(text, a)),
		LOG_STR("how", how));
}

/* Addresses of RFC 5737 and RFC 3849: nobody's, so only the default route leads there. */
static const char *const nowhere[] = {"192.0.2.1", "2001:db8::1"};

/* Finds what is not configured, unless netns is NULL; `why_not` says why one was not found. */
static void complete_dual(struct dual *d, const char *whose, const char *netns, struct err *why_not)
{
	for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
		struct ipaddr to, found = {0};

		if (ipaddr_parse(&to, nowhere[i], why_not) < 0)
			continue;
		if (dual_of(d, to.family)) {
			log_address(whose, dual_of(d, to.family), "configured");
		} else if (netns && source_towards(&found, netns, &to, why_not) == 0) {
			dual_set(d, &found);
			log_address(whose, &found, "source of the default route");
		} else {
			log_debug("address.absent", LOG_STR("of", whose), LOG_ERR(why_not),
				LOG_STR("family", to.family == AF_INET ? "ipv4" : "ipv6"));
		}
	}
}

static int find_pod(struct dual *pod, struct err *e)
{
	struct err why_not = {0};

	complete_dual(pod, "pod", "", &why_not);
	if (pod->v4.family || pod->v6.family)
		return 0;
	return err_set(
		e, ENOENT, "the pod's address is unknown: %s; set POD_IP or --pod-ip", why_not.msg);
}

static int find_node(struct dual *node, const char *netns, struct err *e)
{
	struct err why_not = {.msg = "node.netns is not set"};

	complete_dual(node, "node", netns[0] ? netns : NULL, &why_not);
	if (node->v4.family || node->v6.family)
		return 0;
	return err_set(e, ENOENT, "the node's address is unknown: %s; set NODE_IP or --node-ip",
		why_not.msg);
}

/* RFC 6286: any non-zero value unique in the AS; FNV-1a spreads addresses of one prefix well. */
static struct ipaddr router_id_of(const struct dual *pod)
{
	uint32_t hash = 2166136261u;
	uint8_t bytes[4];

	if (pod->v4.family)
		return pod->v4;
	for (size_t i = 0; i < sizeof pod->v6.bytes; i++)
		hash = (uint32_t)(((uint64_t)(hash ^ pod->v6.bytes[i]) * 16777619u) & 0xffffffffu);
	hash |= 1;
	memcpy(bytes, &hash, sizeof bytes);
	return ipaddr_from_bytes(AF_INET, bytes);
}

int site_find(struct site *ret, const struct config *c, struct err *e)
{
	struct site p = {0};
	int r;

	dual_set(&p.pod, &c->node.pod_address);
	dual_set(&p.pod, &c->node.pod_address6);
	dual_set(&p.node, &c->node.node_address);
	dual_set(&p.node, &c->node.node_address6);
	r = find_pod(&p.pod, e);
	if (r == 0)
		r = find_node(&p.node, c->node.netns, e);
	if (r < 0)
		return r;
	p.router_id = router_id_of(&p.pod);
	log_address("router-id", &p.router_id,
		p.pod.v4.family ? "the pod's address" : "a hash of the pod's IPv6 address");
	*ret = p;
	return 0;
}
