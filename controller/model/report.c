/* SPDX-License-Identifier: Apache-2.0 */
#include "model/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "model/port.h"

enum { LISTED = 4, PLACE_TEXT = IPADDR_TEXT + sizeof "[]:65535/SCTP" };

/* Consumes `item`. */
static void list_add(struct report_list *list, char *item)
{
	char *longer;

	if (list->n++ < LISTED) {
		longer = xasprintf(
			"%s%s%s", list->text ? list->text : "", list->text ? ", " : "", item);
		free(list->text);
		list->text = longer;
	}
	free(item);
}

static const char *place(char ret_buf[static PLACE_TEXT], const struct claim *c)
{
	char addr[IPADDR_TEXT];

	snprintf(ret_buf, PLACE_TEXT, c->vip.family == AF_INET ? "%s:%u/%s" : "[%s]:%u/%s",
		ipaddr_format(addr, &c->vip), c->port->port, protocol_name(c->port->protocol));
	return ret_buf;
}

void report_taken(struct report *r, const struct claim *c)
{
	char buf[PLACE_TEXT];

	list_add(&r->taken,
		xasprintf("%s by %s/%s", place(buf, c), c->holder->id.ns, c->holder->id.name));
}

static char *why_unserved(const struct claim *c, const struct endpoints *p)
{
	const char *family = c->vip.family == AF_INET ? "IPv4" : "IPv6";

	if (p->n_slices == 0)
		return xasprintf("no EndpointSlice");
	if (p->n_of_family == 0)
		return xasprintf("no %s endpoint in its EndpointSlices", family);
	if (p->n_of_port == 0)
		return xasprintf("no EndpointSlice has the %s port '%s'",
			protocol_name(c->port->protocol), c->port->name);
	return xasprintf("0 of %zu endpoints are ready", p->n_of_port);
}

void report_unserved(struct report *r, const struct claim *c, const struct endpoints *p)
{
	CLEANUP_FREE char *why = why_unserved(c, p);
	char buf[PLACE_TEXT];

	list_add(&r->unserved, xasprintf("%s (%s)", place(buf, c), why));
}

void report_crowded(struct report *r, const struct claim *c, const struct endpoints *p)
{
	char buf[PLACE_TEXT];

	list_add(&r->crowded, xasprintf("%s (%zu of %zu left out)", place(buf, c), p->n_left_out,
				      p->n_left_out + p->n_reals));
}

static void print_list(FILE *out, const char *heading, struct report_list *list)
{
	if (list->n == 0)
		return;
	fprintf(out, "%s: %s", heading, list->text);
	if (list->n > LISTED)
		fprintf(out, " and %zu more", list->n - LISTED);
	fputs("; ", out);
	free(list->text);
	*list = (struct report_list){0};
}

static void set_outcome(const struct report *r, struct fleet_service *ret)
{
	ret->outcome = FLEET_SERVED;
	ret->reason = "Served";
	if (r->crowded.n)
		ret->reason = "TooManyEndpoints";
	if (r->unserved.n) {
		ret->outcome = FLEET_NO_ENDPOINTS;
		ret->reason = "NoEndpoints";
	}
	if (r->taken.n) {
		ret->outcome = FLEET_CONFLICT;
		ret->reason = "Conflict";
	}
}

void report_finish(struct report *r, struct fleet_service *ret)
{
	size_t len;
	FILE *out = open_memstream(&ret->message, &len);

	if (!out)
		mem_exhausted();
	set_outcome(r, ret);
	print_list(out, "already taken", &r->taken);
	print_list(out, "no endpoints", &r->unserved);
	print_list(out, "too many endpoints", &r->crowded);
	fprintf(out, "%zu virtual server%s with %zu real server%s", r->n_servers,
		r->n_servers == 1 ? "" : "s", r->n_reals, r->n_reals == 1 ? "" : "s");
	if (fclose(out) != 0)
		mem_exhausted();
	ret->n_virtual_servers = r->n_servers;
	*r = (struct report){0};
}
