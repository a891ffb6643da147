/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/route.h"

#include <string.h>

#include "base/sorted.h"

void routes_out_done(struct routes_out *r)
{
	for (size_t i = 0; i < r->n_items; i++)
		attributes_unref(r->items[i].attributes);
	free(r->items);
	*r = (struct routes_out){0};
}

struct routes_out routes_out_copy(const struct routes_out *r)
{
	struct routes_out copy = {xcalloc(r->n_items, sizeof *r->items), r->n_items};

	for (size_t i = 0; i < r->n_items; i++) {
		copy.items[i] = r->items[i];
		attributes_ref(copy.items[i].attributes);
	}
	return copy;
}

static bool leads_the_same(const struct route *a, const struct route *b)
{
	return ipaddr_equal(&a->next_hop, &b->next_hop) &&
	       ipaddr_equal(&a->extended_hop, &b->extended_hop);
}

/* That peers were told the same. */
static bool says_the_same(const struct route *a, const struct route *b)
{
	return attributes_sound_equal(a->attributes, b->attributes) && leads_the_same(a, b);
}

static bool is_same(const struct route *a, const struct route *b)
{
	return a->peers == b->peers && says_the_same(a, b);
}

/* Cheaper than by their order; what is not found so is compared. */
static bool is_identical(const struct route *a, const struct route *b)
{
	return a->net.len == b->net.len && a->peers == b->peers && a->attributes == b->attributes &&
	       ipaddr_equal(&a->net.addr, &b->net.addr) && leads_the_same(a, b);
}

bool routes_out_equal(const struct routes_out *a, const struct routes_out *b)
{
	if (a->n_items != b->n_items)
		return false;
	for (size_t i = 0; i < a->n_items; i++)
		if (!is_identical(&a->items[i], &b->items[i]) &&
			(ipnet_cmp(&a->items[i].net, &b->items[i].net) != 0 ||
				!is_same(&a->items[i], &b->items[i])))
			return false;
	return true;
}

static bool is_named(const struct config_peer *peer, const struct attributes *a)
{
	char address[IPADDR_TEXT];

	return (peer->name[0] && attributes_has_peer(a, peer->name)) ||
	       attributes_has_peer(a, ipaddr_format(address, &peer->address));
}

peer_set route_peers_named(const struct route_rules *rules, const struct attributes *a)
{
	peer_set peers = 0;

	for (size_t i = 0; i < rules->n_peers; i++)
		if (!(a->said & ATTRIBUTES_PEERS) || is_named(&rules->peers[i], a))
			peers |= (peer_set)1 << i;
	return peers;
}

peer_set route_peers_of_family(const struct route_rules *rules, int family)
{
	peer_set peers = 0;

	for (size_t i = 0; i < rules->n_peers; i++)
		if (config_peer_takes(&rules->peers[i], family))
			peers |= (peer_set)1 << i;
	return peers;
}

peer_set route_peers_extended(const struct config_peer *peers, size_t n_peers)
{
	peer_set extended = 0;

	for (size_t i = 0; i < n_peers; i++)
		if (peers[i].extended_next_hop)
			extended |= (peer_set)1 << i;
	return extended;
}

/* Sets both next hops of a route of this family, and leaves out of its peers whom none is for. */
static void lead(struct route *route, const struct route_rules *rules, int family)
{
	const struct ipaddr *hop = family == AF_INET ? rules->next_hop4 : rules->next_hop6;
	peer_set extended =
		family == AF_INET ? route_peers_extended(rules->peers, rules->n_peers) : 0;

	if (!hop)
		route->peers &= extended;
	else
		route->next_hop = *hop;
	if (!rules->next_hop6)
		route->peers &= ~extended;
	else if (route->peers & extended)
		route->extended_hop = *rules->next_hop6;
}

struct routes_out routes_build(
	const struct prefixes *p, const struct book *b, const struct route_rules *rules)
{
	const peer_set of4 = route_peers_of_family(rules, AF_INET);
	const peer_set of6 = route_peers_of_family(rules, AF_INET6);
	struct routes_out out = {.items = xcalloc(p->n_items, sizeof *out.items)};
	size_t at = 0;

	for (size_t i = 0; i < p->n_items; i++) {
		const struct ipnet *net = &p->items[i];
		bool is4 = net->addr.family == AF_INET;
		const struct book_page *page = book_next(b, &at, net);
		struct route route = {.net = *net, .peers = is4 ? of4 : of6};

		if (page)
			route.peers &= route_peers_named(rules, page->said);
		lead(&route, rules, net->addr.family);
		if (!route.peers)
			continue;
		route.attributes = attributes_ref(page ? page->all : b->defaults);
		out.items[out.n_items++] = route;
	}
	return out;
}

/* What is left of two sets without what is the same at their beginnings and their ends. */
struct span {
	const struct route *from, *from_end, *to, *to_end;
};

static struct span span_of(const struct routes_out *from, const struct routes_out *to)
{
	struct span s = {
		from->items, from->items + from->n_items, to->items, to->items + to->n_items};

	while (s.from < s.from_end && s.to < s.to_end && is_identical(s.from, s.to)) {
		s.from++;
		s.to++;
	}
	while (s.from < s.from_end && s.to < s.to_end &&
		is_identical(s.from_end - 1, s.to_end - 1)) {
		s.from_end--;
		s.to_end--;
	}
	return s;
}

