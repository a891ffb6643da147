/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/routing.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "objects/annotations.h"
#include "objects/suggest.h"

/* What a Service says of the route to one VIP. */
struct word {
	struct ipaddr vip;
	const struct service *service;
	struct fleet_service *verdict;
	size_t index; /* of the VIP in the verdict */
};

/* Consumes `text`. */
static void complain(struct fleet_service *verdict, enum reason reason, char *text)
{
	char *both = verdict->route_complaint ? xasprintf("%s; %s", verdict->route_complaint, text)
					      : xstrdup(text);

	free(text);
	free(verdict->route_complaint);
	verdict->route_complaint = both;
	if (!verdict->route_reason)
		verdict->route_reason = reason;
}

static const struct ipnet *aggregate_of(const struct fleet_rules *rules, const struct ipaddr *vip)
{
	for (size_t i = 0; i < rules->n_aggregates; i++)
		if (ipnet_contains(&rules->aggregates[i], vip))
			return &rules->aggregates[i];
	return NULL;
}

static void judge_aggregates(struct fleet_service *verdict, const struct fleet_rules *rules)
{
	char vip[IPADDR_TEXT], net[IPNET_TEXT];

	for (size_t i = 0; i < verdict->n_vips; i++) {
		const struct ipnet *aggregate = aggregate_of(rules, &verdict->vips[i]);

		if (!aggregate)
			continue;
		verdict->route_refused |= 1U << i;
		complain(verdict, REASON_ROUTE_CONFLICT,
			xasprintf(KAGO_PREFIX "bgp-*: %s is announced as %s (bgp.aggregates), and "
					      "kago.yaml says what that route has",
				ipaddr_format(vip, &verdict->vips[i]),
				ipnet_format(net, aggregate)));
	}
}

static bool is_called(const struct ipaddr *address, const char *its_name, const char *name)
{
	char text[IPADDR_TEXT];

	return strcmp(its_name, name) == 0 || strcmp(ipaddr_format(text, address), name) == 0;
}

static bool is_ours(const struct fleet_rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->n_peers; i++)
		if (is_called(&rules->peers[i].address, rules->peers[i].name, name))
			return true;
	return false;
}

static bool is_others(const struct fleet_rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->n_other_peers; i++)
		if (is_called(&rules->other_peers[i].address, rules->other_peers[i].name, name))
			return true;
	return false;
}

static size_t name_peers(
	const char *ret[LIMIT_BGP_PEERS + LIMIT_OTHER_PEERS], const struct fleet_rules *rules)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n_peers; i++)
		if (rules->peers[i].name[0])
			ret[n++] = rules->peers[i].name;
	for (size_t i = 0; i < rules->n_other_peers; i++)
		if (rules->other_peers[i].name[0])
			ret[n++] = rules->other_peers[i].name;
	return n;
}

static void judge_peers(struct fleet_service *verdict, const struct fleet_rules *rules)
{
	const char *names[LIMIT_BGP_PEERS + LIMIT_OTHER_PEERS], *near;
	size_t n = name_peers(names, rules);

	for (size_t i = 0; i < verdict->route->n_peers; i++) {
		const char *name = verdict->route->peers[i];

		if (is_ours(rules, name) || is_others(rules, name))
			continue;
		near = suggest_nearest(name, names, n);
		complain(verdict, REASON_PEER_UNKNOWN,
			xasprintf(KAGO_PREFIX "bgp-peers: there is no peer '%s' in bgp.peers%s%s%s",
				name, near ? "; did you mean " : "", near ? near : "",
				near ? "?" : ""));
	}
}

void routing_judge(
	struct fleet_service *verdict, const struct service *s, const struct fleet_rules *rules)
{
	verdict->created = s->created;
	if (!s->policy.route)
		return;
	verdict->route = attributes_ref(s->policy.route);
	judge_aggregates(verdict, rules);
	judge_peers(verdict, rules);
}

static int by_vip_and_seniority(const void *pa, const void *pb)
{
	const struct word *a = pa, *b = pb;
	int order = ipaddr_cmp(&a->vip, &b->vip);

	return order ? order : service_cmp_seniority(a->service, b->service);
}

static bool counts(const struct fleet_service *verdict, size_t vip)
{
	return verdict->route && !(verdict->route_refused & 1U << vip);
}

static size_t collect(struct word ret[], struct fleet_service *verdict, const struct service *s)
{
	size_t n = 0;

	for (size_t i = 0; i < verdict->n_vips; i++)
		if (counts(verdict, i))
			ret[n++] = (struct word){verdict->vips[i], s, verdict, i};
	return n;
}

static void refuse(const struct word *w, const struct service *holder)
{
	char vip[IPADDR_TEXT];

	w->verdict->route_refused |= 1U << w->index;
	complain(w->verdict, REASON_ROUTE_CONFLICT,
		xasprintf(KAGO_PREFIX "bgp-*: the route to %s is as %s/%s says, which is older",
			ipaddr_format(vip, &w->vip), holder->id.ns, holder->id.name));
}

void routing_settle(struct fleet_service *const verdicts[], const struct service *const services[],
	size_t n_services)
{
	CLEANUP_FREE struct word *words = NULL;
	const struct word *first;
	size_t n = 0, room = 0;

	for (size_t i = 0; i < n_services; i++)
		room += services[i] && verdicts[i]->route ? verdicts[i]->n_vips : 0;
	words = xcalloc(room, sizeof *words);
	for (size_t i = 0; i < n_services; i++)
		if (services[i])
			n += collect(words + n, verdicts[i], services[i]);
	qsort(words, n, sizeof *words, by_vip_and_seniority);
	first = words;
	for (size_t i = 1; i < n; i++)
		if (!ipaddr_equal(&first->vip, &words[i].vip))
			first = &words[i];
		else if (!attributes_equal(first->verdict->route, words[i].verdict->route))
			refuse(&words[i], first->service);
}

bool routing_keep(struct fleet_service *now, const struct fleet_service *before)
{
	if (!attributes_equal(now->route, before->route) || now->created != before->created ||
		!ipaddrs_equal(now->vips, now->n_vips, before->vips, before->n_vips))
		return false;
	now->route_refused = before->route_refused;
	now->route_reason = before->route_reason;
	free(now->route_complaint);
	now->route_complaint = before->route_complaint ? xstrdup(before->route_complaint) : NULL;
	return true;
}

struct attributes *routing_said(const struct fleet_service *verdict, size_t vip)
{
	return counts(verdict, vip) ? verdict->route : NULL;
}

bool routing_is_elsewhere(
	const struct fleet_service *verdict, size_t vip, const struct fleet_rules *rules)
{
	const struct attributes *route = routing_said(verdict, vip);
	bool elsewhere = false;

	for (size_t i = 0; route && i < route->n_peers; i++) {
		if (is_ours(rules, route->peers[i]))
			return false;
		elsewhere |= is_others(rules, route->peers[i]);
	}
	return elsewhere;
}

char *routing_complaint(const struct fleet_service *verdict)
{
	return verdict->route_complaint ? xstrdup(verdict->route_complaint) : NULL;
}
