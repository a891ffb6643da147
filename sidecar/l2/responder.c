/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/responder.h"

#include <errno.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"
#include "l2/groups.h"
#include "l2/holdings.h"
#include "l2/link_news.h"
#include "l2/wire.h"
#include "loop/loop.h"

/* All in the network get what makes VIPs known or asks for rivals: at most BURST each PACE usec. */
enum { BURST = 32, PACE = 20 * 1000 };

struct responder {
	struct link_names names;
	struct link_news *news;
	uint64_t links; /* their digest, when all was in line with them */
	struct wire *wire;
	struct groups *groups;
	struct prefixes owned; /* as told */
	struct holdings holdings;
	sd_event_source *timer;
	uint64_t not_before; /* usec; nothing is said to all until then */
	void (*on_change)(void *ud);
	void *ud;
};

static const struct link *next_link(
	const struct responder *r, const struct ipaddr *vip, const struct link *last)
{
	return links_next(link_news_links(r->news), &r->names, vip, last);
}

/* NULL: it does not answer for it there. */
static const struct link *link_for(const struct responder *r, const struct ipaddr *vip, int index)
{
	for (const struct link *one = NULL; (one = next_link(r, vip, one));)
		if (one->index == index)
			return one;
	return NULL;
}

static void arm(struct responder *r)
{
	uint64_t now = loop_clock(), next = holdings_next(&r->holdings);

	if (next < r->not_before)
		next = r->not_before;
	if (next == UINT64_MAX)
		loop_timer_stop(r->timer);
	else
		loop_timer_arm(r->timer, next > now ? next - now : 0);
}

static void arp_to_all(struct responder *r, const struct link *one, const struct arp *a)
{
	const struct mac all = mac_of_all();

	wire_send_arp(r->wire, one->index, &all, a);
}

static void ndp_to_group(struct responder *r, const struct link *one, const struct ndp *n)
{
	const struct mac group = mac_of_group(&n->destination);

	wire_send_ndp(r->wire, one->index, &group, n);
}

static void make_known(struct responder *r, const struct ipaddr *vip)
{
	for (const struct link *one = NULL; (one = next_link(r, vip, one));) {
		if (vip->family == AF_INET) {
			const struct arp a = arp_announcement(vip, &one->mac);

			arp_to_all(r, one, &a);
		} else {
			const struct ndp n = ndp_announcement(vip, &one->mac);

			ndp_to_group(r, one, &n);
		}
	}
}

static void ask_for_rival(struct responder *r, const struct ipaddr *vip)
{
	for (const struct link *one = NULL; (one = next_link(r, vip, one));) {
		if (vip->family == AF_INET) {
			const struct arp a = arp_probe(vip, &one->mac);

			arp_to_all(r, one, &a);
		} else {
			const struct ndp n = ndp_probe(vip);

			ndp_to_group(r, one, &n);
		}
	}
}

static size_t make_some_known(struct responder *r, uint64_t now)
{
	struct holding *due[BURST];
	size_t n = holdings_due(due, BURST, &r->holdings, now);

	for (size_t i = 0; i < n; i++) {
		make_known(r, &due[i]->vip);
		holding_told(due[i], now);
	}
	return n;
}

static size_t ask_for_some(struct responder *r, size_t max, uint64_t now)
{
	struct holding *doubted[BURST];
	size_t n = holdings_to_ask(doubted, max, &r->holdings, now);

	for (size_t i = 0; i < n; i++) {
		ask_for_rival(r, &doubted[i]->vip);
		rival_asked(&doubted[i]->rival, now);
	}
	return n;
}

/* Doubts wait: forged claims may make many of them. */
static void speak(struct responder *r, uint64_t now)
{
	size_t n;

	if (now < r->not_before)
		return;
	n = make_some_known(r, now);
	n += ask_for_some(r, BURST - n, now);
	if (n == BURST)
		r->not_before = now + PACE;
}

static size_t count_rivals(const struct responder *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->holdings.n_items; i++)
		n += r->holdings.items[i].rival.is_known;
	return n;
}

