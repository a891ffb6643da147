/* SPDX-License-Identifier: Apache-2.0 */
#include "table/receiver.h"

#include <netinet/in.h>
#include <stdio.h>

#include "table/script.h"

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TCP_HEADER = 20,
	GUE_HEADERS = 8 + 4, /* with UDP's */
	MTU = 1500,
	MTU_MIN = 576, /* a smaller one is a mistake of somebody's (RFC 791) */
};

struct words {
	const char *header, *device, *address;
	unsigned protocol;
};

static struct words words_of(int family)
{
	const char *header = family == AF_INET ? "ip" : "ip6";

	return (struct words){
		header, script_device(family), script_address(family), script_protocol(family)};
}

unsigned receiver_mss(const struct receiver *r, int family)
{
	unsigned header = family == AF_INET ? IPV4_HEADER : IPV6_HEADER;
	unsigned outer = header + (r->gue_port ? GUE_HEADERS : 0);

	return (r->mtu >= MTU_MIN ? r->mtu : MTU) - outer - header - TCP_HEADER;
}

/* By `type` nft 1.0.6, which Debian 12 has, would crash where it lists what 1.1.3 has made. */
static void put_addresses(FILE *out, const struct words *w, int family, const char *set,
	const struct ipaddr list[], size_t n)
{
	const char *between = "";
	char text[IPADDR_TEXT];

	fprintf(out, "add set %s " RECEIVER_TABLE " %s { typeof %s daddr; elements = { ", w->header,
		set, w->header);
	for (size_t i = 0; i < n; i++) {
		if (list[i].family != family)
			continue;
		fprintf(out, "%s%s", between, ipaddr_format(text, &list[i]));
		between = ", ";
	}
	fputs(" }; }\n", out);
}

static void put_sources(FILE *out, const struct words *w, int family, const struct receiver *r)
{
	const char *between = "";
	char text[IPNET_TEXT];

	if (!r->n_sources)
		return;
	fprintf(out,
		"add set %s " RECEIVER_TABLE
		" sources { typeof %s saddr; flags interval; elements = { ",
		w->header, w->header);
	for (size_t i = 0; i < r->n_sources; i++) {
		if (r->sources[i].addr.family != family)
			continue;
		fprintf(out, "%s%s", between, ipnet_format(text, &r->sources[i]));
		between = ", ";
	}
	fputs(" }; }\n", out);
}

static void put_chains(FILE *out, const struct words *w)
{
	static const struct {
		const char *name, *type, *hook;
		int priority;
	} chains[] = {
		{"outer", "filter", "prerouting", -310}, /* before conntrack */
		{"inner", "nat", "prerouting", -110},
		{"replies", "filter", "output", -310},
	};

	for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++)
		fprintf(out,
			"add chain %s " RECEIVER_TABLE
			" %s { type %s hook %s priority %d; policy accept; }\n",
			w->header, chains[i].name, chains[i].type, chains[i].hook,
			chains[i].priority);
}

/* A rule's beginning. */
static FILE *rule(FILE *out, const struct words *w, const char *chain)
{
	fprintf(out, "add rule %s " RECEIVER_TABLE " %s ", w->header, chain);
	return out;
}

/* What is for a VIP comes by the tunnel alone, and nothing else comes by it. TCP is not tracked:
 * it needs no memory of the kernel, and goes on however long it was silent. */
static void put_guard(FILE *out, const struct words *w)
{
	fprintf(rule(out, w, "outer"), "%s daddr %s drop\n", w->header, w->address);
	fprintf(rule(out, w, "outer"), "iifname \"%s\" %s daddr != @vips drop\n", w->device,
		w->header);
	fprintf(rule(out, w, "outer"), "iifname != { \"%s\", \"lo\" } %s daddr @vips drop\n",
		w->device, w->header);
	fprintf(rule(out, w, "outer"), "iifname \"%s\" meta l4proto tcp notrack\n", w->device);
}

/* The tunnel is the device's, whatever address the pod has. GUE as in table/script.c. */
static void put_tunnel(FILE *out, const struct words *w, const struct receiver *r)
{
	CLEANUP_FREE char *from =
		r->n_sources ? xasprintf("%s saddr @sources ", w->header) : xstrdup("");

	fprintf(rule(out, w, "outer"), "meta l4proto %u %s daddr @pods %snotrack %s daddr set %s\n",
		w->protocol, w->header, from, w->header, w->address);
	if (r->gue_port)
		fprintf(rule(out, w, "outer"),
			"udp dport %u @th,64,32 0x00%02x0000 %s daddr @pods %snotrack %s daddr "
			"set %s\n",
			r->gue_port, w->protocol, w->header, from, w->header, w->address);
}

/* A UDP server that has not asked which address a packet was for answers by the pod's own: so that
 * is what it is for, and the answer gets the VIP again. */
static void put_udp(FILE *out, const struct words *w, int family, const struct receiver *r)
{
	char text[IPADDR_TEXT];

	for (size_t i = 0; i < r->n_own; i++) {
		if (r->own[i].family != family)
			continue;
		fprintf(rule(out, w, "inner"), "iifname \"%s\" meta l4proto udp dnat to %s\n",
			w->device, ipaddr_format(text, &r->own[i]));
		return;
	}
}

static void put_replies(FILE *out, const struct words *w, unsigned mss)
{
	fprintf(rule(out, w, "replies"), "%s saddr @vips meta l4proto tcp notrack\n", w->header);
	fprintf(rule(out, w, "replies"),
		"%s saddr @vips tcp flags & (syn|ack) == syn|ack tcp option maxseg size set %u\n",
		w->header, mss);
}

char *receiver_script(const struct receiver *r, int family)
{
	const struct words w = words_of(family);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		mem_exhausted();
	fprintf(out,
		"add table %s " RECEIVER_TABLE "\ndelete table %s " RECEIVER_TABLE
		"\nadd table %s " RECEIVER_TABLE "\n",
		w.header, w.header, w.header);
	put_addresses(out, &w, family, "vips", r->vips, r->n_vips);
	put_addresses(out, &w, family, "pods", r->own, r->n_own);
	put_sources(out, &w, family, r);
	put_chains(out, &w);
	put_guard(out, &w);
	put_tunnel(out, &w, r);
	put_udp(out, &w, family, r);
	put_replies(out, &w, receiver_mss(r, family));
	if (fclose(out) != 0)
		mem_exhausted();
	return text;
}
