/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "app/connection.h"
#include "base/log.h"
#include "base/str.h"
#include "lead/membership.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "publish/events.h"
#include "publish/publisher.h"
#include "publish/sweep.h"
#include "source/kube_source.h"

struct cluster {
	sd_event *loop;
	const struct config *config;
	const struct fleet_rules *rules;
	const struct store *store;
	struct cluster_ops ops;
	void *ud;
	char *identity;
	struct kube *kube, *kube_for_leases;
	struct server_version *version;
	struct status_features features;
	struct kube_source *source;
	struct membership *membership; /* NULL: this load balancer only follows */
	struct events *events;
	struct publisher *publisher;
	struct sweep *sweep;
	bool has_lease; /* as we were told last */
	bool fresh;     /* since we have it, all that others wrote before was read */
	bool leads;     /* and decided on, so that we write */
};

static void on_problem(void *ud, const char *where, const char *what)
{
	struct cluster *c = ud;

	c->ops.source.problem(c->ud, where, what);
}

static void on_recovered(void *ud, const char *where, uint64_t lost_for)
{
	struct cluster *c = ud;

	c->ops.source.recovered(c->ud, where, lost_for);
	/* Whoever else has found it away may have a long pause before it. */
	kube_source_wake(c->source);
	membership_wake(c->membership);
	publisher_wake(c->publisher);
}

static void note_seen(struct cluster *c, const json_t *object)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	struct objname id;
	struct err e = {0};

	if (!c->leads || !str_equal(kind, "Service") || objname_decode(&id, object, &e) < 0)
		return;
	publisher_seen(c->publisher, &id);
	objname_done(&id);
}

static void on_upsert(void *ud, const json_t *object)
{
	struct cluster *c = ud;

	c->ops.source.upsert(c->ud, object);
	note_seen(c, object);
}

/* What was a LoadBalancer with marks of ours may live on as something else, which shows in no
 * event: the marks are taken out of whatever is there now. */
static void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct cluster *c = ud;
	const struct service *s =
		strcmp(kind, "Service") == 0 ? store_find(c->store, ns, name) : NULL;
	CLEANUP_FREE char *uid = s && held_is_marked(&s->held) ? xstrdup(s->uid) : NULL;

	c->ops.source.remove(c->ud, kind, ns, name);
	if (uid)
		publisher_clear(c->publisher, ns, name, uid);
}

static void on_synced(void *ud)
{
	struct cluster *c = ud;

	c->ops.source.synced(c->ud);
}

static void on_marked(void *ud, const char *ns, const char *name, const char *uid)
{
	struct cluster *c = ud;

	publisher_clear(c->publisher, ns, name, uid);
}

static void on_swept(void *ud, const char *error)
{
	struct cluster *c = ud;

	if (error)
		log_warn("status.sweep_failed", LOG_STR("error", error),
			LOG_STR("effect", "marks on Services that are ours no more may stay"));
	c->sweep = sweep_free(c->sweep);
}

/* Without a decision of our own we would tell everybody something else than our predecessor. */
static void begin_leading(struct cluster *c)
{
	static const struct sweep_ops ops = {on_marked, on_swept};

	if (c->leads || !c->fresh || !c->ops.fleet(c->ud))
		return;
	c->leads = true;
	publisher_lead(c->publisher, true);
	sweep_free(c->sweep);
	c->sweep = sweep_start(c->kube, c->config->kubernetes.namespace, &ops, c);
}

static void on_refreshed(void *ud)
{
	struct cluster *c = ud;

	/* Whether the lease is in time at this moment is asked before each write: here it would be
	 * asked once. */
	c->fresh = c->has_lease;
	begin_leading(c);
}

static void on_leadership(void *ud, bool leads)
{
	struct cluster *c = ud;

	log_info(leads ? "leader.started" : "leader.stopped", LOG_STR("identity", c->identity));
	c->has_lease = leads;
	if (leads) {
		/* What the one before us wrote at last must be known before anything is given away.
		 */
		kube_source_refresh(c->source, on_refreshed, c);
		return;
	}
	c->fresh = c->leads = false;
	c->sweep = sweep_free(c->sweep);
	publisher_lead(c->publisher, false);
}

static void on_members(void *ud)
{
	struct cluster *c = ud;

	publisher_members(c->publisher);
}

static void on_addresses(void *ud)
{
	struct cluster *c = ud;
	size_t n;
	CLEANUP_FREE struct member_address *list = membership_addresses(c->membership, &n);

	c->ops.addresses(c->ud, list, n);
}

static void on_agreement(void *ud)
{
	struct cluster *c = ud;

	c->ops.agreement(c->ud, membership_agreement(c->membership));
}

static void on_tunnel_nodes(void *ud)
{
	struct cluster *c = ud;
	const struct node_list_words *says = membership_tunnel_nodes(c->membership);

	c->ops.tunnel_nodes(c->ud, says->nodes, says->own);
}

static struct fleet *on_fleet(void *ud)
{
	struct cluster *c = ud;

	return c->ops.fleet(c->ud);
}

static void on_version(void *ud, unsigned minor)
{
	struct cluster *c = ud;

	log_info("kubernetes.version", LOG_UINT("minor", minor));
	c->features.ip_mode = minor >= CONNECTION_IP_MODE_MINOR;
}

static int start_source(struct cluster *c, struct err *e)
{
	static const struct source_ops ops = {
		on_upsert, on_remove, on_synced, on_problem, on_recovered};
	struct kube_source_spec spec = {
		.namespace = c->config->kubernetes.namespace,
		.silence = c->config->kubernetes.silence_timeout,
	};

	return kube_source_new(&c->source, c->loop, c->kube, &spec, &ops, c, e);
}

