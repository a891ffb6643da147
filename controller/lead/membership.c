/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/membership.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "kube/watch.h"
#include "lead/agents.h"
#include "lead/agreement.h"
#include "lead/candidate.h"
#include "lead/members.h"
#include "lead/node_list.h"
#include "lead/own_lease.h"
#include "loop/loop.h"
#include "values/name_set.h"
#include "values/prefix_set.h"

enum {
	LEAVE = 2 * 1000 * 1000,  /* for our last requests */
	RENEW = 10 * 1000 * 1000, /* our heartbeat */
	SILENCE = 3 * RENEW,
	SWEEP = 60 * 1000 * 1000, /* from one Lease of the dead to the next */
	SWEEP_TIMEOUT = 5 * 1000 * 1000,
	PARTS = 3, /* that leave: the candidate and our Leases */
};

struct membership {
	struct lease_client client;
	struct membership_ops ops;
	void *ud;
	struct watch *watch;
	struct candidate *candidate;
	struct own_lease *heartbeat, *announcement;
	struct members *members;
	struct agreement *agreement;
	struct agents *agents;
	struct node_list *nodes;
	/* Of the members' Leases, "kago-FLEET." and "announces.kago-FLEET.": no fleet's heartbeat
	 * begins like an announcement. */
	char *heartbeats, *announcements;
	char *tunnels;         /* of the agents' Leases, "tunnels.kago-FLEET." */
	size_t left_out;       /* nodes that are too many to be published */
	uint64_t silent_since; /* that most agents are, together; 0: they are not */
	bool synced;
	struct kube_call *sweep; /* deletes the Lease of somebody dead */
	uint64_t swept;
	sd_event_source *leave; /* runs from membership_leave to `on_left` */
	unsigned parts_left;
	void (*on_left)(void *ud);
	void *left_ud;
};

/* Who is dead has no tables. */
static void forget_dead(struct membership *m)
{
	const struct agreement_peer *p = NULL;

	while ((p = agreement_next(m->agreement, p))) {
		if (members_lives(m->members, p->pod))
			continue;
		agreement_gone(m->agreement, p->pod);
		p = NULL;
	}
}

static void tell_members(struct membership *m, bool changed)
{
	if (changed)
		forget_dead(m);
	if (changed && m->synced)
		m->ops.on_members(m->ud);
}

static void tell_addresses(struct membership *m)
{
	if (m->synced && members_moved(m->members))
		m->ops.on_addresses(m->ud);
}

static void tell_nodes(struct membership *m, bool changed)
{
	if (changed && m->synced)
		m->ops.on_tunnel_nodes(m->ud);
}

static void complain_of_nodes(struct membership *m, size_t left_out)
{
	CLEANUP_FREE char *what = NULL;

	if (left_out && left_out != m->left_out) {
		what = xasprintf("%zu nodes more than fit take tunnels; they get none", left_out);
		m->ops.problem(m->ud, node_list_name(m->nodes), what);
	}
	m->left_out = left_out;
}

/* Once, and when all are heard of again or gone. */
static void tell_silent(struct membership *m, size_t n)
{
	CLEANUP_FREE char *where = xasprintf("Leases %s*", m->tunnels), *what = NULL;
	uint64_t since = m->silent_since, now = loop_clock();

	if (!n == !since)
		return;
	m->silent_since = n ? now : 0;
	if (!n) {
		m->ops.recovered(m->ud, where, now - since);
		return;
	}
	what = xasprintf("most agents of nodes are silent at once, %zu by now are void: tunnels to "
			 "these nodes stay, for the kernels go on; look at the agents",
		n);
	m->ops.problem(m->ud, where, what);
}

