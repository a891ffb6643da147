/* SPDX-License-Identifier: Apache-2.0 */
#include "table/script.h"

#include <netinet/in.h>
#include <stdio.h>

#include "base/sorted.h"

static const struct dialect {
	const char *table, *header, *type, *device, *address;
	unsigned protocol;
} dialects[] = {
	{"ip " SCRIPT_TABLE, "ip", "ipv4_addr", "kago0", "169.254.77.1", IPPROTO_IPIP},
	{"ip6 " SCRIPT_TABLE, "ip6", "ipv6_addr", "kago6", "fd00:6b61:676f::1", IPPROTO_IPV6},
};

static const struct dialect *dialect_of(int family)
{
	return &dialects[family == AF_INET6];
}

const char *script_device(int family)
{
	return dialect_of(family)->device;
}

const char *script_address(int family)
{
	return dialect_of(family)->address;
}

unsigned script_protocol(int family)
{
	return dialect_of(family)->protocol;
}

const char *script_set_name(enum script_set set)
{
	static const char *const names[] = {"pods", "endpoints", "vips", "sources"};

	return names[set];
}

size_t script_set_size(const struct content *c, enum script_set set)
{
	const size_t sizes[] = {c->ids.n_items, c->plan->n_entries, c->n_vips, c->n_sources};

	return sizes[set];
}

/* The elements of one command: nothing is written if there are none. */
struct list {
	FILE *out;
	const struct dialect *d;
	const char *verb, *set;
	size_t n;
};

static FILE *next(struct list *l)
{
	if (l->n++ == 0)
		fprintf(l->out, "%s element %s %s { ", l->verb, l->d->table, l->set);
	else
		fputs(", ", l->out);
	return l->out;
}

static void end(const struct list *l)
{
	if (l->n > 0)
		fputs(" }\n", l->out);
}

static struct list begin(FILE *out, const struct dialect *d, bool add, enum script_set set)
{
	return (struct list){
		.out = out, .d = d, .verb = add ? "add" : "delete", .set = script_set_name(set)};
}

static void put_pods(
	FILE *out, const struct dialect *d, bool add, const struct ids *of, const struct ids *but)
{
	struct list l = begin(out, d, add, SCRIPT_PODS);
	char addr[IPADDR_TEXT];

	for (size_t i = 0; i < of->n_items; i++) {
		const struct id *one = &of->items[i];

		if (ids_find(but, &one->addr) == one->id)
			continue;
		fputs(ipaddr_format(addr, &one->addr), next(&l));
		if (add)
			fprintf(out, " : %u", one->id);
	}
	end(&l);
}

static void put_entry(
	FILE *out, const struct plan_entry *one, const struct ids *ids, bool with_value)
{
	char vip[IPADDR_TEXT], pod[IPADDR_TEXT];

	fprintf(out, "%u . %s . %s . %u", ids_find(ids, &one->pod),
		ipaddr_format(vip, &one->place.vip), place_protocol(one->place.protocol),
		one->place.port);
	if (with_value)
		fprintf(out, " : %s . %u", ipaddr_format(pod, &one->pod), one->target);
}

static void put_entries(FILE *out, const struct dialect *d, bool add, const struct content *of,
	const struct content *but)
{
	CLEANUP(plan_freep) struct plan *some = plan_minus(of->plan, but->plan);
	struct list l = begin(out, d, add, SCRIPT_ENDPOINTS);

	for (size_t i = 0; i < some->n_entries; i++)
		put_entry(next(&l), &some->entries[i], &of->ids, add);
	end(&l);
}

static int cmp_vip(const void *key, const void *item)
{
	return ipaddr_cmp(key, item);
}

static bool has_vip(const struct content *c, const struct ipaddr *vip)
{
	size_t i = sorted_place(vip, c->vips, c->n_vips, sizeof *c->vips, cmp_vip);

	return i < c->n_vips && ipaddr_equal(&c->vips[i], vip);
}

