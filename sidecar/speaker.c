/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker.h"

#include <linux/netlink.h>

#include "announce/route.h"
#include "bfd/bfd.h"
#include "bfd/bfd_report.h"
#include "bgp/bgp_report.h"
#include "bgp/exabgp.h"
#include "doc/jsonx.h"
#include "exec/exec.h"
#include "l2/l2.h"
#include "loop/loop.h"
#include "masquerade.h"
#include "node/netlink.h"

struct speaker {
	const struct config *config;
	const struct site *site;
	struct speaker_ops ops;
	void *ud;
	struct l2 *l2;     /* NULL: not on layer 2 */
	struct exec *exec; /* NULL: not by a program. Neither: by BGP, with these: */
	struct exabgp *exabgp;
	struct bfd *bfd;
	struct masquerade *masquerade; /* NULL: the node is left alone */
};

DEFINE_CLEANUP(struct speaker *, speaker_free);

static void on_change(void *ud)
{
	const struct speaker *s = ud;

	s->ops.on_change(s->ud);
}

static void on_peers(void *ud)
{
	const struct speaker *s = ud;

	s->ops.on_listeners(s->ud);
}

static void on_stopped(void *ud)
{
	const struct speaker *s = ud;

	s->ops.on_stopped(s->ud);
}

static int open_masquerade(struct speaker *s, struct sockets *node, struct err *e)
{
	struct nl_sock *sock;
	int r;

	if (!sockets_has(node, SOCKETS_TRACKING))
		return 0;
	r = netlink_adopt(&sock, &node->fds[SOCKETS_TRACKING], NETLINK_NETFILTER, e);
	if (r == 0)
		s->masquerade = masquerade_new(sock, s->site);
	return r;
}

static int start_bgp(struct speaker *s, sd_event *loop, struct sockets *node,
	const struct config *c, struct err *e)
{
	static const struct exabgp_ops ops = {on_change, on_peers, on_stopped};
	int r = open_masquerade(s, node, e);

	if (r == 0)
		r = exabgp_start(&s->exabgp, loop, c, s->site, &ops, s, e);
	if (r == 0)
		r = bfd_start(&s->bfd, loop, c, s->site, on_change, s, e);
	return r;
}

static int start_l2(struct speaker *s, sd_event *loop, struct sockets *node, const struct config *c,
	struct err *e)
{
	static const struct l2_ops ops = {on_change, on_stopped};

	return l2_start(&s->l2, loop, node, c, s->site, &ops, s, e);
}

static int start_exec(struct speaker *s, sd_event *loop, const struct config *c, struct err *e)
{
	static const struct exec_ops ops = {on_change, on_stopped};

	return exec_start(&s->exec, loop, c, s->site, &ops, s, e);
}

int speaker_start(struct speaker **ret, sd_event *loop, struct sockets *node,
	const struct config *c, const struct site *site, const struct speaker_ops *ops, void *ud,
	struct err *e)
{
	CLEANUP(speaker_freep) struct speaker *s = xnew0(struct speaker);
	int r;

	*s = (struct speaker){.config = c, .site = site, .ops = *ops, .ud = ud};
	if (c->announce == CONFIG_ANNOUNCE_L2)
		r = start_l2(s, loop, node, c, e);
	else if (c->announce == CONFIG_ANNOUNCE_EXEC)
		r = start_exec(s, loop, c, e);
	else
		r = start_bgp(s, loop, node, c, e);
	if (r < 0)
		return r;
	*ret = steal(s);
	return 0;
}

struct speaker *speaker_free(struct speaker *s)
{
	if (!s)
		return NULL;
	l2_free(s->l2);
	exec_free(s->exec);
	exabgp_free(s->exabgp);
	bfd_free(s->bfd);
	masquerade_free(s->masquerade);
	free(s);
	return NULL;
}

static bool speaks_bgp(const struct speaker *s)
{
	return !s->l2 && !s->exec;
}

