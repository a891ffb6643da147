/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/realserver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hands.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/device.h"
#include "host/gue.h"
#include "host/interfaces.h"
#include "host/kept.h"
#include "table/receiver.h"
#include "table/script.h"

static int add_vip(struct realserver *r, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	struct ipaddr vip = {0};
	int res = ipaddr_parse(&vip, text, e);

	if (res < 0)
		return res;
	if (!ipaddr_is_unicast(&vip))
		return err_set(e, EINVAL, "%s cannot be a VIP: it is not a unicast address",
			str_quote(quoted, text));
	if (ipaddrs_have(r->vips, r->n_vips, &vip))
		return 0;
	if (r->n_vips == LIMIT_REAL_VIPS)
		return err_set(e, EINVAL, "more than %d VIPs", LIMIT_REAL_VIPS);
	r->vips[r->n_vips++] = vip;
	return 0;
}

static int add_source(struct realserver *r, const char *text, struct err *e)
{
	struct ipnet net = {0};
	int res = ipnet_parse(&net, text, e);

	if (res < 0)
		return res;
	if (r->n_sources == LIMIT_REAL_SOURCES)
		return err_set(e, EINVAL, "more than %d prefixes", LIMIT_REAL_SOURCES);
	r->sources[r->n_sources++] = net;
	return 0;
}

static int add_all(struct realserver *r, const char *list,
	int (*add)(struct realserver *r, const char *text, struct err *e), struct err *e)
{
	CLEANUP_FREE char *copy = xstrdup(list);
	char *rest = copy, *item;
	int res = 0;

	while (res == 0 && (item = strsep(&rest, ", \n")))
		if (*item)
			res = add(r, item, e);
	return res;
}

int realserver_add_vips(struct realserver *r, const char *list, struct err *e)
{
	return add_all(r, list, add_vip, e);
}

int realserver_add_sources(struct realserver *r, const char *list, struct err *e)
{
	return add_all(r, list, add_source, e);
}

static bool has_source(const struct realserver *r, int family)
{
	for (size_t i = 0; i < r->n_sources; i++)
		if (r->sources[i].addr.family == family)
			return true;
	return false;
}

int realserver_check(struct realserver *r, struct err *e)
{
	char text[IPADDR_TEXT];

	if (r->n_vips == 0)
		return err_set(e, EINVAL, "--vip is needed: the VIPs of the pod's Services");
	for (size_t i = 0; r->n_sources && i < r->n_vips; i++)
		if (!has_source(r, r->vips[i].family))
			return err_set(e, EINVAL,
				"--allow has no %s prefix, so nobody may send to %s",
				r->vips[i].family == AF_INET ? "IPv4" : "IPv6",
				ipaddr_format(text, &r->vips[i]));
	r->n_sources = ipnets_settle(r->sources, r->n_sources);
	return 0;
}

static bool has_family(const struct ipaddr list[], size_t n, int family)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].family == family)
			return true;
	return false;
}

/* A node's network namespace has its agent, which takes all tunnels to it, or load balancers behind
 * VIPs: neither may happen there. */
static int refuse_nodes(const struct hands *h, int family, struct err *e)
{
	struct kept kept = {0};
	int r = kept_read(&kept, h->netfilter, family, e);

	if (r == 0 && kept.n_rules)
		r = err_set(e, EBUSY,
			"this is a node's network namespace, with an agent's table '%s': a pod "
			"with hostNetwork cannot take tunnels itself",
			SCRIPT_TABLE);
	kept_done(&kept);
	return r;
}

static int check_pod(
	const struct realserver *r, const struct interfaces *pod, int family, struct err *e)
{
	char text[IPADDR_TEXT];

	if (!has_family(pod->addrs, pod->n_addrs, family))
		return err_set(e, EADDRNOTAVAIL,
			"the pod has no %s address, but a VIP is one: no tunnel could lead here",
			family == AF_INET ? "IPv4" : "IPv6");
	for (size_t i = 0; i < r->n_vips; i++)
		if (ipaddrs_have(pod->addrs, pod->n_addrs, &r->vips[i]))
			return err_set(e, EADDRINUSE, "%s is the pod's own address, no VIP",
				ipaddr_format(text, &r->vips[i]));
	return 0;
}

static int add_vips(const struct realserver *r, const struct hands *h, int family, struct err *e)
{
	int res = 0;

	for (size_t i = 0; res == 0 && i < r->n_vips; i++)
		if (r->vips[i].family == family)
			res = device_add(h->route, &r->vips[i], e);
	return res;
}

static int set_rules(const struct realserver *r, const struct hands *h,
	const struct interfaces *pod, int family, struct err *e)
{
	const struct receiver receiver = {.vips = r->vips,
		.n_vips = r->n_vips,
		.sources = r->sources,
		.n_sources = r->n_sources,
		.own = pod->addrs,
		.n_own = pod->n_addrs,
		.gue_port = r->gue_port,
		.mtu = pod->mtu};
	CLEANUP_FREE char *text = receiver_script(&receiver, family);
	int res = nftables_run(h->nftables, text, e);

	if (res < 0)
		return err_wrap(e, "setting the rules, which need nf_tables, nft_nat and nft_ct on "
				   "the node");
	log_info("realserver.ready", LOG_STR("device", script_device(family)),
		LOG_STR("senders", r->n_sources ? "those allowed" : "all"),
		LOG_UINT("gue_port", r->gue_port),
		LOG_UINT("mss", receiver_mss(&receiver, family)));
	return 0;
}

/* Nobody hears of the VIPs, and nobody may send, before they are there. */
static int set_up_family(const struct realserver *r, const struct hands *h,
	const struct interfaces *pod, int family, struct err *e)
{
	bool changed;
	int res = refuse_nodes(h, family, e);

	if (res == 0)
		res = check_pod(r, pod, family, e);
	if (res == 0 && family == AF_INET)
		res = interfaces_hush(pod, h->route, e);
	if (res == 0)
		res = device_ensure(&changed, h->route, family, e);
	if (res == 0 && r->gue_port)
		res = gue_ensure(&changed, h->generic, family, r->gue_port, e);
	if (res == 0)
		res = add_vips(r, h, family, e);
	return res < 0 ? res : set_rules(r, h, pod, family, e);
}

static int set_up(const struct realserver *r, const struct hands *h, struct err *e)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct interfaces pod = {0};
	int res = interfaces_read(&pod, h->route, e);

	for (size_t i = 0; res == 0 && i < sizeof families / sizeof families[0]; i++)
		if (has_family(r->vips, r->n_vips, families[i]))
			res = set_up_family(r, h, &pod, families[i], e);
	interfaces_done(&pod);
	return res;
}

int realserver_set_up(const struct realserver *r, struct err *e)
{
	struct hands h = {0};
	int res = hands_open(&h, e);

	if (res == 0)
		res = set_up(r, &h, e);
	hands_done(&h);
	if (res == -EPERM)
		return err_wrap(e, "the container lacks the capability NET_ADMIN");
	return res;
}
