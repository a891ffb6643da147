/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/l2.h"

#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "doc/jsonx.h"
#include "l2/responder.h"
#include "loop/loop.h"
#include "vrrp/share.h"
#include "vrrp/vrrp.h"

/*
 * usec. What has gone from IPVS for longer is deleted; before that it may come back, as when
 * keepalived has ended and fills IPVS again.
 */
enum { LOST_MAX = 30 * 1000 * 1000 };

struct l2 {
	struct l2_ops ops;
	void *ud;
	struct vrrp *vrrp;
	struct responder *responder;
	struct prefixes offered;
	uint32_t counted;         /* the shares that were ours */
	unsigned changes[SHARES]; /* how often each came or went */
	struct prefixes ours;     /* those whose share is ours */
	struct prefixes heard;    /* those of them that some interface answers for */
	struct prefixes known;    /* what IPVS had when it was weighed last */
	struct prefixes lost;     /* what it had before that, and has no more */
	uint64_t lost_at;         /* the last of them */
};

static bool is_ours(const struct l2 *l, const struct ipaddr *vip)
{
	return vrrp_owned(l->vrrp) >> share_of(vip) & 1;
}

/* Each addition is at the end of the set. */
static struct prefixes ours_of(const struct l2 *l)
{
	struct prefixes ours = {0};

	for (size_t i = 0; i < l->offered.n_items; i++)
		if (is_ours(l, &l->offered.items[i].addr))
			prefixes_add(&ours, &l->offered.items[i]);
	return ours;
}

static struct prefixes heard_of(const struct l2 *l)
{
	struct prefixes heard = {0};

	for (size_t i = 0; i < l->ours.n_items; i++)
		if (responder_interface(l->responder, &l->ours.items[i].addr))
			prefixes_add(&heard, &l->ours.items[i]);
	return heard;
}

static const char *why_left(const struct l2 *l, const struct ipnet *net)
{
	if (!prefixes_has(&l->offered, net))
		return "it cannot be served here";
	return prefixes_has(&l->ours, net) ? "no interface has its network"
					   : "another load balancer has its share";
}

static void log_left(const struct l2 *l, const struct prefixes *before)
{
	CLEANUP_PREFIXES struct prefixes left = prefixes_minus(before, &l->heard, SIZE_MAX);
	char vip[IPADDR_TEXT];

	for (size_t i = 0; i < left.n_items; i++)
		log_info("vip.left", LOG_STR("vip", ipaddr_format(vip, &left.items[i].addr)),
			LOG_STR("reason", why_left(l, &left.items[i])));
}

static void log_taken(const struct l2 *l, const struct prefixes *before)
{
	CLEANUP_PREFIXES struct prefixes taken = prefixes_minus(&l->heard, before, SIZE_MAX);
	char vip[IPADDR_TEXT];

	for (size_t i = 0; i < taken.n_items; i++)
		log_info("vip.taken", LOG_STR("vip", ipaddr_format(vip, &taken.items[i].addr)),
			LOG_STR("interface",
				responder_interface(l->responder, &taken.items[i].addr)));
}

/* `new`: of those that are ours now, and were not. */
static void log_nowhere(const struct l2 *l, const struct prefixes *new)
{
	CLEANUP_PREFIXES struct prefixes nowhere = prefixes_minus(new, &l->heard, SIZE_MAX);
	char vip[IPADDR_TEXT];

	for (size_t i = 0; i < nowhere.n_items; i++)
		log_warn("vip.nowhere", LOG_STR("vip", ipaddr_format(vip, &nowhere.items[i].addr)),
			LOG_STR("why", "no interface of the node has a network with it"),
			LOG_STR("remedy", "take VIPs of the node's network, or set l2.interfaces"));
}

/* What is answered for follows what is offered, whose shares are ours, and the interfaces. */
static void settle(struct l2 *l)
{
	struct prefixes ours = ours_of(l);
	CLEANUP_PREFIXES struct prefixes before = l->heard;
	CLEANUP_PREFIXES struct prefixes new = prefixes_minus(&ours, &l->ours, SIZE_MAX);

	prefixes_done(&l->ours);
	l->ours = ours;
	responder_set(l->responder, &l->ours);
	l->heard = heard_of(l);
	log_left(l, &before);
	log_taken(l, &before);
	log_nowhere(l, &new);
}

static void count_changes(struct l2 *l)
{
	const uint32_t owned = vrrp_owned(l->vrrp), others = owned ^ l->counted;

	for (unsigned i = 0; i < SHARES; i++)
		l->changes[i] += others >> i & 1;
	l->counted = owned;
}

static void on_change(void *ud)
{
	struct l2 *l = ud;

	count_changes(l);
	settle(l);
	l->ops.on_change(l->ud);
}

static void on_stopped(void *ud)
{
	const struct l2 *l = ud;

	l->ops.on_stopped(l->ud);
}

int l2_start(struct l2 **ret, sd_event *loop, struct sockets *node, const struct config *c,
	const struct site *site, const struct l2_ops *ops, void *ud, struct err *e)
{
	static const struct vrrp_ops vrrp_ops = {on_change, on_stopped};
	CLEANUP(l2_freep) struct l2 *l = xnew0(struct l2);
	int r;

	*l = (struct l2){.ops = *ops, .ud = ud};
	r = responder_open(&l->responder, loop, node, c, on_change, l, e);
	if (r == 0)
		r = vrrp_start(&l->vrrp, loop, c, site, &vrrp_ops, l, e);
	if (r < 0)
		return r;
	*ret = steal(l);
	return 0;
}

