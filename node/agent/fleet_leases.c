/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/fleet_leases.h"

#include <stdlib.h>
#include <string.h>

#include "agent/senders.h"
#include "base/limits.h"
#include "base/str.h"
#include "kube/watch.h"
#include "lead/own_lease.h"
#include "loop/loop.h"
#include "values/tunnel_set.h"

enum {
	RENEW = 10 * 1000 * 1000,
	SILENCE = 3 * RENEW,
	OWN_SILENCE = 10 * RENEW, /* bookmarks come each minute, before there is one of ours */
	LEAVE = 12 * 1000 * 1000, /* for two calls to a server that says nothing */
};

/* Agents do not hear of each other: that would be as many times their number of events. */
#define NO_AGENTS ",!" LEASE_AGENT_LABEL

struct fleet_leases {
	struct lease_client client;
	struct fleet_leases_ops ops;
	void *ud;
	struct watch *watch, *own_watch; /* of the load balancers' Leases; of ours */
	struct own_lease *own;
	struct senders *senders;
	char *node_ips;   /* of ours; NULL: not known */
	char *heartbeats; /* of the load balancers' Leases: "kago-FLEET." */
	char *list;       /* the Lease that names the nodes: "nodes.kago-FLEET" */
	struct tunnel_set nodes;
	bool synced, own_synced, made;
	sd_event_source *leave;
	void (*on_left)(void *ud);
	void *left_ud;
};

static void tell(struct fleet_leases *f, bool changed)
{
	if (changed && f->synced)
		f->ops.on_senders(f->ud);
}

static bool decode(struct fleet_leases *f, struct lease *ret, const json_t *object)
{
	struct err e = {0};

	if (lease_decode(ret, object, &e) >= 0)
		return true;
	f->ops.problem(f->ud, "a Lease", e.msg);
	return false;
}

/* Of a text that nobody of us writes nothing is taken. */
static void note_nodes(struct fleet_leases *f, const struct lease *l)
{
	struct tunnel_set now;
	struct err e = {0};

	if (tunnel_set_is(&f->nodes, l->tunnel_nodes, l->node_ips))
		return;
	if (tunnel_set_parse(&now, l->tunnel_nodes, l->node_ips, LIMIT_TUNNEL_NODES_TEXT, &e) < 0) {
		f->ops.problem(f->ud, f->list, e.msg);
		return;
	}
	tunnel_set_done(&f->nodes);
	f->nodes = now;
	tell(f, true);
}

static void on_upsert(void *ud, const json_t *object)
{
	struct fleet_leases *f = ud;
	uint64_t now = loop_clock();
	struct err e = {0};
	struct lease l;

	if (!decode(f, &l, object))
		return;
	if (strcmp(l.name, f->list) == 0)
		note_nodes(f, &l);
	if (!str_has_prefix(l.name, f->heartbeats)) {
		tell(f, senders_heard(f->senders, now));
		return;
	}
	tell(f, senders_seen(f->senders, &l, now, &e));
	if (e.code)
		f->ops.problem(f->ud, l.name, e.msg);
}

static void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct fleet_leases *f = ud;

	(void)kind;
	(void)ns;
	tell(f, senders_gone(f->senders, name, loop_clock()));
}

static void on_synced(void *ud)
{
	struct fleet_leases *f = ud;

	f->synced = true;
	tell(f, true);
}

static void on_own_upsert(void *ud, const json_t *object)
{
	struct fleet_leases *f = ud;
	struct lease l;

	if (decode(f, &l, object))
		own_lease_seen(f->own, &l);
}

static void on_own_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	const struct fleet_leases *f = ud;

	(void)kind;
	(void)ns;
	(void)name;
	own_lease_gone(f->own);
}

/* Ours is made, or goes on, once the kernel holds what it promises. */
static void make(struct fleet_leases *f)
{
	if (f->own_synced && f->made)
		own_lease_synced(f->own);
}

static void on_own_synced(void *ud)
{
	struct fleet_leases *f = ud;

	f->own_synced = true;
	make(f);
}

static void on_problem(void *ud, const char *where, const char *what)
{
	const struct fleet_leases *f = ud;

	f->ops.problem(f->ud, where, what);
}

static void on_recovered(void *ud, const char *where, uint64_t lost_for)
{
	const struct fleet_leases *f = ud;

	f->ops.recovered(f->ud, where, lost_for);
}

static void on_leave_time(void *ud)
{
	struct fleet_leases *f = ud;
	void (*on_left)(void *ud) = steal(f->on_left);

	if (on_left)
		on_left(f->left_ud);
}