static void put_vips(FILE *out, const struct dialect *d, bool add, const struct content *of,
	const struct content *but)
{
	struct list l = begin(out, d, add, SCRIPT_VIPS);
	char addr[IPADDR_TEXT];

	for (size_t i = 0; i < of->n_vips; i++)
		if (!has_vip(but, &of->vips[i]))
			fputs(ipaddr_format(addr, &of->vips[i]), next(&l));
	end(&l);
}

static bool has_source(const struct content *c, const struct ipnet *net)
{
	for (size_t i = 0; i < c->n_sources; i++)
		if (ipnet_cmp(&c->sources[i], net) == 0)
			return true;
	return false;
}

static void put_sources(FILE *out, const struct dialect *d, bool add, const struct content *of,
	const struct content *but)
{
	struct list l = begin(out, d, add, SCRIPT_SOURCES);
	char net[IPNET_TEXT];

	for (size_t i = 0; i < of->n_sources; i++)
		if (!has_source(but, &of->sources[i]))
			fputs(ipnet_format(net, &of->sources[i]), next(&l));
	end(&l);
}

/* Of `of` what `but` has not. */
static void put_elements(FILE *out, const struct dialect *d, bool add, const struct content *of,
	const struct content *but)
{
	put_entries(out, d, add, of, but);
	put_pods(out, d, add, &of->ids, &but->ids);
	put_vips(out, d, add, of, but);
	put_sources(out, d, add, of, but);
}

/*
 * nft 1.0.6 dies of reading a set that libnftables 1.1 has made by the name of a type, if that is
 * all of a key or of a value; and it cannot make `endpoints` by typeof where that is there already.
 */
static void put_sets(FILE *out, const struct dialect *d)
{
	fprintf(out,
		"add map %s pods { typeof %s daddr : meta mark; }\n"
		"add map %s endpoints { type mark . %s . inet_proto . inet_service : "
		"%s . inet_service; }\n"
		"add set %s vips { typeof %s daddr; }\n"
		"add set %s sources { typeof %s saddr; flags interval; }\n",
		d->table, d->header, d->table, d->type, d->type, d->table, d->header, d->table,
		d->header);
	for (enum script_set set = 0; set < SCRIPT_N_SETS; set++)
		fprintf(out, "flush %s %s %s\n", set < SCRIPT_VIPS ? "map" : "set", d->table,
			script_set_name(set));
}

static void put_counters(FILE *out, const struct dialect *d)
{
	fprintf(out, "add counter %s " SCRIPT_REFUSED "\nadd counter %s " SCRIPT_DROPPED "\n",
		d->table, d->table);
}

static void put_chains(FILE *out, const struct dialect *d)
{
	static const struct {
		const char *name, *type, *hook;
		int priority;
	} chains[] = {
		{"outer", "filter", "prerouting", -310}, /* before conntrack and kube-proxy */
		{"inner", "nat", "prerouting", -110},    /* before kube-proxy, which has -100 */
		{"guard", "filter", "prerouting", -90},
		{"clamp", "filter", "forward", -150},
	};

	for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++)
		fprintf(out,
			"add chain %s %s { type %s hook %s priority %d; policy accept; }\n"
			"flush chain %s %s\n",
			d->table, chains[i].name, chains[i].type, chains[i].hook,
			chains[i].priority, d->table, chains[i].name);
}

static void put_clamp(FILE *out, const struct dialect *d, unsigned mss)
{
	fprintf(out,
		"add rule %s clamp ct direction reply ct original %s daddr @vips "
		"tcp flags & (syn|ack) == syn|ack tcp option maxseg size set %u\n",
		d->table, d->header, mss);
}

/*
 * What nobody may send goes on as it came, which no pod understands. A map cannot be asked whether
 * it has something but by its value: the mark is where that fits.
 */
static void put_refusal(FILE *out, const struct dialect *d, const char *tunnelled)
{
	fprintf(out,
		"add rule %s outer %s %s saddr != @sources meta mark set %s daddr map @pods "
		"meta mark set 0 counter name " SCRIPT_REFUSED "\n",
		d->table, tunnelled, d->header, d->header);
}