/* The second one of the environment if the first one says nothing. */
static const char *first_of(const char *first, const char *second)
{
	const char *value = getenv(first);

	return value && *value ? value : getenv(second);
}

static int start_membership(struct cluster *c, struct err *e)
{
	static const struct membership_ops ops = {on_leadership, on_members, on_addresses,
		on_tunnel_nodes, on_agreement, on_problem, on_recovered};
	const char *namespace = c->config->kubernetes.lease_namespace;
	struct membership_spec spec = {
		.fleet = c->config->fleet,
		.namespace = *namespace ? namespace : kube_namespace(c->kube_for_leases),
		.identity = c->identity,
		.pod_ips = first_of("POD_IPS", "POD_IP"),
		.node_ips = first_of("HOST_IPS", "NODE_IP"),
	};

	return membership_new(&c->membership, c->loop, c->kube_for_leases, &spec, &ops, c, e);
}

static int start_publisher(struct cluster *c, struct err *e)
{
	static const struct publisher_ops ops = {on_fleet};
	struct publisher_parts parts = {
		.kube = c->kube,
		.events = c->events,
		.membership = c->membership,
		.store = c->store,
		.rules = c->rules,
		.features = &c->features,
	};

	return publisher_new(&c->publisher, c->loop, &parts, &ops, c, e);
}

static int start(struct cluster *c, struct err *e)
{
	int r = connection_open(&c->kube, c->loop, c->config, e);

	if (r >= 0)
		r = connection_open_for_leases(&c->kube_for_leases, c->loop, c->config, e);
	if (r >= 0)
		r = events_new(&c->events, c->loop, c->kube, c->identity, e);
	if (r >= 0)
		r = start_source(c, e);
	if (r >= 0)
		r = start_membership(c, e);
	if (r >= 0)
		r = start_publisher(c, e);
	if (r >= 0)
		r = server_version_ask(&c->version, c->loop, c->kube, on_version, c, e);
	return r;
}

int cluster_new(struct cluster **ret, sd_event *loop, const struct config *config,
	const struct fleet_rules *rules, const struct store *store, const struct cluster_ops *ops,
	void *ud, struct err *e)
{
	CLEANUP(cluster_freep) struct cluster *c = xnew0(struct cluster);
	int r;

	c->loop = sd_event_ref(loop);
	c->config = config;
	c->rules = rules;
	c->store = store;
	c->ops = *ops;
	c->ud = ud;
	c->features.ip_mode = true;
	c->identity = connection_identity(config);
	r = start(c, e);
	if (r < 0)
		return r;
	*ret = steal(c);
	return 0;
}

struct cluster *cluster_free(struct cluster *c)
{
	if (!c)
		return NULL;
	sweep_free(c->sweep);
	publisher_free(c->publisher);
	membership_free(c->membership);
	kube_source_free(c->source);
	events_free(c->events);
	server_version_free(c->version);
	kube_free(c->kube);
	kube_free(c->kube_for_leases);
	free(c->identity);
	sd_event_unref(c->loop);
	free(c);
	return NULL;
}

void cluster_touched(struct cluster *c, const struct objname *service)
{
	publisher_touch(c->publisher, service);
}

void cluster_touched_all(struct cluster *c)
{
	publisher_touch_all(c->publisher);
}

void cluster_changed(struct cluster *c)
{
	publisher_refresh(c->publisher);
}

void cluster_decided(struct cluster *c)
{
	begin_leading(c);
	publisher_decided(c->publisher);
}

/* "node2 eth0", as far as it is known; "" without interfaces. New. */
static char *place_of(const json_t *interfaces)
{
	const char *node = getenv("NODE_NAME");
	char *place = xstrdup(node && json_array_size(interfaces) > 0 ? node : "");
	const json_t *item;
	size_t i;

	json_array_foreach(interfaces, i, item) {
		char *before = place;

		place = xasprintf("%s%s%s", before, *before ? " " : "", json_string_value(item));
		free(before);
	}
	return place;
}

void cluster_announced(struct cluster *c, const json_t *prefixes, const json_t *interfaces)
{
	CLEANUP_FREE char *where = place_of(interfaces);

	membership_place(c->membership, where);
	membership_announce(c->membership, prefixes);
}

void cluster_tables(struct cluster *c, const struct sketch *tables)
{
	membership_tables(c->membership, tables);
}

void cluster_leave(struct cluster *c, void (*done)(void *ud), void *ud)
{
	membership_leave(c->membership, done, ud);
}

static struct kube_stats all_calls(const struct cluster *c)
{
	struct kube_stats s = kube_stats(c->kube), leases = kube_stats(c->kube_for_leases);

	s.calls += leases.calls;
	s.failures += leases.failures;
	s.bytes_sent += leases.bytes_sent;
	s.bytes_received += leases.bytes_received;
	return s;
}

struct cluster_state cluster_state(const struct cluster *c)
{
	uint64_t lost = kube_source_lost_since(c->source);

	return (struct cluster_state){
		.identity = c->identity,
		.leader = membership_leader(c->membership),
		.leads = c->leads,
		.lost_for = lost ? loop_clock() - lost : 0,
		.allocation = publisher_allocation(c->publisher),
		.agreement = membership_agreement(c->membership),
		.kube = all_calls(c),
		.events = events_stats(c->events),
		.publisher = publisher_stats(c->publisher),
	};
}

const char **cluster_announcers(
	const struct cluster *c, const struct ipaddr vips[], size_t n_vips, size_t *ret_n)
{
	return membership_announcers(c->membership, vips, n_vips, ret_n);
}