/* Of the next ones of both, of which there is one at least. */
static int next_order(const struct span *s)
{
	if (s->from == s->from_end)
		return 1;
	return s->to == s->to_end ? -1 : ipnet_cmp(&s->from->net, &s->to->net);
}

static void add(
	struct order ret[], size_t *n, const struct route *route, peer_set peers, bool announces)
{
	struct order *o = &ret[*n];

	if (!peers)
		return;
	*o = (struct order){.route = *route, .announces = announces};
	o->route.peers = peers;
	++*n;
}

/* Each by its own next hop. */
static void add_by_hop(struct order ret[], size_t *n, const struct route *route, peer_set peers,
	struct peer_kinds kinds, bool announces)
{
	peer_set extended = route->extended_hop.family ? peers & kinds.extended : 0;
	struct route other = *route;

	other.next_hop = route->extended_hop;
	add(ret, n, route, peers & ~extended, announces);
	add(ret, n, &other, extended, announces);
}

/* Peers of all ASs get the same text unless an AS path is longer. */
static void add_announcements(struct order ret[], size_t *n, const struct route *route,
	peer_set peers, struct peer_kinds kinds)
{
	if (route->attributes && route->attributes->prepend > 0) {
		add_by_hop(ret, n, route, peers & ~kinds.external, kinds, true);
		add_by_hop(ret, n, route, peers & kinds.external, kinds, true);
	} else {
		add_by_hop(ret, n, route, peers, kinds, true);
	}
}

/* Either may be NULL. */
static size_t add_orders(struct order ret[ORDERS_OF_ROUTE], const struct route *had,
	const struct route *gets, struct peer_kinds kinds)
{
	size_t n = 0;

	if (had)
		add_by_hop(ret, &n, had, had->peers & ~(gets ? gets->peers : 0), kinds, false);
	if (gets)
		add_announcements(ret, &n, gets,
			had && says_the_same(had, gets) ? gets->peers & ~had->peers : gets->peers,
			kinds);
	if (n > 0) {
		ret[n - 1].settles = true;
		ret[n - 1].settled = gets;
	}
	return n;
}

/* Of what goes altogether, or of all else. */
static size_t build_some(
	struct order ret[], size_t max, struct span s, struct peer_kinds kinds, bool goes)
{
	size_t n = 0;

	while (n + ORDERS_OF_ROUTE <= max && (s.from < s.from_end || s.to < s.to_end)) {
		int order = next_order(&s);
		const struct route *had = order <= 0 ? s.from : NULL;
		const struct route *gets = order >= 0 ? s.to : NULL;

		if (!gets == goes && !(had && gets && is_same(had, gets)))
			n += add_orders(ret + n, had, gets, kinds);
		s.from += had != NULL;
		s.to += gets != NULL;
	}
	return n;
}

size_t orders_build(struct order ret[], size_t max, const struct routes_out *from,
	const struct routes_out *to, struct peer_kinds kinds)
{
	const struct span s = span_of(from, to);
	size_t n = build_some(ret, max, s, kinds, true);

	return n + build_some(ret + n, max - n, s, kinds, false);
}

static int cmp_route(const void *net, const void *item)
{
	const struct route *route = item;

	return ipnet_cmp(net, &route->net);
}

static void remove_at(struct routes_out *r, size_t at)
{
	r->n_items--;
	memmove(&r->items[at], &r->items[at + 1], (r->n_items - at) * sizeof *r->items);
}

static void insert_at(struct routes_out *r, size_t at)
{
	r->items = xreallocarray(r->items, r->n_items + 1, sizeof *r->items);
	memmove(&r->items[at + 1], &r->items[at], (r->n_items - at) * sizeof *r->items);
	r->n_items++;
}

void routes_out_note(struct routes_out *r, const struct ipnet *net, const struct route *now)
{
	size_t at = sorted_place(net, r->items, r->n_items, sizeof *r->items, cmp_route);
	bool is_there = at < r->n_items && ipnet_cmp(&r->items[at].net, net) == 0;

	if (is_there)
		attributes_unref(r->items[at].attributes);
	if (is_there && !now)
		remove_at(r, at);
	if (!is_there && now)
		insert_at(r, at);
	if (!now)
		return;
	r->items[at] = *now;
	attributes_ref(now->attributes);
}

static peer_set renumbered(peer_set before, const int now[], size_t n)
{
	peer_set after = 0;

	for (size_t i = 0; i < n; i++)
		if (before & (peer_set)1 << i && now[i] != PEER_GONE)
			after |= (peer_set)1 << now[i];
	return after;
}

void routes_out_renumber(struct routes_out *r, const int now[], size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_items; i++) {
		struct route *route = &r->items[i];

		route->peers = renumbered(route->peers, now, n);
		if (route->peers)
			r->items[kept++] = *route;
		else
			attributes_unref(route->attributes);
	}
	r->n_items = kept;
}

struct prefixes routes_out_of(const struct routes_out *r, peer_set peers)
{
	struct prefixes p = {.items = xcalloc(r->n_items, sizeof *p.items)};

	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].peers & peers)
			p.items[p.n_items++] = r->items[i].net;
	return p;
}

size_t routes_out_count(const struct routes_out *r, peer_set peer)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_items; i++)
		n += (r->items[i].peers & peer) != 0;
	return n;
}
