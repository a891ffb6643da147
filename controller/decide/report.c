/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "objects/annotations.h"
#include "objects/port.h"

enum { LISTED = 4, CLAIM_TEXT = IPADDR_TEXT + sizeof "[]:65535/SCTP" };

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

static const char *place(char ret_buf[static CLAIM_TEXT], const struct claim *c)
{
	char addr[IPADDR_TEXT];

	snprintf(ret_buf, CLAIM_TEXT, c->vip.family == AF_INET ? "%s:%u/%s" : "[%s]:%u/%s",
		ipaddr_format(addr, &c->vip), c->port->port, protocol_name(c->port->protocol));
	return ret_buf;
}

void report_taken(struct report *r, const struct claim *c)
{
	char buf[CLAIM_TEXT];

	list_add(&r->taken,
		xasprintf("%s by %s/%s", place(buf, c), c->holder->id.ns, c->holder->id.name));
}

static char *why_unserved(const struct claim *c, const struct endpoints *p)
{
	const char *family = c->vip.family == AF_INET ? "IPv4" : "IPv6";

	if (p->n_slices == 0)
		return xasprintf("no EndpointSlice");
	if (p->n_named == p->n_slices)
		return xasprintf("its EndpointSlices have host names (FQDN), which kago does not "
				 "look up");
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
	char buf[CLAIM_TEXT];

	list_add(&r->unserved, xasprintf("%s (%s)", place(buf, c), why));
}

void report_crowded(struct report *r, const struct claim *c, const struct endpoints *p)
{
	char buf[CLAIM_TEXT];

	list_add(&r->crowded, xasprintf("%s (%zu of %zu left out)", place(buf, c), p->n_left_out,
				      p->n_left_out + p->n_reals));
}

/* Once for a Service: its virtual servers have the same slices. */
void report_unusable(struct report *r, const struct endpoints *p)
{
	if (r->unusable)
		return;
	r->unusable = xasprintf("cannot be used: EndpointSlice %s: %s", p->unusable->id.name,
		p->unusable->complaint);
	if (p->n_unusable > 1) {
		char *longer = xasprintf("%s and %zu more", r->unusable, p->n_unusable - 1);

		free(r->unusable);
		r->unusable = longer;
	}
}

void report_affinity(struct report *r, const struct policy *p)
{
	if (r->affinity || !p->persistence || p->scheduler == SCHEDULER_MH ||
		p->scheduler == SCHEDULER_SH)
		return;
	r->affinity = xasprintf("sessionAffinity: with the scheduler %s a client stays with a real "
				"server at each load balancer alone, with mh at all of them",
		scheduler_name(p->scheduler));
}

/* Consumes both texts, each of which may be NULL. */
static char *join(char *first, char *second)
{
	char *both;

	if (!first || !second)
		return first ? first : second;
	both = xasprintf("%s; %s", first, second);
	free(first);
	free(second);
	return both;
}

/* "HEADING: items", or NULL for an empty list; empties the list. */
static char *list_text(const char *heading, struct report_list *list)
{
	char *text = NULL;

	if (list->n > LISTED)
		text = xasprintf("%s: %s and %zu more", heading, list->text, list->n - LISTED);
	else if (list->n > 0)
		text = xasprintf("%s: %s", heading, list->text);
	free(list->text);
	*list = (struct report_list){0};
	return text;
}

static char *served_text(const struct report *r)
{
	return xasprintf("%zu virtual server%s with %zu real server%s", r->n_servers,
		r->n_servers == 1 ? "" : "s", r->n_reals, r->n_reals == 1 ? "" : "s");
}

static void set_outcome(const struct report *r, struct fleet_service *ret)
{
	ret->outcome = FLEET_SERVED;
	ret->reason = REASON_SERVED;
	if (r->affinity)
		ret->reason = REASON_AFFINITY_IS_LOCAL;
	if (r->unusable)
		ret->reason = REASON_UNUSABLE_ENDPOINTS;
	if (r->crowded.n)
		ret->reason = REASON_TOO_MANY_ENDPOINTS;
	if (r->unserved.n) {
		ret->outcome = FLEET_NO_ENDPOINTS;
		ret->reason = REASON_NO_ENDPOINTS;
	}
	if (r->taken.n) {
		ret->outcome = FLEET_CONFLICT;
		ret->reason = REASON_CONFLICT;
	}
}

void report_finish(struct report *r, struct fleet_service *ret)
{
	char *complaint;

	set_outcome(r, ret);
	complaint = list_text("already taken", &r->taken);
	complaint = join(complaint, list_text("no endpoints", &r->unserved));
	complaint = join(complaint, list_text("too many endpoints", &r->crowded));
	complaint = join(complaint, r->unusable);
	complaint = join(complaint, r->affinity);
	ret->complaint = complaint;
	ret->message = join(complaint ? xstrdup(complaint) : NULL, served_text(r));
	ret->n_virtual_servers = r->n_servers;
	*r = (struct report){0};
}