void speaker_follow(struct speaker *s)
{
	if (!speaks_bgp(s))
		return;
	exabgp_follow(s->exabgp);
	bfd_follow(s->bfd);
}

static void announce_by_bgp(
	struct speaker *s, const struct prefixes *announced, const struct book *book)
{
	const struct exabgp_api_peers *peers = exabgp_peers(s->exabgp);
	const struct route_rules rules =
		site_route_rules(s->site, s->config, peers->items, peers->n_items);
	CLEANUP_ROUTES_OUT struct routes_out routes = routes_build(announced, book, &rules);

	exabgp_announce(s->exabgp, &routes);
}

void speaker_announce(struct speaker *s, const struct prefixes *announced, const struct book *book)
{
	if (s->l2)
		l2_offer(s->l2, announced);
	else if (s->exec)
		exec_offer(s->exec, announced);
	else
		announce_by_bgp(s, announced, book);
}

void speaker_weigh(struct speaker *s, const struct vips *vips, bool serves)
{
	if (s->l2)
		l2_weigh(s->l2, vips, serves);
	else if (s->exec && serves)
		exec_begin(s->exec);
}

void speaker_set_others(struct speaker *s, const struct prefixes *others)
{
	if (s->exec)
		exec_spare(s->exec, others);
}

void speaker_set_members(struct speaker *s, const struct ipaddr pods[], size_t n_pods)
{
	if (s->l2)
		l2_set_members(s->l2, pods, n_pods);
}

const struct prefixes *speaker_heard(const struct speaker *s)
{
	if (s->l2)
		return l2_heard(s->l2);
	return s->exec ? exec_heard(s->exec) : exabgp_heard(s->exabgp);
}

bool speaker_is_heard(const struct speaker *s)
{
	if (s->l2)
		return l2_is_heard(s->l2);
	return s->exec ? exec_is_heard(s->exec) : exabgp_is_heard(s->exabgp);
}

void speaker_look(struct speaker *s, uint64_t now)
{
	if (speaks_bgp(s))
		masquerade_look(s->masquerade, exabgp_all_sessions(s->exabgp), now);
}

/* `now`: as bgp_report_peers has it. */
static json_t *report_peers(const struct speaker *s, uint64_t now)
{
	json_t *peers =
		bgp_report_peers(exabgp_all_sessions(s->exabgp), exabgp_taken(s->exabgp), now);

	bfd_report_add(peers, s->bfd, now);
	return peers;
}

void speaker_report(const struct speaker *s, struct lifeline_report *r)
{
	r->announced = speaker_heard(s);
	if (s->l2) {
		r->l2 = l2_report(s->l2);
		return;
	}
	if (s->exec) {
		r->exec = exec_report(s->exec);
		return;
	}
	r->sessions = exabgp_sessions(s->exabgp);
	r->peers = exabgp_peers(s->exabgp)->n_items;
	r->bgp = report_peers(s, 0);
}

const char *speaker_why_refused(const struct speaker *s)
{
	return s->exabgp ? exabgp_why_refused(s->exabgp) : "";
}

void speaker_status(const struct speaker *s, json_t *status)
{
	if (s->l2) {
		jsonx_set(status, "l2", l2_report(s->l2));
		jsonx_set(status, "vips", l2_report_vips(s->l2));
		return;
	}
	if (s->exec) {
		jsonx_set(status, "exec", exec_report(s->exec));
		jsonx_set(status, "vips", exec_report_vips(s->exec));
		return;
	}
	jsonx_set(status, "peers", report_peers(s, loop_clock()));
	jsonx_set(status, "routes",
		bgp_report_routes(exabgp_taken(s->exabgp), exabgp_all_sessions(s->exabgp)));
	jsonx_set(status, "refused", json_string(speaker_why_refused(s)));
}

void speaker_stop(struct speaker *s)
{
	if (s->l2)
		l2_stop(s->l2);
	else if (s->exec)
		exec_stop(s->exec);
	else
		exabgp_stop(s->exabgp);
}
