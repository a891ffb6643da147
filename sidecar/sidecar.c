/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar.h"

#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>

#include "announce/announce.h"
#include "announce/gate.h"
#include "announce/glance.h"
#include "announce/grace.h"
#include "announce/linger.h"
#include "base/log.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "doorkeeper.h"
#include "lifeline.h"
#include "loop/loop.h"
#include "node/netlink.h"
#include "node/routes.h"
#include "node/site.h"
#include "node/strays.h"
#include "node/supply.h"
#include "node/ways.h"
#include "privileges.h"
#include "sockets/sockets.h"
#include "speaker.h"
#include "status.h"

enum {
	ROUTE_CHECK = 1000 * 1000, /* how often routes that nobody changed are looked at */
	ALONE_POLL = 200 * 1000,   /* between looks at IPVS while no controller tells of changes */
	GLANCE_MAX = 60 * 1000 * 1000, /* that a child may take for a look at all of it */
};

/* In node.netns, before the path of a socket. */
#define SUPPLIER "unix:"

/* WAITING: for sockets in the node's network namespace, before there is anything else. */
enum phase { WAITING, RUNNING, DRAINING, STOPPING };

struct sidecar {
	struct config *config;
	struct site site;
	struct doorkeeper doorkeeper;
	struct announce_rules rules;
	sd_event *loop;
	sd_event_source *poll_timer, *route_timer, *drain_timer;
	struct gate gate;
	struct vips vips;      /* what IPVS has and the outer wall lets through */
	struct glance *glance; /* NULL: none is under way */
	uint64_t glanced_at;
	struct supply *supply; /* NULL: we make our sockets ourselves */
	struct routes *routes;
	struct strays *strays; /* NULL, too */
	struct ways *ways;     /* NULL: the node's routes are left alone */
	struct speaker *speaker;
	struct lifeline *lifeline;
	struct status *status; /* NULL: it does not work */
	struct follow *follow;
	struct grace grace;
	struct ipaddr *members; /* pods of the fleet, until the speaker can be told */
	size_t n_members;
	bool knows_members;
	bool look_now;      /* not by a child: something else has changed, too */
	bool ready;         /* the controller said so */
	bool all_announced; /* that is servable */
	bool warned_family;
	enum phase phase;
	struct prefixes announced;
	struct book book;            /* what Services say of routes, and kago.yaml of all */
	struct prefixes ever_by_nat; /* VIPs that NAT has served since they came */
	struct prefixes served;      /* routed to us by the node, not counting what lingers */
	struct prefixes local, node; /* as last applied */
	struct prefixes in_place;    /* those of `node` that packets can take */
	struct linger_set linger;
	bool routes_due;                /* to be looked at, whether or not they shall change */
	char route_error[ERR_MSG_SIZE]; /* the one already logged */
};

static const char *why_withdrawn(
	const struct sidecar *s, const struct ipnet *net, const struct prefixes *servable)
{
	if (s->phase != RUNNING)
		return "stopping";
	if (s->grace.reason)
		return s->grace.reason;
	if (ways_divert(s->ways, net))
		return "the node sends its packets elsewhere";
	if (prefixes_has(servable, net))
		return "its route is missing";
	if (doorkeeper_why_not(&s->doorkeeper, net))
		return doorkeeper_why_not(&s->doorkeeper, net);
	if (announce_leads_somewhere(&s->vips, net))
		return "bgp.aggregates have changed";
	return announce_why_not(&s->vips, net);
}

/* What we can serve is not announced by that alone: our share, or a program, decides. */
static bool is_only_offered(const struct sidecar *s)
{
	return s->config->announce != CONFIG_ANNOUNCE_BGP;
}

static void log_out(
	const struct sidecar *s, const struct ipnet *net, const struct prefixes *servable)
{
	char text[IPNET_TEXT];

	log_info(is_only_offered(s) ? "vip.withheld" : "vip.withdrawn",
		LOG_STR("prefix", ipnet_format(text, net)),
		LOG_STR("reason", why_withdrawn(s, net, servable)));
}

