/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp_conf.h"

#include <errno.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"

/* Whether there are routes of this family for it. */
static bool takes(
	const struct site *p, const struct config *c, const struct config_peer *peer, int family)
{
	return config_peer_takes(peer, family) && site_hop_to(p, c, peer, family);
}

/* exabgp says that it can IPv4 by IPv6 only to whom it speaks of both. */
static int peer_view(json_t **ret, const struct config *c, const struct site *p,
	const struct passwords *passwords, const struct config_peer *peer, struct err *e)
{
	const char *password = NULL;
	char address[IPADDR_TEXT], local[IPADDR_TEXT], id[IPADDR_TEXT];
	const struct ipaddr *from = peer->local_address.family
					    ? &peer->local_address
					    : dual_of(&p->pod, peer->address.family);
	uint64_t hold_time = peer->hold_time ? peer->hold_time : c->bgp.hold_time;
	int r;

	ipaddr_format(address, &peer->address);
	if (!from)
		return err_set(
			e, EINVAL, "peer %s: the pod has no address of this family", address);
	if (peer->extended_next_hop && !site_next_hop(p, c, AF_INET6))
		return err_set(e, EINVAL,
			"peer %s: extendedNextHop is of routes to an IPv6 address, and there is "
			"none "
			"(bgp.nextHop.ipv6)",
			address);
	if (peer->password_file) {
		r = passwords_find(&password, passwords, peer->password_file, e);
		if (r < 0)
			return err_wrap(e, "peer %s", address);
	}
	*ret = json_pack("{ss ss+ ss ss sI sI sI si ss? sb sb sb}", "address", address,
		"description", "kago ", c->fleet, "router_id", ipaddr_format(id, &p->router_id),
		"local_address", ipaddr_format(local, from), "local_as", (json_int_t)c->bgp.as,
		"peer_as", (json_int_t)peer->as, "hold_time", (json_int_t)(hold_time / 1000000),
		"port", (int)peer->port, "password", password, "ipv4", takes(p, c, peer, AF_INET),
		"ipv6", takes(p, c, peer, AF_INET6) || peer->extended_next_hop, "extended",
		peer->extended_next_hop);
	if (peer->ttl)
		jsonx_set(*ret, "ttl", json_integer((json_int_t)peer->ttl));
	return 0;
}

/* exabgp splits the program's line at blanks, and its configuration at these and other signs. */
static int check_program(const char *program, struct err *e)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789/._-+";
	char quoted[STR_QUOTED_SIZE];

	if (program[strspn(program, allowed)])
		return err_set(e, EINVAL,
			"the program's path %s has characters that exabgp.conf cannot hold",
			str_quote(quoted, program));
	return 0;
}

int exabgp_conf_view(json_t **ret, const struct config *c, const struct site *p,
	const struct passwords *passwords, const char *program, struct err *e)
{
	CLEANUP(json_decrefp) json_t *peers = json_array();
	int r = check_program(program, e);

	for (size_t i = 0; r == 0 && i < c->bgp.n_peers; i++) {
		json_t *peer = NULL;

		r = peer_view(&peer, c, p, passwords, &c->bgp.peers[i], e);
		if (r == 0)
			json_array_append_new(peers, peer);
	}
	if (r < 0)
		return r;
	*ret = json_pack("{ss sO}", "program", program, "peers", peers);
	return 0;
}

int exabgp_conf_write(
	const char *path, const struct mustache *template, const json_t *view, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = mustache_render(&text, &len, template, view, e);

	if (r < 0)
		return err_wrap(e, "filling the template of %s", path);
	return fs_write_private(path, text, len, e);
}