/* The leader says which nodes take tunnels, as of now. */
static bool make_nodes(struct node_list_words *ret, void *ud)
{
	struct membership *m = ud;
	CLEANUP(tunnel_set_done) struct tunnel_set published = {0}, now = {0};
	struct err e = {0};
	struct agents_left left;

	if (!m->synced || !candidate_leads(m->candidate))
		return false;
	/* What nobody of us has written is written over. */
	if (tunnel_set_parse(&published, node_list_says(m->nodes)->nodes, "",
		    LIMIT_TUNNEL_NODES_TEXT, &e) < 0)
		published = (struct tunnel_set){0};
	agents_nodes(&now, &left, m->agents, &published, LIMIT_TUNNEL_NODES_TEXT);
	complain_of_nodes(m, left.out);
	tell_silent(m, left.silent);
	*ret = (struct node_list_words){tunnel_set_format(&now), tunnel_set_format_own(&now)};
	return true;
}

static void on_swept(void *ud, const struct kube_answer *answer)
{
	struct membership *m = ud;

	(void)answer; /* if it failed, the next one is due soon enough */
	m->sweep = NULL;
}

static void sweep(struct membership *m)
{
	CLEANUP_FREE char *name = NULL;
	struct members_garbage garbage;
	struct agents_garbage agent;
	uint64_t now = loop_clock();

	if (m->sweep || now < m->swept + SWEEP || !candidate_leads(m->candidate))
		return;
	if (members_garbage(m->members, &garbage)) {
		name = xasprintf("%s%s", garbage.is_announcement ? m->announcements : m->heartbeats,
			garbage.pod);
		agent = (struct agents_garbage){name, garbage.uid, garbage.version};
	} else if (!agents_garbage(m->agents, &agent)) {
		return;
	}
	m->swept = now;
	m->sweep = lease_client_delete(
		&m->client, agent.lease, agent.uid, agent.version, SWEEP_TIMEOUT, on_swept, m);
}

/* Whose Lease of this kind it is; NULL: it is of another kind. */
static const char *pod_of(const char *lease, const char *prefix)
{
	return str_has_prefix(lease, prefix) ? lease + strlen(prefix) : NULL;
}

/* Which of ours has this name; NULL if none. */
static struct own_lease *find_ours(const struct membership *m, const char *lease)
{
	if (strcmp(lease, own_lease_name(m->heartbeat)) == 0)
		return m->heartbeat;
	return strcmp(lease, own_lease_name(m->announcement)) == 0 ? m->announcement : NULL;
}

/* What a load balancer that is not ours says of its tables. */
static void take_tables(struct membership *m, const char *pod, const struct lease *l)
{
	struct err e = {0};

	if (strcmp(pod, m->client.identity) == 0 || !members_lives(m->members, pod))
		return;
	agreement_theirs(m->agreement, pod, l->tables, loop_clock(), &e);
	if (e.code) {
		err_wrap(&e, "annotation %s of the Lease of %s", LEASE_TABLES, pod);
		m->ops.problem(m->ud, l->name, e.msg);
	}
	m->ops.on_agreement(m->ud);
}

static bool take_member(struct membership *m, const struct lease *l)
{
	const char *heart = pod_of(l->name, m->heartbeats);
	const char *voice = pod_of(l->name, m->announcements);
	uint64_t now = loop_clock();
	struct err e = {0};
	bool changed;

	if (heart)
		changed = members_seen(m->members, heart, l, now, &e);
	else if (voice)
		changed = members_announce(m->members, voice, l, now, &e);
	else
		changed = members_heard(m->members, now);
	if (e.code)
		m->ops.problem(m->ud, l->name, e.msg);
	return changed;
}

static bool lose_member(struct membership *m, const char *lease)
{
	const char *pod = pod_of(lease, m->heartbeats);
	uint64_t now = loop_clock();

	if (pod)
		return members_gone(m->members, pod, now);
	pod = pod_of(lease, m->announcements);
	return pod && members_silent(m->members, pod, now);
}

static void take_agent(struct membership *m, const struct lease *l)
{
	bool is_list = strcmp(l->name, node_list_name(m->nodes)) == 0;
	struct err e = {0};
	bool changed = str_has_prefix(l->name, m->tunnels)
			       ? agents_seen(m->agents, l->name, l, loop_clock(), &e)
			       : agents_heard(m->agents, loop_clock());

	if (e.code)
		m->ops.problem(m->ud, l->name, e.msg);
	if (is_list)
		tell_nodes(m, node_list_seen(m->nodes, l));
	if (changed)
		node_list_news(m->nodes);
}