static void put_refusals(FILE *out, const struct dialect *d, unsigned gue_port)
{
	CLEANUP_FREE char *plain = xasprintf("meta l4proto %u", d->protocol);
	CLEANUP_FREE char *gue =
		xasprintf("udp dport %u @th,64,32 0x00%02x0000", gue_port, d->protocol);

	put_refusal(out, d, plain);
	put_refusal(out, d, gue);
}

/* SCRIPT_RULES of them. */
static void put_rules(FILE *out, const struct dialect *d, unsigned mss, unsigned gue_port)
{
	/* Whoever could send to the device's own address would need to be in no set. */
	fprintf(out,
		"add rule %s outer %s daddr %s drop\n"
		"add rule %s outer meta l4proto %u %s saddr @sources meta mark set %s daddr map "
		"@pods notrack %s daddr set %s\n",
		d->table, d->header, d->address, d->table, d->protocol, d->header, d->header,
		d->header, d->address);
	/* GUE of version 0 with nothing but its header, which says what is in it: IPVS sends no
	 * other, and a pod may have something else at this port. */
	fprintf(out,
		"add rule %s outer udp dport %u @th,64,32 0x00%02x0000 %s saddr @sources meta mark "
		"set %s daddr map @pods notrack %s daddr set %s\n",
		d->table, gue_port, d->protocol, d->header, d->header, d->header, d->address);
	put_refusals(out, d, gue_port);
	fprintf(out,
		"add rule %s inner iifname \"%s\" meta l4proto { tcp, udp } dnat %s to "
		"meta mark . %s daddr . meta l4proto . th dport map @endpoints\n"
		"add rule %s inner iifname \"%s\" counter name " SCRIPT_DROPPED " drop\n",
		d->table, d->device, d->header, d->header, d->table, d->device);
	/* What led nowhere must not be routed, as what has no connection: its VIP leads back to a
	 * load balancer; nor may kube-proxy's rules, which come next, find some pod for it. */
	fprintf(out,
		"add rule %s guard iifname \"%s\" ct status & dnat != dnat "
		"counter name " SCRIPT_DROPPED " drop\n"
		"add rule %s guard iifname \"%s\" meta mark set 0\n",
		d->table, d->device, d->table, d->device);
	put_clamp(out, d, mss);
}

char *script_fill(int family, const struct content *c, unsigned mss, enum script_way way)
{
	const struct dialect *d = dialect_of(family);
	struct plan none = {0};
	const struct content nothing = {.plan = &none};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		mem_exhausted();
	fprintf(out, "add table %s\n", d->table);
	if (way == SCRIPT_ANEW)
		fprintf(out, "delete table %s\nadd table %s\n", d->table, d->table);
	put_sets(out, d);
	put_counters(out, d);
	put_chains(out, d);
	put_rules(out, d, mss, c->plan->gue_port);
	put_elements(out, d, true, c, &nothing);
	if (fclose(out) != 0)
		mem_exhausted();
	return text;
}

char *script_mss(int family, unsigned mss)
{
	const struct dialect *d = dialect_of(family);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		mem_exhausted();
	fprintf(out, "flush chain %s clamp\n", d->table);
	put_clamp(out, d, mss);
	if (fclose(out) != 0)
		mem_exhausted();
	return text;
}

char *script_change(int family, const struct content *from, const struct content *to)
{
	const struct dialect *d = dialect_of(family);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		mem_exhausted();
	put_elements(out, d, false, from, to);
	put_elements(out, d, true, to, from);
	if (fclose(out) != 0)
		mem_exhausted();
	if (len > 0)
		return text;
	free(text);
	return NULL;
}

char *script_remove(int family)
{
	const struct dialect *d = dialect_of(family);

	return xasprintf("add table %s\ndelete table %s\n", d->table, d->table);
}