/* The first of them are named: any host of the network can claim them all. */
static void log_conflict(const struct holding *one, size_t n_rivals)
{
	char vip[IPADDR_TEXT];

	if (n_rivals == LIMIT_L2_RIVALS)
		log_warn("l2.conflicts", LOG_UINT("vips", n_rivals),
			LOG_STR("next", "others with a rival are not named"));
	if (n_rivals >= LIMIT_L2_RIVALS)
		return;
	log_warn("l2.conflict", LOG_STR("vip", ipaddr_format(vip, &one->vip)),
		LOG_STR("mac", one->rival.text),
		LOG_STR("effect", "some clients reach the one, and some the other"),
		LOG_STR("remedy", "find who has this MAC address, and take the VIP off it"),
		LOG_STR("next", "questions are answered; nothing else says that it is ours"));
}

static void log_peace(const struct holding *one, size_t n_rivals)
{
	char vip[IPADDR_TEXT];

	if (n_rivals <= LIMIT_L2_RIVALS)
		log_info("l2.conflict_over", LOG_STR("vip", ipaddr_format(vip, &one->vip)),
			LOG_STR("next", "it is made known as ours again"));
}

/* Whether it has a rival now that it had not before, or the other way round. */
static bool look_at_rival(struct holding *one, size_t *n_rivals, uint64_t now)
{
	switch (rival_look(&one->rival, now)) {
	case RIVAL_COMES:
		log_conflict(one, (*n_rivals)++);
		return true;
	case RIVAL_GOES:
		log_peace(one, (*n_rivals)--);
		holding_start(one, now);
		return true;
	case RIVAL_WAS_NONE:
		/* Clients may have believed it. */
		holding_start(one, now);
		return false;
	default:
		return false;
	}
}

static void on_time(void *ud)
{
	struct responder *r = ud;
	uint64_t now = loop_clock();
	size_t n_rivals = count_rivals(r);
	bool changed = false;

	for (size_t i = 0; i < r->holdings.n_items; i++)
		changed |= look_at_rival(&r->holdings.items[i], &n_rivals, now);
	speak(r, now);
	arm(r);
	if (changed)
		r->on_change(r->ud);
}

static bool is_ours(const struct responder *r, const struct mac *mac)
{
	return links_have_mac(link_news_links(r->news), mac);
}

/* Somebody says that the address is its own: a claim, if it is one of our VIPs. */
static void hear_claim(
	struct responder *r, int index, const struct ipaddr *vip, const struct mac *mac)
{
	struct holding *one = holdings_find(&r->holdings, vip);

	if (!one || !link_for(r, vip, index) || is_ours(r, mac))
		return;
	rival_hear(&one->rival, mac, loop_clock());
	arm(r);
}

/* Our MAC there, for an answer to who asks for the address; NULL: none is due. */
static const struct mac *mac_to_tell(
	const struct responder *r, int index, const struct ipaddr *vip, const struct mac *asker)
{
	const struct link *one = holdings_find(&r->holdings, vip) ? link_for(r, vip, index) : NULL;

	return one && !is_ours(r, asker) ? &one->mac : NULL;
}

static void on_arp(void *ud, int index, const struct arp *a)
{
	struct responder *r = ud;
	const struct mac *ours;

	if (!mac_is_unicast(&a->sender_mac))
		return;
	hear_claim(r, index, &a->sender, &a->sender_mac);
	if (a->op != ARP_REQUEST || arp_is_announcement(a))
		return;
	ours = mac_to_tell(r, index, &a->target, &a->sender_mac);
	if (ours) {
		const struct arp answer = arp_answer(a, ours);

		wire_send_arp(r->wire, index, &a->sender_mac, &answer);
	}
}

static void on_solicitation(
	struct responder *r, int index, const struct mac *asker, const struct ndp *n)
{
	const struct mac *ours = mac_to_tell(r, index, &n->target, asker);
	struct ndp answer;
	struct mac to;

	if (!ours)
		return;
	answer = ndp_answer(n, ours);
	to = answer.solicited ? *asker : mac_of_group(&answer.destination);
	wire_send_ndp(r->wire, index, &to, &answer);
}

/* An advertisement says whose its target is, a solicitation whose its source. */
static void on_ndp(void *ud, int index, const struct mac *from, const struct ndp *n)
{
	const struct mac *mac = n->has_mac ? &n->mac : from;
	struct responder *r = ud;

	if (!mac_is_unicast(mac))
		return;
	hear_claim(r, index, n->type == NDP_ADVERTISEMENT ? &n->target : &n->source, mac);
	if (n->type == NDP_SOLICITATION)
		on_solicitation(r, index, mac, n);
}