struct l2 *l2_free(struct l2 *l)
{
	if (!l)
		return NULL;
	vrrp_free(l->vrrp);
	responder_close(l->responder);
	prefixes_done(&l->offered);
	prefixes_done(&l->ours);
	prefixes_done(&l->heard);
	prefixes_done(&l->known);
	prefixes_done(&l->lost);
	free(l);
	return NULL;
}

void l2_set_members(struct l2 *l, const struct ipaddr pods[], size_t n_pods)
{
	vrrp_set_members(l->vrrp, pods, n_pods);
}

void l2_offer(struct l2 *l, const struct prefixes *offered)
{
	prefixes_done(&l->offered);
	l->offered = prefixes_copy(offered);
	settle(l);
}

/* Consumes `now`: what IPVS has. */
static void note_lost(struct l2 *l, struct prefixes now)
{
	CLEANUP_PREFIXES struct prefixes gone = prefixes_minus(&l->known, &now, SIZE_MAX);
	CLEANUP_PREFIXES struct prefixes away = prefixes_union(&l->lost, &gone);

	if (gone.n_items > 0)
		l->lost_at = loop_clock();
	prefixes_done(&l->known);
	l->known = now;
	prefixes_done(&l->lost);
	if (loop_clock() - l->lost_at < LOST_MAX)
		l->lost = prefixes_minus(&away, &l->known, SIZE_MAX);
}

/* Of the shares with a VIP of these; `unheard`: with one that we could not answer for. */
static uint32_t shares_of(const struct l2 *l, const struct prefixes *p, bool unheard)
{
	uint32_t shares = 0;

	for (size_t i = 0; i < p->n_items; i++) {
		const struct ipnet *net = &p->items[i];

		if (!unheard || !prefixes_has(&l->offered, net) ||
			!responder_interface(l->responder, &net->addr))
			shares |= UINT32_C(1) << share_of(&net->addr);
	}
	return shares;
}

void l2_weigh(struct l2 *l, const struct vips *vips, bool takes_part)
{
	struct prefixes now = {0};

	for (size_t i = 0; i < vips->n_items; i++) {
		const struct ipnet net = ipnet_of(&vips->items[i].addr);

		prefixes_add(&now, &net);
	}
	note_lost(l, now);
	vrrp_set_impaired(l->vrrp, shares_of(l, &l->known, true) | shares_of(l, &l->lost, false));
	vrrp_take_part(l->vrrp, takes_part);
}

const struct prefixes *l2_heard(const struct l2 *l)
{
	return &l->heard;
}

bool l2_is_heard(const struct l2 *l)
{
	return l->heard.n_items == l->ours.n_items;
}

static unsigned count_shares(uint32_t owned)
{
	unsigned n = 0;

	for (; owned; owned &= owned - 1)
		n++;
	return n;
}

static json_t *report_vip(const struct l2 *l, const struct ipaddr *vip)
{
	const char *interface = responder_interface(l->responder, vip);
	const char *rival = responder_rival(l->responder, vip);
	json_t *item = jsonx_must(json_object());
	char text[IPADDR_TEXT];

	jsonx_set(item, "vip", json_string(ipaddr_format(text, vip)));
	if (interface)
		jsonx_set(item, "interface", json_string(interface));
	if (rival)
		jsonx_set(item, "rival", json_string(rival));
	return item;
}

/* Up to `max` of them. */
static json_t *report_vips(const struct l2 *l, bool rivals, size_t max)
{
	json_t *vips = jsonx_must(json_array());

	for (size_t i = 0; i < l->ours.n_items && json_array_size(vips) < max; i++) {
		const struct ipaddr *vip = &l->ours.items[i].addr;

		if (!rivals || responder_rival(l->responder, vip))
			jsonx_append(vips, report_vip(l, vip));
	}
	return vips;
}

static bool has_text(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

static json_t *report_interfaces(const struct l2 *l)
{
	json_t *names = jsonx_must(json_array());

	for (size_t i = 0; i < l->heard.n_items; i++) {
		const char *name = responder_interface(l->responder, &l->heard.items[i].addr);

		if (name && !has_text(names, name) && json_array_size(names) < LIMIT_L2_INTERFACES)
			jsonx_append(names, json_string(name));
	}
	return names;
}

static json_t *report_owned(const struct l2 *l)
{
	json_t *owned = jsonx_must(json_array());

	for (unsigned i = 0; i < SHARES; i++)
		if (vrrp_owned(l->vrrp) >> i & 1)
			jsonx_append(owned, json_integer(i));
	return owned;
}

static json_t *report_changes(const struct l2 *l)
{
	json_t *changes = jsonx_must(json_array());

	for (unsigned i = 0; i < SHARES; i++)
		jsonx_append(changes, json_integer(l->changes[i]));
	return changes;
}

json_t *l2_report(const struct l2 *l)
{
	json_t *report = jsonx_must(json_object());

	jsonx_set(report, "shares", json_integer(count_shares(vrrp_owned(l->vrrp))));
	jsonx_set(report, "owned", report_owned(l));
	jsonx_set(report, "changes", report_changes(l));
	jsonx_set(report, "interfaces", report_interfaces(l));
	jsonx_set(report, "rivals", report_vips(l, true, LIMIT_L2_RIVALS));
	return report;
}

json_t *l2_report_vips(const struct l2 *l)
{
	return report_vips(l, false, SIZE_MAX);
}

void l2_stop(struct l2 *l)
{
	vrrp_stop(l->vrrp);
}
