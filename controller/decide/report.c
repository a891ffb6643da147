/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "decide/routing.h"
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
	if (p->n_forbidden)
		return xasprintf("it may have none of %zu endpoints that are ready",
			p->n_forbidden + p->n_refused);
	if (p->n_refused)
		return xasprintf(
			"the kernel refuses all of %zu endpoints that are ready", p->n_refused);
	return xasprintf("0 of %zu endpoints are ready", p->n_of_port);
}

/* Why some of it is not served: of several reasons the one that the Service's owner looks at first.
 */
static void note_lack(struct report *r, enum reason reason)
{
	if (!r->lack || reason == REASON_NO_ENDPOINTS || r->lack == REASON_ENDPOINTS_NOT_ALLOWED)
		r->lack = reason;
}

/* As why_unserved. */
static enum reason lack_of(const struct endpoints *p)
{
	if (p->n_of_port > 0 && p->n_forbidden)
		return REASON_ENDPOINTS_NOT_ALLOWED;
	if (p->n_of_port > 0 && p->n_refused)
		return REASON_REFUSED_BY_KERNEL;
	return REASON_NO_ENDPOINTS;
}

void report_unserved(struct report *r, const struct claim *c, const struct endpoints *p)
{
	CLEANUP_FREE char *why = why_unserved(c, p);
	char buf[CLAIM_TEXT];

	list_add(&r->unserved, xasprintf("%s (%s)", place(buf, c), why));
	note_lack(r, lack_of(p));
}

void report_crowded(struct report *r, const struct claim *c, const struct endpoints *p)
{
	char buf[CLAIM_TEXT];

	list_add(&r->crowded, xasprintf("%s (%zu of %zu left out)", place(buf, c), p->n_left_out,
				      p->n_left_out + p->n_reals));
}

static char *why_no_tunnel(const struct endpoints *p)
{
	char kind[TUNNEL_KINDS_TEXT];

	if (p->to == TUNNEL_TO_PODS)
		return xstrdup("with another port than the Service's");
	return xasprintf(
		"on nodes that take no %s tunnels", tunnel_kinds_format(kind, p->kind, ' '));
}

/* Why it gets real servers without a tunnel: for one reason, or for two. */
static char *why_plain(const struct endpoints *p)
{
	CLEANUP_FREE char *others = why_no_tunnel(p);

	if (!p->n_nodes)
		return xasprintf("%zu of %zu real servers, %s", p->n_plain, p->n_reals, others);
	if (p->n_nodes == p->n_plain)
		return xasprintf("%zu of %zu real servers, at their node's own address", p->n_plain,
			p->n_reals);
	return xasprintf("%zu of %zu real servers, %zu %s and %zu at their node's own address",
		p->n_plain, p->n_reals, p->n_plain - p->n_nodes, others, p->n_nodes);
}

void report_plain(struct report *r, const struct claim *c, const struct endpoints *p)
{
	CLEANUP_FREE char *why =
		c->port->protocol == IPPROTO_SCTP ? xstrdup("SCTP has no tunnels") : why_plain(p);
	char buf[CLAIM_TEXT];

	list_add(&r->plain, xasprintf("%s (%s)", place(buf, c), why));
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

void report_forbidden(struct report *r, const struct endpoints *p)
{
	char addr[IPADDR_TEXT];

	if (r->forbidden)
		return;
	ipaddr_format(addr, &p->forbidden);
	r->forbidden = p->n_forbidden > 1
			       ? xasprintf("not allowed: %s is %s, and %zu more", addr,
					 p->why_forbidden, p->n_forbidden - 1)
			       : xasprintf("not allowed: %s is %s", addr, p->why_forbidden);
}

void report_refused(struct report *r, const struct claim *c, int error)
{
	char buf[CLAIM_TEXT];

	list_add(&r->refused, xasprintf("%s (%s)", place(buf, c), strerror(error)));
	note_lack(r, REASON_REFUSED_BY_KERNEL);
}

/* Once for a Service: what is wrong with an address is wrong at all its virtual servers. */
void report_refused_reals(struct report *r, const struct endpoints *p)
{
	CLEANUP_FREE char *others = p->n_refused > 1
					    ? xasprintf(" and %zu more of them", p->n_refused - 1)
					    : xstrdup("");
	char addr[IPADDR_TEXT];

	if (r->refused_reals)
		return;
	r->refused_reals = true;
	list_add(&r->refused,
		xasprintf("real server %s port %u (%s)%s", ipaddr_format(addr, &p->refused.addr),
			p->refused.port, strerror(p->refused_error), others));
}

static void report_fallback(struct report *r, const struct policy *p, enum scheduler scheduler)
{
	const char *missing = scheduler_name(p->scheduler);

	if (r->scheduler || scheduler == p->scheduler || !p->scheduler_is_asked)
		return;
	r->scheduler =
		xasprintf("kago.dev/scheduler: the node's kernel has no %s (module ip_vs_%s): "
			  "%s is in its place",
			missing, missing, scheduler_name(scheduler));
}

void report_scheduler(struct report *r, const struct policy *p, enum scheduler scheduler)
{
	report_fallback(r, p, scheduler);
	if (r->affinity || !p->persistence || scheduler == SCHEDULER_MH ||
		scheduler == SCHEDULER_SH)
		return;
	r->affinity = xasprintf("sessionAffinity: with the scheduler %s a client stays with a real "
				"server at each load balancer alone, with mh at all of them",
		scheduler_name(scheduler));
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
	if (r->plain.n)
		ret->reason = REASON_NOT_TUNNELLED;
	if (ret->route_complaint)
		ret->reason = ret->route_reason;
	if (r->scheduler)
		ret->reason = REASON_SCHEDULER_MISSING;
	if (r->forbidden)
		ret->reason = REASON_ENDPOINTS_NOT_ALLOWED;
	if (r->refused.n)
		ret->reason = REASON_REFUSED_BY_KERNEL;
	if (r->unusable)
		ret->reason = REASON_UNUSABLE_ENDPOINTS;
	if (r->crowded.n)
		ret->reason = REASON_TOO_MANY_ENDPOINTS;
	if (r->lack) {
		ret->outcome = FLEET_NO_ENDPOINTS;
		ret->reason = r->lack;
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
	complaint = join(complaint, list_text("refused by the kernel", &r->refused));
	complaint = join(complaint, list_text("too many endpoints", &r->crowded));
	complaint = join(complaint, r->unusable);
	complaint = join(complaint, r->forbidden);
	complaint = join(complaint, list_text("by NAT in place of a tunnel", &r->plain));
	complaint = join(complaint, routing_complaint(ret));
	complaint = join(complaint, r->scheduler);
	complaint = join(complaint, r->affinity);
	ret->complaint = complaint;
	ret->message = join(complaint ? xstrdup(complaint) : NULL, served_text(r));
	ret->n_virtual_servers = r->n_servers;
	*r = (struct report){0};
}