static void on_upsert(void *ud, const json_t *object)
{
	struct membership *m = ud;
	struct own_lease *ours;
	struct lease l;
	struct err e = {0};

	if (lease_decode(&l, object, &e) < 0) {
		m->ops.problem(m->ud, "a Lease", e.msg);
		return;
	}
	ours = find_ours(m, l.name);
	if (ours)
		own_lease_seen(ours, &l);
	tell_members(m, take_member(m, &l));
	if (pod_of(l.name, m->heartbeats))
		take_tables(m, pod_of(l.name, m->heartbeats), &l);
	tell_addresses(m);
	if (strcmp(l.name, candidate_lease(m->candidate)) == 0)
		candidate_seen(m->candidate, &l);
	take_agent(m, &l);
	sweep(m);
}

static void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct membership *m = ud;
	struct own_lease *ours = find_ours(m, name);

	(void)kind;
	(void)ns;
	tell_members(m, lose_member(m, name));
	tell_addresses(m);
	if (strcmp(name, node_list_name(m->nodes)) == 0)
		node_list_gone(m->nodes);
	if (agents_gone(m->agents, name, loop_clock()))
		node_list_news(m->nodes);
	if (ours)
		own_lease_gone(ours);
	else if (strcmp(name, candidate_lease(m->candidate)) == 0)
		candidate_gone(m->candidate);
}

static void on_synced(void *ud)
{
	struct membership *m = ud;

	m->synced = true;
	own_lease_synced(m->heartbeat);
	own_lease_synced(m->announcement);
	candidate_synced(m->candidate);
	tell_members(m, true);
	tell_addresses(m);
	tell_nodes(m, true);
}

static void on_problem(void *ud, const char *where, const char *what)
{
	const struct membership *m = ud;

	m->ops.problem(m->ud, where, what);
}

static void on_recovered(void *ud, const char *where, uint64_t lost_for)
{
	const struct membership *m = ud;

	m->ops.recovered(m->ud, where, lost_for);
}

static void on_leadership(void *ud, bool leads)
{
	struct membership *m = ud;

	if (leads)
		node_list_lead(m->nodes);
	else
		node_list_rest(m->nodes);
	m->ops.on_leadership(m->ud, leads);
}

/* `on_left` is called by the timer alone, where nothing of us is on the stack. */
static void on_part_left(void *ud)
{
	struct membership *m = ud;

	if (++m->parts_left == PARTS)
		loop_timer_arm(m->leave, 0);
}

static void on_leave_time(void *ud)
{
	struct membership *m = ud;
	void (*on_left)(void *ud) = steal(m->on_left);

	if (on_left)
		on_left(m->left_ud);
}

static int start_watch(struct membership *m, struct err *e)
{
	static const struct watch_ops ops = {
		on_upsert, on_remove, on_synced, on_problem, on_recovered};

	return lease_client_watch(&m->watch, &m->client, "", "", SILENCE, &ops, m, e);
}

static int make_own(struct own_lease **ret, struct membership *m, const char *prefix,
	uint64_t renew, struct err *e)
{
	CLEANUP_FREE char *name = xasprintf("%s%s", prefix, m->client.identity);

	return own_lease_new(ret, &m->client, name, renew, on_part_left, m, e);
}

static int start(struct membership *m, struct err *e)
{
	static const struct candidate_ops ops = {on_leadership, on_part_left};
	CLEANUP_FREE char *nodes = xasprintf(LEASE_NODES_OF "%s", m->client.fleet);
	int r = candidate_new(&m->candidate, &m->client, &ops, m, e);

	if (r == 0)
		r = node_list_new(&m->nodes, &m->client, nodes, make_nodes, m, e);
	if (r == 0)
		r = make_own(&m->heartbeat, m, m->heartbeats, RENEW, e);
	if (r == 0)
		r = make_own(&m->announcement, m, m->announcements, 0, e);
	if (r == 0)
		r = loop_timer_new(&m->leave, m->client.loop, on_leave_time, m, e);
	return r < 0 ? r : start_watch(m, e);
}

