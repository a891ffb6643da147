/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bird_conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

bool bird_conf_has(const struct config *c, const struct config_peer *peer)
{
	return c->bgp.bfd.enabled && peer->bfd;
}

/*
 * Without a hop between packets have the TTL 255 and UDP's port 3784 (RFC 5881), else what the
 * kernel has and 4784 (RFC 5883). A pod is a hop behind its node unless somebody says otherwise.
 */
static bool is_multihop(const struct config_peer *peer)
{
	return peer->ttl != 1;
}

static void put_pace(FILE *out, const char *of, const struct config *c)
{
	fprintf(out, "\t%s {\n\t\tinterval %" PRIu64 " ms;\n\t\tmultiplier %" PRIu32 ";\n\t};\n",
		of, c->bgp.bfd.interval / 1000, c->bgp.bfd.multiplier);
}

static int put_neighbor(
	FILE *out, const struct config_peer *peer, const struct site *p, struct err *e)
{
	const struct ipaddr *from = peer->local_address.family
					    ? &peer->local_address
					    : dual_of(&p->pod, peer->address.family);
	char address[IPADDR_TEXT], local[IPADDR_TEXT];

	ipaddr_format(address, &peer->address);
	if (!from)
		return err_set(
			e, EINVAL, "peer %s: the pod has no address of this family", address);
	fprintf(out, "\tneighbor %s local %s%s;\n", address, ipaddr_format(local, from),
		is_multihop(peer) ? " multihop yes" : "");
	return 0;
}

/* Ports that no session needs are not opened, where all are of one kind. */
static const char *kinds_of(const struct config *c)
{
	bool direct = false, multihop = false;

	for (size_t i = 0; i < c->bgp.n_peers; i++) {
		const struct config_peer *peer = &c->bgp.peers[i];

		if (bird_conf_has(c, peer))
			*(is_multihop(peer) ? &multihop : &direct) = true;
	}
	if (direct && multihop)
		return "";
	return direct ? "\taccept direct;\n" : "\taccept multihop;\n";
}

static int put_all(FILE *out, const struct config *c, const struct site *p, struct err *e)
{
	char id[IPADDR_TEXT];
	int r = 0;

	fprintf(out,
		"log stderr { info, warning, error, fatal, bug };\nrouter id %s;\n\n"
		"protocol device {\n}\n\nprotocol bfd {\n%s",
		ipaddr_format(id, &p->router_id), kinds_of(c));
	put_pace(out, "interface \"*\"", c);
	put_pace(out, "multihop", c);
	for (size_t i = 0; r == 0 && i < c->bgp.n_peers; i++)
		if (bird_conf_has(c, &c->bgp.peers[i]))
			r = put_neighbor(out, &c->bgp.peers[i], p, e);
	fputs("}\n", out);
	return r;
}

int bird_conf_text(char **ret, const struct config *c, const struct site *p, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		mem_exhausted();
	r = put_all(out, c, p, e);
	if (fclose(out) != 0)
		mem_exhausted();
	if (r < 0)
		return r;
	*ret = steal(text);
	return 0;
}