/* Where routes of this family lead, to some peer; NULL: nowhere. */
static const struct ipaddr *leads_to(const struct sidecar *s, int family)
{
	const struct ipaddr *hop = site_next_hop(&s->site, s->config, family);

	for (size_t i = 0; !hop && i < s->config->bgp.n_peers; i++)
		hop = site_hop_to(&s->site, s->config, &s->config->bgp.peers[i], family);
	return hop;
}

static void log_in(const struct sidecar *s, const struct ipnet *net)
{
	char text[IPNET_TEXT], hop[IPADDR_TEXT];

	ipnet_format(text, net);
	if (is_only_offered(s))
		log_info("vip.offered", LOG_STR("prefix", text),
			LOG_STR("next", s->config->announce == CONFIG_ANNOUNCE_L2
						? "it is answered for once its share is ours"
						: "exec.program is called"));
	else
		log_info("vip.announced", LOG_STR("prefix", text),
			LOG_STR("next_hop", ipaddr_format(hop, leads_to(s, net->addr.family))));
}

static void log_changes(
	const struct sidecar *s, const struct prefixes *next, const struct prefixes *servable)
{
	CLEANUP_PREFIXES struct prefixes out = prefixes_minus(&s->announced, next, SIZE_MAX);
	CLEANUP_PREFIXES struct prefixes in = prefixes_minus(next, &s->announced, SIZE_MAX);

	for (size_t i = 0; i < out.n_items; i++)
		log_out(s, &out.items[i], servable);
	for (size_t i = 0; i < in.n_items; i++)
		log_in(s, &in.items[i]);
}

/* Consumes `next`. */
static void announce(struct sidecar *s, struct prefixes next, const struct prefixes *servable)
{
	bool is_news = !prefixes_equal(&s->announced, &next);

	if (is_news)
		log_changes(s, &next, servable);
	prefixes_done(&s->announced);
	s->announced = next;
	if (is_news)
		speaker_announce(s->speaker, &s->announced, &s->book);
}

/* Not before the first time that the kernel holds all, nor while what keeps it true is broken. */
static bool may_serve(const struct sidecar *s)
{
	return s->ready && !s->grace.reason;
}

/*
 * What the node shall route to us: what we serve, and what others may still send us. Not before the
 * first announcement could be: another pod of the node would take us for its reserve.
 */
static struct prefixes node_routes(struct sidecar *s, const struct prefixes *servable, uint64_t now)
{
	CLEANUP_PREFIXES struct prefixes lingering = {0};
	struct prefixes serving = {0};

	if (may_serve(s))
		serving = announce_routed(&s->vips, &s->rules, servable, false);
	linger_update(&s->linger, &s->served, &serving, now, s->config->node.drain);
	for (size_t i = s->linger.n_items; i > 0; i--) {
		struct ipnet net = s->linger.items[i - 1].net;

		/* Another pod of this node serves it better than we can. */
		if (routes_has_reserve(s->routes, &net))
			linger_drop(&s->linger, &net);
	}
	for (size_t i = 0; i < s->linger.n_items; i++)
		prefixes_add(&lingering, &s->linger.items[i].net);
	prefixes_done(&s->served);
	s->served = serving;
	return prefixes_union(&serving, &lingering);
}

static void report_routes(struct sidecar *s, const struct err *e)
{
	if (strcmp(s->route_error, e->msg) == 0)
		return;
	if (e->code)
		log_error("route.failed", LOG_ERR(e),
			LOG_STR("effect", "what packets cannot reach is not announced"),
			LOG_STR("next", "retried every second"));
	else
		log_info("route.repaired");
	memcpy(s->route_error, e->msg, sizeof s->route_error);
}

/* Connections by NAT go on when all that is new goes through tunnels. */
static void note_nat(struct sidecar *s)
{
	CLEANUP_PREFIXES struct prefixes now = places_by_nat(&s->gate.places), all = {0},
					 stay = {0};

	for (size_t i = 0; i < s->gate.vips.n_items; i++) {
		const struct ipnet net = ipnet_of(&s->gate.vips.items[i].addr);

		prefixes_add(&all, &net);
	}
	stay = prefixes_common(&s->ever_by_nat, &all);
	prefixes_done(&s->ever_by_nat);
	s->ever_by_nat = prefixes_union(&stay, &now);
}