int membership_new(struct membership **ret, sd_event *loop, struct kube *kube,
	const struct membership_spec *spec, const struct membership_ops *ops, void *ud,
	struct err *e)
{
	CLEANUP(membership_freep) struct membership *m = xnew0(struct membership);
	int r;

	m->client = (struct lease_client){.kube = kube,
		.loop = loop,
		.ns = xstrdup(spec->namespace),
		.fleet = xstrdup(spec->fleet),
		.identity = xstrdup(spec->identity),
		.problem = on_problem,
		.recovered = on_recovered,
		.ud = m};
	m->ops = *ops;
	m->ud = ud;
	m->members = members_new();
	m->agreement = agreement_new();
	m->agents = agents_new();
	m->heartbeats = xasprintf("kago-%s.", spec->fleet);
	m->announcements = xasprintf("announces.kago-%s.", spec->fleet);
	m->tunnels = xasprintf(LEASE_TUNNELS_OF "%s.", spec->fleet);
	r = start(m, e);
	if (r < 0)
		return r;
	own_lease_annotate(m->heartbeat,
		&(struct lease){.pod_ips = spec->pod_ips, .node_ips = spec->node_ips});
	*ret = steal(m);
	return 0;
}

struct membership *membership_free(struct membership *m)
{
	if (!m)
		return NULL;
	kube_cancel(m->sweep);
	watch_free(m->watch);
	candidate_free(m->candidate);
	own_lease_free(m->heartbeat);
	own_lease_free(m->announcement);
	members_free(m->members);
	agreement_free(m->agreement);
	agents_free(m->agents);
	node_list_free(m->nodes);
	sd_event_source_disable_unref(m->leave);
	free(m->heartbeats);
	free(m->announcements);
	free(m->tunnels);
	free(m->client.ns);
	free(m->client.fleet);
	free(m->client.identity);
	free(m);
	return NULL;
}

bool membership_leads(const struct membership *m)
{
	return candidate_leads(m->candidate);
}

const char *membership_leader(const struct membership *m)
{
	return candidate_leader(m->candidate);
}

const struct node_list_words *membership_tunnel_nodes(const struct membership *m)
{
	return node_list_says(m->nodes);
}

void membership_announce(struct membership *m, const json_t *prefixes)
{
	struct ipnet *nets = xcalloc(json_array_size(prefixes), sizeof *nets);
	struct prefix_set set;
	const json_t *item;
	size_t i, n = 0;

	json_array_foreach(prefixes, i, item) {
		const char *text = json_string_value(item);
		struct err e = {0};

		if (text && ipnet_parse(&nets[n], text, &e) == 0)
			n++;
	}
	prefix_set_build(&set, nets, n);
	own_lease_announce(m->announcement, prefix_set_format(&set, LIMIT_ANNOUNCES));
	prefix_set_done(&set);
	free(nets);
}

void membership_place(struct membership *m, const char *where)
{
	own_lease_annotate(m->announcement, &(struct lease){.announced_on = *where ? where : NULL});
}

void membership_tables(struct membership *m, const struct sketch *tables)
{
	own_lease_carry(m->heartbeat, sketch_format(tables));
	agreement_ours(m->agreement, tables, loop_clock());
	m->ops.on_agreement(m->ud);
}

const struct agreement *membership_agreement(const struct membership *m)
{
	return m->agreement;
}

struct member_address *membership_addresses(const struct membership *m, size_t *ret_n)
{
	return members_addresses(m->members, ret_n);
}

const char **membership_announcers(
	const struct membership *m, const struct ipaddr vips[], size_t n_vips, size_t *ret_n)
{
	return members_announcers(m->members, vips, n_vips, ret_n);
}

void membership_leave(struct membership *m, void (*done)(void *ud), void *ud)
{
	m->on_left = done;
	m->left_ud = ud;
	loop_timer_arm(m->leave, LEAVE);
	candidate_leave(m->candidate);
	own_lease_leave(m->announcement);
	own_lease_leave(m->heartbeat);
}

void membership_wake(struct membership *m)
{
	watch_wake(m->watch);
}
