/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "agent/exporter.h"
#include "agent/fleet_leases.h"
#include "agent/keeper.h"
#include "agent/metrics.h"
#include "agent/sole.h"
#include "base/log.h"
#include "lead/lease_addresses.h"
#include "loop/loop.h"
#include "objects/store.h"
#include "plan/doors.h"
#include "plan/locals.h"
#include "source/dir.h"
#include "source/kube_source.h"
#include "values/tunnel_set.h"

enum {
	/* usec from the last change of a Service; its slices follow within 100 ms */
	NAMES_GRACE = 1000 * 1000,
	TRIM_AFTER = 5 * 1000 * 1000, /* usec */
	/* usec from the end of our Lease until the kernel lets go */
	LEAVE_GRACE = 5 * 1000 * 1000,
};

struct agent {
	struct config *config;
	const struct agent_options *options;
	sd_event *loop;
	sd_event_source *plan_timer, *names_timer, *trim_timer, *leave_timer;
	struct store *store;
	struct dir_source *folder; /* the source is one of these */
	struct kube_source *cluster;
	struct kube *kube;
	struct fleet_leases *leases; /* with `cluster` */
	struct keeper *keeper;
	struct sole *sole;
	struct tunnel_set tunnel_nodes; /* with `folder`: as configured */
	struct follow *follow;
	struct exporter *exporter; /* NULL: nobody asked for metrics */
	uint64_t n_rejected, n_problems;
	bool synced, stopping;
};

static bool is_cluster(const struct agent *a)
{
	return strcmp(a->options->source, "kubernetes") == 0;
}

/* NULL: none, and not even an empty table. */
static struct doors *doors_of(struct agent *a, struct fleet_rules *rules, const struct plan *plan)
{
	const struct agent_options *o = a->options;

	if (o->n_asked == 0)
		return NULL;
	if (!a->leases) {
		tunnel_set_done(&a->tunnel_nodes);
		fleet_rules_nodes(&a->tunnel_nodes, a->config);
	}
	rules->tunnel_nodes = a->leases ? fleet_leases_tunnel_nodes(a->leases) : &a->tunnel_nodes;
	return doors_build(a->store, rules, plan, o->node, o->n_asked);
}

/* The changes of one turn of the loop make one plan. */
static void on_plan_time(void *ud)
{
	struct agent *a = ud;
	struct fleet_rules rules =
		fleet_rules_of(a->config, is_cluster(a) ? ADDRESSING_STATUS : ADDRESSING_ASKED);
	const struct ipnet *allow = a->options->allow;
	size_t n = a->options->n_allow;
	CLEANUP_FREE struct ipnet *senders =
		a->leases ? fleet_leases_senders(a->leases, allow, n, &n) : NULL;

	struct plan *plan = plan_build(a->store, &rules, a->options->node);
	struct doors *doors = doors_of(a, &rules, plan);

	keeper_put(a->keeper, plan, senders ? senders : allow, n);
	keeper_put_doors(a->keeper, doors);
	if (!loop_timer_armed(a->trim_timer))
		loop_timer_arm(a->trim_timer, TRIM_AFTER);
}

static void plan_soon(struct agent *a)
{
	if (sole_holds(a->sole) && a->synced && (!a->leases || fleet_leases_synced(a->leases)))
		loop_timer_arm(a->plan_timer, 0);
}

static void on_names_time(void *ud)
{
	struct agent *a = ud;

	if (store_forget_names(a->store))
		plan_soon(a);
}

/* Reading leaves many times what stays. */
static void on_trim_time(void *ud)
{
	(void)ud;
	malloc_trim(0);
}

static void put_object(struct agent *a, const json_t *object)
{
	enum store_change change;
	struct err e = {0};

	if (store_put(&change, a->store, object, &e) < 0) {
		a->n_rejected++;
		log_warn("object.rejected", LOG_ERR(&e));
	} else if (change != STORE_CHANGED) {
		return;
	}
	loop_timer_arm(a->names_timer, NAMES_GRACE);
	plan_soon(a);
}

static const char *meta(const json_t *object, const char *key)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(object, "metadata"), key));

	return text ? text : "";
}

static void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct agent *a = ud;

	if (store_remove(a->store, kind, ns, name))
		plan_soon(a);
}

/* Of a slice without an endpoint that matters nothing is kept: there are many. */
static void on_upsert(void *ud, const json_t *object)
{
	struct agent *a = ud;
	const char *kind = json_string_value(json_object_get(object, "kind"));
	json_auto_t *locals = NULL;

	if (!kind || strcmp(kind, "EndpointSlice") != 0) {
		put_object(a, object);
		return;
	}
	locals = locals_of(object, a->options->node, a->options->n_asked);
	if (locals)
		put_object(a, locals);
	else
		on_remove(a, kind, meta(object, "namespace"), meta(object, "name"));
}

