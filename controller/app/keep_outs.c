/* SPDX-License-Identifier: Apache-2.0 */
#include "app/keep_outs.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

static const char own[] = "this pod's own address";
static const char node[] = "the node's own address";
static const char other[] = "another load balancer's address";
static const char others_node[] = "the address of another load balancer's node";

static void add(struct keep_outs *k, const struct ipaddr *addr, const char *what)
{
	k->items = xreallocarray(k->items, k->n_items + 1, sizeof *k->items);
	k->items[k->n_items++] = (struct keep_out){*addr, what};
}

static void add_interface(struct keep_outs *k, const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;
	struct ipaddr addr;

	if (sa->sa_family == AF_INET)
		addr = ipaddr_from_bytes(AF_INET, &v4->sin_addr);
	else if (sa->sa_family == AF_INET6)
		addr = ipaddr_from_bytes(AF_INET6, &v6->sin6_addr);
	else
		return;
	add(k, &addr, own);
}

static void add_interfaces(struct keep_outs *k)
{
	struct ifaddrs *all = NULL;
	struct err e = {0};

	if (getifaddrs(&all) < 0) {
		err_errno(&e, errno, "reading the addresses of this pod");
		log_warn("endpoints.unguarded", LOG_ERR(&e),
			LOG_STR("effect", "endpoints may have this pod's own addresses"));
		return;
	}
	for (const struct ifaddrs *one = all; one; one = one->ifa_next)
		if (one->ifa_addr)
			add_interface(k, one->ifa_addr);
	freeifaddrs(all);
}

/* Addresses separated by commas; a name, as KUBERNETES_SERVICE_HOST may be, is none. */
static void add_variable(struct keep_outs *k, const char *variable, const char *what)
{
	const char *value = getenv(variable);
	CLEANUP_FREE char *copy = value ? xstrdup(value) : NULL;
	char *next = copy;

	while (next) {
		struct ipaddr addr;
		struct err e = {0};

		if (ipaddr_parse(&addr, strsep(&next, ","), &e) >= 0)
			add(k, &addr, what);
	}
}

struct keep_outs keep_outs_find(const struct config *config, bool is_pod)
{
	struct keep_outs k = {0};

	if (is_pod)
		add_interfaces(&k);
	add_variable(&k, "POD_IPS", own);
	add_variable(&k, "HOST_IPS", node);
	add_variable(&k, "NODE_IP", node);
	add_variable(&k, "KUBERNETES_SERVICE_HOST", "the API server");
	for (size_t i = 0; i < config->bgp.n_peers; i++)
		add(&k, &config->bgp.peers[i].address, "a BGP peer");
	k.n_own = k.n_items;
	return k;
}

static bool is_own(const struct keep_outs *k, const struct ipaddr *addr)
{
	for (size_t i = 0; i < k->n_own; i++)
		if (ipaddr_equal(&k->items[i].addr, addr))
			return true;
	return false;
}

void keep_outs_configure(struct keep_outs *k, const struct config *config, bool is_pod)
{
	struct keep_outs now = keep_outs_find(config, is_pod);

	for (size_t i = k->n_own; i < k->n_items; i++)
		if (!is_own(&now, &k->items[i].addr))
			add(&now, &k->items[i].addr, k->items[i].what);
	keep_outs_done(k);
	*k = now;
}

void keep_outs_tell(struct keep_outs *k, const struct member_address list[], size_t n)
{
	k->n_items = k->n_own;
	for (size_t i = 0; i < n; i++)
		if (!is_own(k, &list[i].addr))
			add(k, &list[i].addr, list[i].is_node ? others_node : other);
}

void keep_outs_done(struct keep_outs *k)
{
	free(k->items);
	*k = (struct keep_outs){0};
}