/* Before packets come in. */
static void set_strays(struct sidecar *s)
{
	CLEANUP_PREFIXES struct prefixes some = {0}, now = {0}, only = {0};

	if (!s->strays)
		return;
	note_nat(s);
	places_tunnels(&some, &now, &s->gate.places);
	only = prefixes_minus(&now, &s->ever_by_nat, SIZE_MAX);
	strays_set(s->strays, routes_metric(s->routes), &some, &only, &s->gate.places);
}

/* Consumes both sets. */
static void set_routes(struct sidecar *s, struct prefixes local, struct prefixes node)
{
	bool same = prefixes_equal(&s->local, &local) && prefixes_equal(&s->node, &node);
	struct err e = {0}, unused = {0};

	prefixes_done(&s->local);
	prefixes_done(&s->node);
	s->local = local;
	s->node = node;
	if (same && !s->routes_due)
		return;
	prefixes_done(&s->in_place);
	if (!s->routes_due && routes_adjust(&s->in_place, s->routes, &local, &node, &unused) == 0)
		return;
	s->routes_due = false;
	routes_apply(&s->in_place, s->routes, &s->local, &s->node, &e);
	strays_purge(s->strays, routes_others(s->routes));
	report_routes(s, &e);
}

static void warn_of_family(struct sidecar *s)
{
	for (size_t i = 0; i < s->vips.n_items && !s->warned_family; i++) {
		const struct vip *vip = &s->vips.items[i];
		char text[IPADDR_TEXT];

		if (vip->addr.family == AF_INET ? s->rules.next_hop4 : s->rules.next_hop6)
			continue;
		log_warn("vip.skipped", LOG_STR("vip", ipaddr_format(text, &vip->addr)),
			LOG_STR("why", "pod or node has no address of its family"),
			LOG_STR("remedy", "set POD_IPS and HOST_IPS, or --pod-ip and --node-ip"));
		s->warned_family = true;
	}
}

static bool is_at_work(const struct sidecar *s)
{
	return s->phase == RUNNING || s->phase == DRAINING;
}

static void report_waiting(struct sidecar *s)
{
	const struct lifeline_report r = {
		.announced = &s->announced, .peers = s->config->bgp.n_peers, .waits = true};

	lifeline_report(s->lifeline, &r);
}

/* NULL: all that kago.yaml says is in use. */
static json_t *report_config(const struct sidecar *s)
{
	const struct follow_state st =
		s->follow ? follow_state(s->follow) : (struct follow_state){0};
	const char *why = speaker_why_refused(s->speaker);

	if (!st.refused && !st.restart_pending && !*why)
		return NULL;
	return jsonx_must(json_pack("{sb sb ss}", "refused", st.refused, "restartPending",
		st.restart_pending, "refusedByExabgp", why));
}

static void report(void *ud)
{
	const struct sidecar *s = ud;
	struct lifeline_report r = {.complete = s->all_announced && speaker_is_heard(s->speaker),
		.config = report_config(s),
		.suspended = s->grace.reason};

	speaker_report(s->speaker, &r);
	lifeline_report(s->lifeline, &r);
}

/* Null while a part is broken. */
static json_t *seconds_to_resume(const struct sidecar *s)
{
	uint64_t wait = grace_wait(&s->grace);

	return wait ? json_integer((json_int_t)(wait / 1000000)) : json_null();
}