static void on_synced(void *ud)
{
	struct agent *a = ud;

	if (!a->synced)
		log_info("source.synced");
	a->synced = true;
	plan_soon(a);
}

static void on_problem(void *ud, const char *where, const char *what)
{
	struct agent *a = ud;

	a->n_problems++;
	log_warn("source.problem", LOG_STR("where", where), LOG_STR("error", what),
		LOG_STR("effect", "what was known of it stands"));
}

static void on_recovered(void *ud, const char *where, uint64_t lost_for)
{
	struct agent *a = ud;

	log_info("source.recovered", LOG_STR("where", where), LOG_MSEC("lost_for_ms", lost_for));
	if (!a->leases)
		return;
	/* Whoever else has found it away may have a long pause before it. */
	kube_source_wake(a->cluster);
	fleet_leases_wake(a->leases);
}

static void on_senders(void *ud)
{
	plan_soon(ud);
}

static void on_held(void *ud)
{
	plan_soon(ud);
}

static void on_kernel(void *ud)
{
	const struct agent *a = ud;
	unsigned kinds = keeper_kinds(a->keeper);
	char text[TUNNEL_KINDS_TEXT];

	if (kinds)
		log_info("node.ready", LOG_STR("node", a->options->node),
			LOG_STR("tunnels", tunnel_kinds_format(text, kinds, ' ')));
	if (a->leases)
		fleet_leases_ready(a->leases, kinds);
}

static void on_config(void *ud)
{
	plan_soon(ud);
}

static void remove_all(void *ud)
{
	const struct agent *a = ud;
	struct err e = {0};

	if (keeper_remove(&e) < 0)
		log_error("node.remove_failed", LOG_ERR(&e));
	else
		log_info("node.removed");
	loop_exit(a->loop, 0);
}

/* Load balancers use other ways before this one goes. */
static void on_left(void *ud)
{
	const struct agent *a = ud;

	loop_timer_arm(a->leave_timer, LEAVE_GRACE);
}

static void on_stop(void *ud)
{
	struct agent *a = ud;

	if (!a->options->leave_nothing || !sole_holds(a->sole)) {
		log_info("node.stopped", LOG_STR("next", "the kernel goes on with what it has"));
		loop_exit(a->loop, 0);
	} else if (a->leases && !a->stopping) {
		a->stopping = true;
		fleet_leases_leave(a->leases, on_left, a);
	} else {
		remove_all(a);
	}
}

/* Load balancers have to know which endpoints are the node itself. NULL: they cannot. */
static const char *find_addresses(const struct agent *a)
{
	const char *text = a->options->node_ips;
	struct ipaddr addrs[LIMIT_LEASE_ADDRESSES];
	struct err e = {0};
	size_t n;

	if (!text || !*text)
		err_set(&e, ENOENT, "neither HOST_IPS nor NODE_IP says them");
	else if (lease_addresses_parse(addrs, &n, text, &e) < 0)
		err_wrap(&e, "HOST_IPS or NODE_IP");
	if (!e.code)
		return text;
	log_warn("node.addresses_unknown", LOG_ERR(&e),
		LOG_STR("effect", "pods with hostNetwork get nothing through tunnels"),
		LOG_STR("remedy", "HOST_IPS from status.hostIPs of the downward API"));
	return NULL;
}

static int start_cluster(struct agent *a, const struct source_ops *ops, struct err *e)
{
	static const struct fleet_leases_ops leases_ops = {on_senders, on_problem, on_recovered};
	const struct config *c = a->config;
	const char *namespace = c->kubernetes.lease_namespace;
	const struct kube_source_spec source = {
		c->kubernetes.namespace, c->kubernetes.silence_timeout};
	struct fleet_leases_spec leases = {
		.fleet = c->fleet, .node = a->options->node, .node_ips = find_addresses(a)};
	struct kubeconf *conf;
	int r = kubeconf_find(&conf, c->kubernetes.kubeconfig, c->kubernetes.context, e);

	if (r < 0)
		return r;
	log_info("kubernetes.connecting", LOG_STR("server", conf->server));
	r = kube_new(&a->kube, a->loop, conf, LOOP_ANSWERS, e);
	if (r < 0)
		return r;
	leases.namespace = *namespace ? namespace : kube_namespace(a->kube);
	r = fleet_leases_new(&a->leases, a->loop, a->kube, &leases, &leases_ops, a, e);
	return r < 0 ? r : kube_source_new(&a->cluster, a->loop, a->kube, &source, ops, a, e);
}

