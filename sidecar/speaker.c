/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker.h"

#include <linux/netlink.h>

#include "announce/route.h"
#include "bgp/bfd.h"
#include "bgp/bfd_report.h"
#include "bgp/bgp_report.h"
#include "bgp/exabgp.h"
#include "doc/jsonx.h"
#include "loop/loop.h"
#include "masquerade.h"
#include "node/netlink.h"

struct speaker {
	const struct site *site;
	struct speaker_ops ops;
	void *ud;
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

int speaker_start(struct speaker **ret, sd_event *loop, struct sockets *node,
	const struct config *c, const struct site *site, const struct speaker_ops *ops, void *ud,
	struct err *e)
{
	static const struct exabgp_ops exabgp_ops = {on_change, on_peers, on_stopped};
	CLEANUP(speaker_freep) struct speaker *s = xnew0(struct speaker);
	int r;

	*s = (struct speaker){.site = site, .ops = *ops, .ud = ud};
	r = open_masquerade(s, node, e);
	if (r == 0)
		r = exabgp_start(&s->exabgp, loop, c, site, &exabgp_ops, s, e);
	if (r == 0)
		r = bfd_start(&s->bfd, loop, c, site, on_change, s, e);
	if (r < 0)
		return r;
	*ret = steal(s);
	return 0;
}

struct speaker *speaker_free(struct speaker *s)
{
	if (!s)
		return NULL;
	exabgp_free(s->exabgp);
	bfd_free(s->bfd);
	masquerade_free(s->masquerade);
	free(s);
	return NULL;
}

void speaker_follow(struct speaker *s)
{
	exabgp_follow(s->exabgp);
	bfd_follow(s->bfd);
}

void speaker_announce(struct speaker *s, const struct prefixes *announced, const struct book *book)
{
	const struct exabgp_api_peers *peers = exabgp_peers(s->exabgp);
	const struct route_rules rules = site_route_rules(s->site, peers->items, peers->n_items);
	CLEANUP_ROUTES_OUT struct routes_out routes = routes_build(announced, book, &rules);

	exabgp_announce(s->exabgp, &routes);
}

const struct prefixes *speaker_heard(const struct speaker *s)
{
	return exabgp_heard(s->exabgp);
}

bool speaker_is_heard(const struct speaker *s)
{
	return exabgp_is_heard(s->exabgp);
}

void speaker_look(struct speaker *s, uint64_t now)
{
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
	r->announced = exabgp_heard(s->exabgp);
	r->sessions = exabgp_sessions(s->exabgp);
	r->peers = exabgp_peers(s->exabgp)->n_items;
	r->bgp = report_peers(s, 0);
}

void speaker_status(const struct speaker *s, json_t *status)
{
	jsonx_set(status, "peers", report_peers(s, loop_clock()));
	jsonx_set(status, "routes",
		bgp_report_routes(exabgp_taken(s->exabgp), exabgp_all_sessions(s->exabgp)));
	jsonx_set(status, "refused", json_string(exabgp_why_refused(s->exabgp)));
}

void speaker_stop(struct speaker *s)
{
	exabgp_stop(s->exabgp);
}