/* For `kago-sidecar status`. */
static void write_status(void *ud, FILE *out)
{
	static const char *const phases[] = {"waiting", "running", "draining", "stopping"};
	const struct sidecar *s = ud;
	json_t *status = jsonx_must(json_pack("{ss ss ss sb sb}", "type", "status", "version",
		KAGO_VERSION, "phase", phases[s->phase], "controllerConnected",
		lifeline_is_up(s->lifeline), "controllerWasReady", s->ready));

	jsonx_set(status, "suspended", json_string(s->grace.reason ? s->grace.reason : ""));
	if (s->grace.reason)
		jsonx_set(status, "resumesInSeconds", seconds_to_resume(s));
	jsonx_set(status, "peers", json_array());
	jsonx_set(status, "routes", json_array());
	if (s->speaker)
		speaker_status(s->speaker, status);
	json_dumpf(status, out, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(status);
}

static bool is_announced(const struct sidecar *s, const struct prefixes *all)
{
	CLEANUP_PREFIXES struct prefixes missing = prefixes_minus(all, &s->announced, SIZE_MAX);

	return missing.n_items == 0;
}

/*
 * What is servable and not led elsewhere by the node; and when bgp.aggregates have changed, what
 * stood for the same VIPs before, until peers have heard of what stands for them now.
 */
static struct prefixes allowed_now(const struct sidecar *s)
{
	CLEANUP_VIPS struct vips vips = ways_usable(s->ways, &s->vips);
	CLEANUP_PREFIXES struct prefixes former = {0};
	struct prefixes allowed = {0};

	if (!may_serve(s) || s->phase != RUNNING)
		return allowed;
	allowed = announce_build(&vips, &s->rules);
	if (is_announced(s, &allowed) && speaker_is_heard(s->speaker))
		return allowed;
	former = prefixes_minus(&s->announced, &allowed, SIZE_MAX);
	for (size_t i = 0; i < former.n_items; i++)
		if (announce_leads_somewhere(&vips, &former.items[i]))
			prefixes_add(&allowed, &former.items[i]);
	return allowed;
}

/* Local addresses of the pod: what IPVS has, and what the node still sends us. */
static struct prefixes local_routes(
	const struct sidecar *s, const struct prefixes *servable, const struct prefixes *node)
{
	CLEANUP_PREFIXES struct prefixes own = announce_routed(&s->vips, &s->rules, servable, true);

	return prefixes_union(&own, node);
}

static void admit(struct sidecar *s)
{
	vips_done(&s->vips);
	s->vips = doorkeeper_pass(&s->doorkeeper, &s->gate.vips);
	warn_of_family(s);
}

/* Of what has its routes: before that there is nothing to see. */
static bool watch_ways(struct sidecar *s)
{
	CLEANUP_PREFIXES struct prefixes routed = prefixes_common(&s->served, &s->in_place);

	return ways_watch(s->ways, &routed);
}

/* Who serves nothing, though there is something to serve, gives way to others. */
static bool serves(const struct sidecar *s)
{
	return may_serve(s) && s->phase == RUNNING &&
	       (s->vips.n_items == 0 || s->announced.n_items > 0);
}

/* Withdrawals go before route changes, announcements after them. */
static void follow_vips(struct sidecar *s, uint64_t now)
{
	CLEANUP_PREFIXES struct prefixes servable = announce_build(&s->vips, &s->rules);
	CLEANUP_PREFIXES struct prefixes allowed = allowed_now(s);
	struct prefixes node;

	announce(s, prefixes_common(&s->announced, &allowed), &servable);
	node = node_routes(s, &servable, now);
	set_strays(s);
	set_routes(s, local_routes(s, &servable, &node), node);
	speaker_set_others(s->speaker, routes_reserves(s->routes));
	if (watch_ways(s)) {
		prefixes_done(&allowed);
		allowed = allowed_now(s);
	}
	announce(s, prefixes_common(&allowed, &s->in_place), &servable);
	speaker_weigh(s->speaker, &s->vips, serves(s));
	s->all_announced = may_serve(s) && is_announced(s, &servable);
	report(s);
}

static void update(struct sidecar *s, uint64_t now)
{
	admit(s);
	follow_vips(s, now);
}

/* A controller that is there tells what has changed; a look at everything only makes sure then. */
static bool is_told(const struct sidecar *s)
{
	return lifeline_is_up(s->lifeline) && s->gate.ipvs && !s->gate.blind_since;
}

static void plan_next_look(const struct sidecar *s)
{
	uint64_t interval = s->config->node.poll_interval;

	if (!is_told(s) && interval > ALONE_POLL)
		interval = ALONE_POLL;
	loop_timer_arm(s->poll_timer, gate_pause(&s->gate, interval));
}

static void look(struct sidecar *s)
{
	uint64_t now = loop_now(s->loop);

	s->look_now = false;
	gate_look(&s->gate, now);
	update(s, now);
	plan_next_look(s);
}

static void on_glance(void *ud, int result, const struct places *places, const struct err *e)
{
	struct sidecar *s = ud;
	uint64_t now = loop_now(s->loop);

	(void)e; /* looking ourselves says why it cannot be read */
	if (result < 0) {
		look(s);
	} else {
		s->gate.took = now - s->glanced_at;
		if (gate_check(&s->gate, places, now))
			update(s, now);
		plan_next_look(s);
	}
	s->glance = glance_free(s->glance);
}

static void on_poll(void *ud)
{
	struct sidecar *s = ud;
	struct err e = {0};

	s->glance = glance_free(s->glance);
	if (!is_at_work(s))
		return;
	s->glanced_at = loop_now(s->loop);
	if (!s->look_now && is_told(s) && glance_start(&s->glance, s->loop, on_glance, s, &e) == 0)
		loop_timer_arm(s->poll_timer, GLANCE_MAX);
	else
		look(s);
}

/* What is announced follows with the next look at routes. */
static void look_at_parts(struct sidecar *s)
{
	const struct grace_facts facts = lifeline_facts(s->lifeline);

	if (!s->ready || !grace_look(&s->grace, &facts, s->config->node.grace, loop_now(s->loop)))
		return;
	if (s->grace.reason)
		log_error("announcing.suspended", LOG_STR("why", s->grace.reason),
			LOG_STR("effect", "all is withdrawn until that has been well for a while"),
			LOG_STR("remedy", "docs/troubleshooting.md"));
	else
		log_info("announcing.resumed", LOG_STR("next", "announcing what IPVS can serve"));
}

/* Also ends what lingers. */
static void on_route_time(void *ud)
{
	struct sidecar *s = ud;

	if (!is_at_work(s))
		return;
	s->routes_due = true;
	strays_look(s->strays);
	look_at_parts(s);
	update(s, loop_now(s->loop));
	ways_ask_some(s->ways);
	speaker_look(s->speaker, loop_now(s->loop));
	loop_timer_arm(s->route_timer, ROUTE_CHECK);
}

static void on_ways(void *ud)
{
	struct sidecar *s = ud;

	if (is_at_work(s))
		update(s, loop_now(s->loop));
}

static void on_changed(void *ud, const struct place places[], size_t n_places)
{
	struct sidecar *s = ud;
	uint64_t now = loop_now(s->loop);

	if (is_at_work(s) && gate_look_at(&s->gate, places, n_places, now))
		update(s, now);
}

static void look_soon(struct sidecar *s)
{
	s->look_now = true;
	loop_timer_arm(s->poll_timer, 0);
}

/* Reachability is the kernel's word: this changes what is said of routes that are there. */
static void on_routes(void *ud, bool all, const struct told_route routes[], size_t n_routes,
	const struct ipnet gone[], size_t n_gone)
{
	struct sidecar *s = ud;

	if (all)
		book_clear(&s->book);
	for (size_t i = 0; i < n_routes; i++)
		book_set(&s->book, &routes[i].net, routes[i].attributes);
	for (size_t i = 0; i < n_gone; i++)
		book_leave(&s->book, &gone[i]);
	book_sweep(&s->book, &s->announced);
	if (s->speaker)
		speaker_announce(s->speaker, &s->announced, &s->book);
}

static void on_members(void *ud, const struct ipaddr pods[], size_t n_pods)
{
	struct sidecar *s = ud;

	if (s->speaker) {
		speaker_set_members(s->speaker, pods, n_pods);
		return;
	}
	free(s->members);
	s->members = xcalloc(n_pods, sizeof *s->members);
	if (n_pods > 0)
		memcpy(s->members, pods, n_pods * sizeof *pods);
	s->n_members = n_pods;
	s->knows_members = true;
}

/* What changes from now on is found by looking alone. */
static void on_lost(void *ud)
{
	look_soon(ud);
}

static void on_ready(void *ud)
{
	struct sidecar *s = ud;

	if (s->ready)
		return;
	s->ready = true;
	log_info("controller.ready", LOG_STR("next", "announcing what IPVS can serve"));
	look_soon(s);
}

static void on_listeners(void *ud)
{
	const struct sidecar *s = ud;

	speaker_announce(s->speaker, &s->announced, &s->book);
	report(ud);
}

static void on_speaker_stopped(void *ud)
{
	const struct sidecar *s = ud;

	log_info("sidecar.stopped");
	loop_exit(s->loop, 0);
}

static void remove_routes(struct sidecar *s)
{
	CLEANUP_PREFIXES struct prefixes nothing = {0}, unused = {0};
	struct err e = {0};

	/* The node's first: what came in afterwards would leave the pod again, and come back. */
	if (routes_apply(&unused, s->routes, &s->local, &nothing, &e) < 0)
		report_routes(s, &e);
	prefixes_done(&unused);
	if (routes_apply(&unused, s->routes, &nothing, &nothing, &e) < 0)
		report_routes(s, &e);
	strays_remove(s->strays);
}

static void finish(void *ud)
{
	struct sidecar *s = ud;

	if (s->phase == STOPPING)
		return;
	s->phase = STOPPING;
	s->glance = glance_free(s->glance);
	remove_routes(s);
	speaker_stop(s->speaker);
}

static void start_draining(struct sidecar *s)
{
	char drain[32];

	s->phase = DRAINING;
	log_info("sidecar.draining", LOG_UINT("prefixes", s->announced.n_items),
		LOG_STR("for", str_from_usec(drain, s->config->node.drain)),
		LOG_STR("next", "all is withdrawn now, packets are forwarded until then"));
	update(s, loop_now(s->loop));
	loop_timer_arm(s->drain_timer, s->config->node.drain);
}

static void on_stop(void *ud)
{
	struct sidecar *s = ud;

	if (s->phase == WAITING)
		on_speaker_stopped(s);
	else if (s->phase == RUNNING && s->announced.n_items > 0)
		start_draining(s);
	else
		finish(s);
}

/* A family can be announced when its routes lead somewhere, and the node reaches the pod by it. */
static bool family_works(const struct sidecar *s, int family)
{
	return leads_to(s, family) && (!s->config->node.netns[0] || dual_of(&s->site.pod, family));
}

static void set_rules(struct sidecar *s)
{
	book_set_config(&s->book, s->config);
	doorkeeper_set(&s->doorkeeper, s->config, &s->site);
	s->rules = (struct announce_rules){s->doorkeeper.aggregates, s->doorkeeper.n_aggregates,
		family_works(s, AF_INET), family_works(s, AF_INET6)};
}

/* Times are read when they are needed. */
static void on_config(void *ud)
{
	struct sidecar *s = ud;

	if (!is_at_work(s))
		return;
	set_rules(s);
	speaker_follow(s->speaker);
	speaker_announce(s->speaker, &s->announced, &s->book);
	look_soon(s);
}

static int open_strays(struct sidecar *s, struct sockets *node, struct err *e)
{
	struct nl_sock *sock;
	int r;

	if (!sockets_has(node, SOCKETS_RULES))
		return 0;
	r = netlink_adopt(&sock, &node->fds[SOCKETS_RULES], NETLINK_NETFILTER, e);
	if (r == 0)
		s->strays = strays_new(sock);
	return r;
}

static int go_to_work(struct sidecar *s, struct sockets *node, struct err *e)
{
	static const struct speaker_ops speaker_ops = {report, on_listeners, on_speaker_stopped};
	const struct config *c = s->config;
	int r = site_find(&s->site, c, node, e);

	if (r == 0)
		r = routes_open(&s->routes, node, &s->site, e);
	if (r == 0)
		r = open_strays(s, node, e);
	if (r == 0)
		r = ways_open(&s->ways, s->loop, node, &s->site, on_ways, s, e);
	if (r == 0)
		r = speaker_start(&s->speaker, s->loop, node, c, &s->site, &speaker_ops, s, e);
	if (r < 0)
		return r;
	if (s->knows_members)
		speaker_set_members(s->speaker, s->members, s->n_members);
	s->phase = RUNNING;
	set_rules(s);
	s->routes_due = true;
	look_soon(s);
	loop_timer_arm(s->route_timer, ROUTE_CHECK);
	return 0;
}

static void on_sockets(void *ud, struct sockets *node)
{
	struct sidecar *s = ud;
	struct err e = {0};

	if (go_to_work(s, node, &e) == 0)
		return;
	log_error("sidecar.failed", LOG_ERR(&e));
	loop_exit(s->loop, 1);
}

/* Where somebody else makes our sockets, or NULL. */
static const char *supplier_of(const struct config *c)
{
	return str_has_prefix(c->node.netns, SUPPLIER) ? c->node.netns + strlen(SUPPLIER) : NULL;
}

/* By ourselves, while we may. */
static int make_sockets(struct sockets *ret, const struct config *c, struct err *e)
{
	int r;

	if (!c->node.netns[0] || supplier_of(c))
		return 0;
	r = sockets_make(ret, c->node.netns, e);
	if (r == 0 && c->announce == CONFIG_ANNOUNCE_L2)
		r = sockets_make_l2(ret, c->node.netns, e);
	return r;
}

static int await_sockets(struct sidecar *s, struct err *e)
{
	int r = supply_open(&s->supply, s->loop, supplier_of(s->config), on_sockets, s, e);

	if (r == 0)
		report_waiting(s);
	return r;
}

static int start(struct sidecar *s, const struct follow_origin *origin, struct err *e)
{
	static const struct lifeline_ops lifeline_ops = {
		on_ready, on_changed, on_routes, on_lost, on_members};
	CLEANUP_SOCKETS struct sockets node = SOCKETS_NONE;
	const struct config *c = s->config;
	int r = loop_new(&s->loop, on_stop, s, e);

	if (r == 0)
		r = loop_timer_new(&s->poll_timer, s->loop, on_poll, s, e);
	if (r == 0)
		r = loop_timer_new(&s->route_timer, s->loop, on_route_time, s, e);
	if (r == 0)
		r = loop_timer_new(&s->drain_timer, s->loop, finish, s, e);
	if (r == 0)
		r = make_sockets(&node, c, e);
	if (r == 0)
		r = privileges_drop(c->announce == CONFIG_ANNOUNCE_L2, e);
	if (r == 0)
		r = lifeline_open(&s->lifeline, s->loop, c->control.socket, &lifeline_ops, s, e);
	if (r == 0)
		r = supplier_of(c) ? await_sockets(s, e) : go_to_work(s, &node, e);
	if (r < 0)
		return r;
	s->status = status_open(s->loop, c->control.socket, write_status, s);
	s->follow = follow_new(s->loop, origin, s->config, SCHEMA_SIDECAR, on_config, s);
	return 0;
}

static void sidecar_done(struct sidecar *s)
{
	status_close(s->status);
	supply_close(s->supply);
	lifeline_close(s->lifeline);
	speaker_free(s->speaker);
	ways_close(s->ways);
	strays_free(s->strays);
	routes_close(s->routes);
	glance_free(s->glance);
	gate_done(&s->gate);
	vips_done(&s->vips);
	doorkeeper_done(&s->doorkeeper);
	linger_done(&s->linger);
	free(s->members);
	prefixes_done(&s->announced);
	book_done(&s->book);
	prefixes_done(&s->ever_by_nat);
	prefixes_done(&s->served);
	prefixes_done(&s->local);
	prefixes_done(&s->node);
	prefixes_done(&s->in_place);
	follow_free(s->follow); /* others point to what kago.yaml said before */
	sd_event_source_disable_unref(s->poll_timer);
	sd_event_source_disable_unref(s->route_timer);
	sd_event_source_disable_unref(s->drain_timer);
	sd_event_unref(s->loop);
}

int sidecar_run(struct config *c, const struct follow_origin *origin, struct err *e)
{
	struct sidecar s = {.config = c};
	int r = start(&s, origin, e);

	if (r == 0)
		r = loop_run(s.loop, e);
	sidecar_done(&s);
	return r;
}