static struct metrics_family family_now(const struct agent *a, int family)
{
	return (struct metrics_family){
		.stats = keeper_stats(a->keeper, family), .fails = keeper_fails(a->keeper, family)};
}

static uint64_t lease_age(const struct agent *a)
{
	uint64_t renewed = a->leases ? fleet_leases_renewed(a->leases) : 0;

	return renewed ? loop_clock() - renewed : UINT64_MAX;
}

/* In a child, which has sockets of its own for what it asks the kernel. */
static void write_metrics(void *ud, FILE *out)
{
	const struct agent *a = ud;
	struct metrics m = {
		.fleet = a->config->fleet,
		.node = a->options->node,
		.holds = sole_holds(a->sole),
		.kinds = keeper_kinds(a->keeper),
		.families = {family_now(a, AF_INET), family_now(a, AF_INET6)},
		.asks_nodes = a->options->n_asked > 0,
		.second_fails = keeper_fails_second(a->keeper),
		.n_to_forget = keeper_to_forget(a->keeper),
		.n_objects_rejected = a->n_rejected,
		.n_source_problems = a->n_problems,
		.in_cluster = a->cluster,
		.following = a->cluster && kube_source_lost_since(a->cluster) == 0 &&
			     fleet_leases_follow(a->leases),
		.lease_age = lease_age(a),
		.config_refused = follow_state(a->follow).refused,
	};
	struct half_sight four = {0}, six = {0};
	struct err unused = {0};

	m.kernel_read = keeper_look(&four, &six, &unused) == 0;
	m.kernel_ready = keeper_sees_ready(&four, &six);
	m.families[0].sight = four;
	m.families[1].sight = six;
	metrics_write(&m, out);
}

static int serve_metrics(struct agent *a, struct err *e)
{
	struct listen at;
	int r;

	if (!a->options->listen)
		return 0;
	r = listen_find(&at, "--listen", a->options->listen, e);
	return r < 0 ? r : exporter_new(&a->exporter, a->loop, a->config, &at, write_metrics, a, e);
}

static int start_source(struct agent *a, struct err *e)
{
	static const struct source_ops ops = {
		on_upsert, on_remove, on_synced, on_problem, on_recovered};

	if (is_cluster(a))
		return start_cluster(a, &ops, e);
	return dir_source_new(&a->folder, a->loop, a->options->source, &ops, a, e);
}

static int start(struct agent *a, struct err *e)
{
	int r = loop_new(&a->loop, on_stop, a, e);

	if (r == 0)
		r = loop_timer_new(&a->plan_timer, a->loop, on_plan_time, a, e);
	if (r == 0)
		r = loop_timer_new(&a->names_timer, a->loop, on_names_time, a, e);
	if (r == 0)
		r = loop_timer_new(&a->trim_timer, a->loop, on_trim_time, a, e);
	if (r == 0)
		r = loop_timer_new(&a->leave_timer, a->loop, remove_all, a, e);
	if (r == 0)
		r = sole_new(&a->sole, a->loop, a->config->fleet, on_held, a, e);
	if (r == 0)
		r = keeper_new(&a->keeper, a->loop, on_kernel, a, e);
	a->store = store_new();
	if (r < 0)
		return r;
	/* After what is still coming in, which it then knows, too. */
	sd_event_source_set_priority(a->plan_timer, LOOP_PATIENT);
	a->follow = follow_new(
		a->loop, &a->options->origin, a->config, SCHEMA_CONTROLLER, on_config, a);
	r = start_source(a, e);
	return r < 0 ? r : serve_metrics(a, e);
}

static void agent_done(struct agent *a)
{
	exporter_free(a->exporter);
	follow_free(a->follow);
	kube_source_free(a->cluster);
	fleet_leases_free(a->leases);
	kube_free(a->kube);
	dir_source_free(a->folder);
	keeper_free(a->keeper);
	sole_free(a->sole);
	tunnel_set_done(&a->tunnel_nodes);
	store_free(a->store);
	sd_event_source_disable_unref(a->plan_timer);
	sd_event_source_disable_unref(a->names_timer);
	sd_event_source_disable_unref(a->trim_timer);
	sd_event_source_disable_unref(a->leave_timer);
	sd_event_unref(a->loop);
}

int agent_run(struct config *c, const struct agent_options *options, struct err *e)
{
	struct agent a = {.config = c, .options = options};
	int r;

	log_info("node.starting", LOG_STR("version", KAGO_VERSION), LOG_STR("fleet", c->fleet),
		LOG_STR("node", options->node), LOG_STR("source", options->source));
	r = start(&a, e);
	if (r == 0)
		r = loop_run(a.loop, e);
	agent_done(&a);
	return r;
}
