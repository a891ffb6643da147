/* SPDX-License-Identifier: Apache-2.0 */
#include "table/second.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>

#include "table/script.h"

/* In the outer header of what one node sends to another: a DSCP for local use (RFC 4594). */
#define FROM_A_NODE "43"
/* What comes from an interface has the priority 0 otherwise. */
#define CAME_FROM_A_NODE "0:4b1d"
/* An address that nobody has: the device is what counts. */
#define ANYWHERE "169.254.77.2"

const char *second_map_name(enum second_map map)
{
	static const char *const names[] = {"firsts", "nexts", "doors"};

	return names[map];
}

static size_t count_nexts(const struct doors *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_items; i++)
		n += d->items[i].next.family != 0;
	return n;
}

/* Each door is one of its own, by number: the first of place i is 2i + 1, the next one 2i + 2. */
size_t second_map_size(const struct doors *d, enum second_map map)
{
	const size_t sizes[] = {d->n_items, count_nexts(d), d->n_items + count_nexts(d)};

	return sizes[map];
}

static void put_key(FILE *out, const struct door *door)
{
	char vip[IPADDR_TEXT];

	fprintf(out, "%s . %u : ", ipaddr_format(vip, &door->place.vip), door->place.port);
}

static void put_map(FILE *out, const struct doors *d, enum second_map map)
{
	char addr[IPADDR_TEXT];
	const char *between = "";

	if (second_map_size(d, map) == 0)
		return;
	fprintf(out, "add element ip %s %s { ", SECOND_TABLE, second_map_name(map));
	for (size_t i = 0; i < 2 * d->n_items; i++) {
		const struct door *door = &d->items[i / 2];
		bool is_next = i % 2;
		const struct ipaddr *to = is_next ? &door->next : &door->first;

		if (to->family == 0 || (map != SECOND_DOORS && is_next != (map == SECOND_NEXTS)))
			continue;
		fputs(between, out);
		if (map == SECOND_DOORS)
			fprintf(out, "%zu : %s", i + 1, ipaddr_format(addr, to));
		else
			put_key(out, door), fprintf(out, "%zu", i + 1);
		between = ", ";
	}
	fputs(" }\n", out);
}

static void put_sets_and_chains(FILE *out)
{
	fputs("add counter ip " SECOND_TABLE " " SECOND_ONWARD "\n"
	      "add map ip " SECOND_TABLE " firsts { typeof ip daddr . tcp dport : meta mark; }\n"
	      "add map ip " SECOND_TABLE " nexts { typeof ip daddr . tcp dport : meta mark; }\n"
	      "add map ip " SECOND_TABLE " doors { typeof meta mark : ip daddr; }\n"
	      /* Before the chain that takes what is for us to the device. */
	      "add chain ip " SECOND_TABLE " outer "
	      "{ type filter hook prerouting priority -311; policy accept; }\n"
	      /* Behind connection tracking, before the chain that finds a pod. */
	      "add chain ip " SECOND_TABLE " unknown "
	      "{ type filter hook prerouting priority -150; policy accept; }\n"
	      /* Before connection tracking, and routed anew. */
	      "add chain ip " SECOND_TABLE " onward "
	      "{ type route hook output priority -310; policy accept; }\n"
	      "add chain ip " SECOND_TABLE " sender "
	      "{ type nat hook postrouting priority 90; policy accept; }\n",
		out);
}

/* The copy has no connection, one hop less to live, and the number of a door as its mark. */
static void put_unknown(FILE *out, const char *compare, enum second_map map)
{
	fprintf(out,
		"add rule ip %s unknown iifname \"%s\" ct state new "
		"tcp flags & (syn|rst) == 0 meta priority %s " CAME_FROM_A_NODE " "
		"limit rate %d/second burst %d packets meta mark set ip daddr . tcp dport map @%s "
		"counter name " SECOND_ONWARD " dup to " ANYWHERE " device \"%s\" drop\n",
		SECOND_TABLE, script_device(AF_INET), compare, SECOND_RATE, SECOND_RATE / 10,
		second_map_name(map), script_device(AF_INET));
}

/* SECOND_RULES of them. */
static void put_rules(FILE *out)
{
	const char *device = script_address(AF_INET);

	/* Of what is on the outside nothing else stays when the device has unpacked it. */
	fprintf(out,
		"add rule ip %s outer meta l4proto %d ip dscp " FROM_A_NODE
		" meta priority set " CAME_FROM_A_NODE "\n",
		SECOND_TABLE, IPPROTO_IPIP);
	put_unknown(out, "!=", SECOND_FIRSTS);
	put_unknown(out, "==", SECOND_NEXTS);
	fprintf(out,
		"add rule ip %s onward meta l4proto %d ip saddr %s ip dscp set " FROM_A_NODE
		" ip daddr set meta mark map @doors meta mark set 0\n"
		"add rule ip %s sender meta l4proto %d ip saddr %s masquerade\n",
		SECOND_TABLE, IPPROTO_IPIP, device, SECOND_TABLE, IPPROTO_IPIP, device);
}

char *second_fill(const struct doors *d)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		mem_exhausted();
	fputs("add table ip " SECOND_TABLE "\ndelete table ip " SECOND_TABLE
	      "\nadd table ip " SECOND_TABLE "\n",
		out);
	put_sets_and_chains(out);
	put_rules(out);
	for (enum second_map map = 0; map < SECOND_N_MAPS; map++)
		put_map(out, d, map);
	if (fclose(out) != 0)
		mem_exhausted();
	return text;
}

char *second_remove(void)
{
	return xstrdup("add table ip " SECOND_TABLE "\ndelete table ip " SECOND_TABLE "\n");
}