static const struct wire_ops wire_ops = {on_arp, on_ndp};

/* Of all interfaces on which it answers for the VIP. */
static uint64_t where(const struct responder *r, const struct ipaddr *vip)
{
	uint64_t digest = 0;

	for (const struct link *one = NULL; (one = next_link(r, vip, one));) {
		digest_add(&digest, &one->index, sizeof one->index);
		digest_add(&digest, one->mac.bytes, MAC_BYTES);
	}
	return digest;
}

static void join_groups(struct responder *r)
{
	CLEANUP_FREE struct group *wanted = NULL;
	size_t n = 0;

	for (size_t i = 0; i < r->holdings.n_items; i++) {
		const struct ipaddr *vip = &r->holdings.items[i].vip;

		if (vip->family != AF_INET6)
			continue;
		for (const struct link *one = NULL; (one = next_link(r, vip, one));) {
			wanted = xreallocarray(wanted, n + 1, sizeof *wanted);
			wanted[n++] = (struct group){one->index, ndp_group(vip), false};
		}
	}
	groups_set(r->groups, wanted, n);
}

/* Brings all in line with what is ours now, and with the interfaces. */
static void settle(struct responder *r, uint64_t now)
{
	for (size_t i = 0; i < r->holdings.n_items; i++) {
		struct holding *one = &r->holdings.items[i];
		uint64_t before = one->where;

		one->where = where(r, &one->vip);
		if (one->where && one->where != before)
			holding_start(one, now);
	}
	join_groups(r);
	arm(r);
}

/* Pods that come and go have interfaces on the node, too: nothing follows from those. */
static void on_links(void *ud)
{
	struct responder *r = ud;
	uint64_t links = links_digest(link_news_links(r->news), &r->names);

	if (links == r->links)
		return;
	r->links = links;
	settle(r, loop_clock());
	r->on_change(r->ud);
}

void responder_set(struct responder *r, const struct prefixes *owned)
{
	uint64_t now = loop_clock();

	if (prefixes_equal(owned, &r->owned))
		return;
	prefixes_done(&r->owned);
	r->owned = prefixes_copy(owned);
	holdings_set(&r->holdings, owned, now);
	settle(r, now);
}

int responder_open(struct responder **ret, sd_event *loop, struct sockets *node,
	const struct config *c, void (*on_change)(void *ud), void *ud, struct err *e)
{
	CLEANUP(responder_closep) struct responder *r = xnew0(struct responder);
	int n;

	if (!sockets_has(node, SOCKETS_ARP))
		return err_set(e, ENOENT, "there are no sockets for ARP and NDP on the node: %s",
			c->node.netns[0] ? "kago-node-sockets has to be started with --l2, which "
					   "takes CAP_NET_RAW"
					 : "with `announce: l2` there has to be a node.netns");
	r->names = (struct link_names){c->l2.interfaces, c->l2.n_interfaces};
	r->on_change = on_change;
	r->ud = ud;
	n = loop_timer_new(&r->timer, loop, on_time, r, e);
	if (n == 0)
		n = link_news_open(&r->news, loop, node, on_links, r, e);
	if (n == 0)
		n = wire_open(&r->wire, loop, node, &wire_ops, r, e);
	if (n < 0)
		return n;
	r->links = links_digest(link_news_links(r->news), &r->names);
	r->groups = groups_new(steal_fd(&node->fds[SOCKETS_GROUPS]), r->wire);
	*ret = steal(r);
	return 0;
}

struct responder *responder_close(struct responder *r)
{
	if (!r)
		return NULL;
	sd_event_source_disable_unref(r->timer);
	groups_free(r->groups);
	wire_close(r->wire);
	link_news_close(r->news);
	holdings_done(&r->holdings);
	prefixes_done(&r->owned);
	free(r);
	return NULL;
}

const char *responder_interface(const struct responder *r, const struct ipaddr *vip)
{
	const struct link *one = next_link(r, vip, NULL);

	return one ? one->name : NULL;
}

const char *responder_rival(const struct responder *r, const struct ipaddr *vip)
{
	const struct holding *one = holdings_find(&r->holdings, vip);

	return one && one->rival.is_known ? one->rival.text : NULL;
}