/* Not on anybody's stack. */
static void on_deleted(void *ud)
{
	const struct fleet_leases *f = ud;

	loop_timer_arm(f->leave, 0);
}

static int start(struct fleet_leases *f, struct err *e)
{
	static const struct watch_ops ops = {
		on_upsert, on_remove, on_synced, on_problem, on_recovered};
	static const struct watch_ops own_ops = {
		on_own_upsert, on_own_remove, on_own_synced, on_problem, on_recovered};
	CLEANUP_FREE char *name =
		xasprintf(LEASE_TUNNELS_OF "%s.%s", f->client.fleet, f->client.identity);
	CLEANUP_FREE char *field = xasprintf("metadata.name=%s", name);
	int r = loop_timer_new(&f->leave, f->client.loop, on_leave_time, f, e);

	if (r == 0)
		r = own_lease_new(&f->own, &f->client, name, RENEW, on_deleted, f, e);
	if (r == 0)
		r = lease_client_watch(
			&f->own_watch, &f->client, "", field, OWN_SILENCE, &own_ops, f, e);
	if (r == 0)
		r = lease_client_watch(&f->watch, &f->client, NO_AGENTS, "", SILENCE, &ops, f, e);
	return r;
}

int fleet_leases_new(struct fleet_leases **ret, sd_event *loop, struct kube *kube,
	const struct fleet_leases_spec *spec, const struct fleet_leases_ops *ops, void *ud,
	struct err *e)
{
	CLEANUP(fleet_leases_freep) struct fleet_leases *f = xnew0(struct fleet_leases);
	int r;

	f->client = (struct lease_client){.kube = kube,
		.loop = loop,
		.ns = xstrdup(spec->namespace),
		.fleet = xstrdup(spec->fleet),
		.identity = xstrdup(spec->node),
		.problem = on_problem,
		.recovered = on_recovered,
		.ud = f};
	f->ops = *ops;
	f->ud = ud;
	f->senders = senders_new();
	f->node_ips = spec->node_ips ? xstrdup(spec->node_ips) : NULL;
	f->heartbeats = xasprintf("kago-%s.", spec->fleet);
	f->list = xasprintf(LEASE_NODES_OF "%s", spec->fleet);
	r = start(f, e);
	if (r < 0)
		return r;
	*ret = steal(f);
	return 0;
}

struct fleet_leases *fleet_leases_free(struct fleet_leases *f)
{
	if (!f)
		return NULL;
	watch_free(f->watch);
	watch_free(f->own_watch);
	own_lease_free(f->own);
	senders_free(f->senders);
	sd_event_source_disable_unref(f->leave);
	free(f->node_ips);
	free(f->heartbeats);
	free(f->list);
	tunnel_set_done(&f->nodes);
	free(f->client.ns);
	free(f->client.fleet);
	free(f->client.identity);
	free(f);
	return NULL;
}

bool fleet_leases_synced(const struct fleet_leases *f)
{
	return f->synced;
}

struct ipnet *fleet_leases_senders(
	const struct fleet_leases *f, const struct ipnet more[], size_t n_more, size_t *ret_n)
{
	return senders_list(f->senders, more, n_more, ret_n);
}

const struct tunnel_set *fleet_leases_tunnel_nodes(const struct fleet_leases *f)
{
	return &f->nodes;
}

void fleet_leases_ready(struct fleet_leases *f, unsigned kinds)
{
	char text[TUNNEL_KINDS_TEXT];

	own_lease_annotate(f->own, &(struct lease){.tunnels = tunnel_kinds_format(text, kinds, ' '),
					   .node = f->client.identity,
					   .node_ips = f->node_ips});
	if (f->made || !kinds)
		return;
	f->made = true;
	make(f);
}

uint64_t fleet_leases_renewed(const struct fleet_leases *f)
{
	return own_lease_renewed(f->own);
}

bool fleet_leases_follow(const struct fleet_leases *f)
{
	return watch_lost_since(f->watch) == 0 && watch_lost_since(f->own_watch) == 0;
}

void fleet_leases_wake(struct fleet_leases *f)
{
	watch_wake(f->watch);
	watch_wake(f->own_watch);
}

void fleet_leases_leave(struct fleet_leases *f, void (*done)(void *ud), void *ud)
{
	f->on_left = done;
	f->left_ud = ud;
	loop_timer_arm(f->leave, LEAVE);
	own_lease_leave(f->own);
}
