/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"

#include <malloc.h>
#include <string.h>

#include "app/cluster.h"
#include "app/disagreements.h"
#include "app/keep_outs.h"
#include "app/outcomes.h"
#include "app/prepare.h"
#include "app/readers_guard.h"
#include "app/refused.h"
#include "app/sidecars.h"
#include "app/tunnel_nodes.h"
#include "apply/apply.h"
#include "base/log.h"
#include "base/mem.h"
#include "clients/ruleset.h"
#include "http/httpd.h"
#include "http/readers.h"
#include "loop/loop.h"
#include "objects/store.h"
#include "report/explain.h"
#include "report/snapshot.h"
#include "source/dir.h"

enum {
	/* usec that a decision lets what is still coming in go first */
	DECIDE_PATIENCE = 200 * 1000,
	/* usec from the last change of a Service; its slices follow within 100 ms */
	NAMES_GRACE = 1000 * 1000,
	/* usec that Services with tunnels wait for the nodes that take some */
	NODES_PATIENCE = 10 * 1000 * 1000,
	TRIM_AFTER = 5 * 1000 * 1000, /* usec */
};

struct app {
	struct config *config;
	const struct app_options *options;
	sd_event *loop;
	sd_event_source *change_timer, *decide_timer, *names_timer, *nodes_timer;
	sd_event_source *stop_timer, *trim_timer;
	struct store *store;
	struct keep_outs keep_out;
	struct tunnel_nodes tunnel_nodes;
	struct fleet_rules rules;
	struct dir_source *folder; /* the source is one of these */
	struct cluster *cluster;
	struct ipvs *ipvs; /* NULL: render only */
	struct ruleset *ruleset;
	struct apply *apply;
	struct refused *refused; /* with `ipvs` */
	struct outcomes *outcomes;
	struct disagreements *disagreements;
	struct sketch tables; /* of the kernel, at the last look */
	bool has_tables;
	struct scribes *scribes;
	struct sidecars *sidecars;
	struct listen readers_at; /* http.listen; port 0: nowhere */
	struct httpd *httpd, *probes;
	struct follow *follow;
	uint64_t changed_at; /* loop time of the first change that is not decided on; 0: none */
	bool listed, synced; /* all objects are there; and what else a first decision needs */
	bool stopping, left; /* left: we lead no more, nor are we listed */
	uint64_t n_objects_rejected, n_source_problems;
};

DEFINE_CLEANUP(struct ipvs *, ipvs_close);
DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

static void decide(void *ud)
{
	struct app *app = ud;
	uint64_t changed_at = app->changed_at;
	struct fleet *fleet;

	/* Decided already, when changes came too fast for their turn. */
	if (changed_at == 0)
		return;
	app->changed_at = 0;
	sd_event_source_set_priority(app->decide_timer, LOOP_PATIENT);
	fleet = fleet_next(apply_newest(app->apply), app->store, &app->rules);
	if (!fleet) {
		/* The one before is about the objects as they are. */
		if (app->cluster)
			cluster_decided(app->cluster);
		return;
	}
	/* Before a VIP comes into the kernel, for the sidecar announces what is there. */
	sidecars_tell_routes(app->sidecars, apply_newest(app->apply), fleet);
	apply_submit(app->apply, fleet, changed_at);
	outcomes_tell(app->outcomes, fleet);
	if (app->cluster)
		cluster_decided(app->cluster);
}

/* Addresses first: whoever waits for one shall not wait for the data plane. */
static void on_change(void *ud)
{
	struct app *app = ud;

	if (app->cluster)
		cluster_changed(app->cluster);
	loop_timer_arm(app->decide_timer, 0);
}

/* The changes of one turn of the loop are decided on together. `services`: not only of slices. */
static void note_change(struct app *app, bool services)
{
	if (app->changed_at == 0)
		app->changed_at = loop_now(app->loop);
	if (!app->synced)
		return;
	loop_timer_arm(services ? app->change_timer : app->decide_timer, 0);
	if (loop_now(app->loop) - app->changed_at < DECIDE_PATIENCE)
		return;
	/* Changes come as fast as we look at them. */
	sd_event_source_set_priority(app->decide_timer, LOOP_OVERDUE);
	loop_timer_arm(app->decide_timer, 0);
}

/* NULL: an EndpointSlice. */
static void note_object(struct app *app, const struct objname *service)
{
	if (app->cluster)
		cluster_touched(app->cluster, service);
	note_change(app, service != NULL);
}

static void on_names_time(void *ud)
{
	struct app *app = ud;

	if (store_forget_names(app->store))
		note_object(app, NULL);
}

static bool is_slice(const char *kind)
{
	return kind && strcmp(kind, "EndpointSlice") == 0;
}

static void note_all(struct app *app)
{
	if (app->cluster)
		cluster_touched_all(app->cluster);
	note_change(app, true);
}

static void on_upsert(void *ud, const json_t *object)
{
	struct app *app = ud;
	enum store_change change;
	struct objname id;
	struct err e = {0};

	if (store_put(&change, app->store, object, &e) < 0) {
		app->n_objects_rejected++;
		log_warn("object.rejected", LOG_ERR(&e));
		change = STORE_CHANGED;
	}
	if (change != STORE_CHANGED)
		return;
	if (is_slice(json_string_value(json_object_get(object, "kind")))) {
		note_object(app, NULL);
	} else if (objname_decode(&id, object, &e) >= 0) {
		loop_timer_arm(app->names_timer, NAMES_GRACE);
		note_object(app, &id);
		objname_done(&id);
	}
}

static void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct app *app = ud;
	struct objname id;

	if (!store_remove(app->store, kind, ns, name))
		return;
	objname_init(&id, ns, name);
	note_object(app, is_slice(kind) ? NULL : &id);
	objname_done(&id);
}

static void begin(struct app *app)
{
	loop_timer_stop(app->nodes_timer);
	app->synced = true;
	log_info("source.synced");
	note_all(app);
}

/* Without the nodes tunnels would be taken away from who has them, to come back a moment later. */
static void begin_if_ready(struct app *app)
{
	if (!app->listed || app->synced)
		return;
	if (app->tunnel_nodes.known || !store_has_tunnelled(app->store, &app->rules))
		begin(app);
	else
		loop_timer_arm(app->nodes_timer, NODES_PATIENCE);
}

static void on_synced(void *ud)
{
	struct app *app = ud;

	app->listed = true;
	begin_if_ready(app);
}

static void on_nodes_time(void *ud)
{
	log_warn("tunnels.unknown",
		LOG_STR("effect", "pods are reached by NAT until the fleet's Leases can be read"));
	begin(ud);
}

static void on_tunnel_nodes(void *ud, const char *names, const char *own)
{
	struct app *app = ud;

	if (tunnel_nodes_told(&app->tunnel_nodes, names, own)) {
		store_touch_tunnelled(app->store, &app->rules);
		note_change(app, false);
	}
	begin_if_ready(app);
}

/* Who has these endpoints is decided on anew. */
static void touch_kept_out(struct app *app)
{
	const struct keep_outs *k = &app->keep_out;

	app->rules.keep_out = k->items;
	app->rules.n_keep_out = k->n_items;
	if (k->n_items > k->n_own)
		store_touch_endpoints(app->store, k->items + k->n_own, k->n_items - k->n_own);
}

static void on_addresses(void *ud, const struct member_address list[], size_t n)
{
	struct app *app = ud;

	touch_kept_out(app);
	keep_outs_tell(&app->keep_out, list, n);
	touch_kept_out(app);
	sidecars_tell_members(app->sidecars, list, n);
	note_change(app, false);
}

static void on_problem(void *ud, const char *where, const char *what)
{
	struct app *app = ud;

	app->n_source_problems++;
	log_warn("source.problem", LOG_STR("where", where), LOG_STR("error", what),
		LOG_STR("effect", "what was known of it stands"));
}

static void on_recovered(void *ud, const char *where, uint64_t lost_for)
{
	(void)ud;
	log_info("source.recovered", LOG_STR("where", where), LOG_MSEC("lost_for_ms", lost_for));
}

static struct fleet *newest_fleet(void *ud)
{
	struct app *app = ud;

	return apply_newest(app->apply);
}

/* IPVS is not read. */
static struct snapshot take_snapshot(const struct app *app)
{
	return (struct snapshot){
		.fleet_name = app->config->fleet,
		.render_only = app->options->render_only,
		.fleet = apply_newest(app->apply),
		.apply = app->apply,
		.sidecar = sidecars_state(app->sidecars),
		.n_sidecars = sidecars_count(app->sidecars),
		.n_peers = app->config->bgp.n_peers,
		.on_layer_2 = app->config->announce == CONFIG_ANNOUNCE_L2,
		.by_program = app->config->announce == CONFIG_ANNOUNCE_EXEC,
		.n_objects_rejected = app->n_objects_rejected,
		.n_source_problems = app->n_source_problems,
		.config = follow_state(app->follow),
		.pools = app->config->pools,
		.n_pools = app->config->n_pools,
		.tunnel_nodes = &app->tunnel_nodes.set,
		.tables = app->has_tables ? &app->tables : NULL,
		.cluster = app->cluster ? cluster_state(app->cluster) : (struct cluster_state){0},
	};
}

/* With IPVS, over a socket of its own: a child must not use ours. */
static struct snapshot take_whole_snapshot(const struct app *app, struct ipvs_table **ret_kernel)
{
	CLEANUP(ipvs_closep) struct ipvs *ipvs = NULL;
	struct snapshot s = take_snapshot(app);
	struct err e = {0};

	if (app->ipvs && (ipvs_open(&ipvs, &e) < 0 || ipvs_read(ret_kernel, ipvs, &e) < 0))
		log_error("ipvs.read_failed", LOG_ERR(&e));
	s.kernel = *ret_kernel;
	return s;
}

static void on_status_request(void *ud, FILE *out)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *kernel = NULL;
	const struct snapshot s = take_whole_snapshot(ud, &kernel);

	snapshot_write_status(&s, out);
}

static const char **announcers(void *ud, const struct ipaddr *vip, size_t *ret_n)
{
	const struct app *app = ud;

	return cluster_announcers(app->cluster, vip, 1, ret_n);
}

static json_t *on_explain_request(
	void *ud, const char *ns, const char *name, const struct listen *client)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *kernel = NULL;
	struct app *app = ud;
	const struct snapshot s = take_whole_snapshot(app, &kernel);
	struct explain x = {
		.now = &s,
		.store = app->store,
		.rules = &app->rules,
		.followed = app->cluster ? app->config->kubernetes.namespace : "",
		.synced = app->synced,
		.client = *client,
		.announcers = app->cluster ? announcers : NULL,
		.ud = app,
	};

	return explain_service(&x, ns, name);
}

static void write_metrics(void *ud, const char *path, FILE *out)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *kernel = NULL;
	const struct snapshot s = take_whole_snapshot(ud, &kernel);

	(void)path;
	snapshot_metrics(&s, out);
}

static unsigned on_probe(void *ud, const char *path, char **ret_body)
{
	struct snapshot s;
	const char *why_not;

	if (strcmp(path, "/healthz") == 0) {
		*ret_body = xstrdup("ok\n");
		return 200;
	}
	if (strcmp(path, "/readyz") != 0)
		return 404;
	/* Asked every other second; what it says of the kernel was read when that had changed. */
	s = take_snapshot(ud);
	why_not = snapshot_why_not_ready(&s);
	*ret_body = xasprintf("%s\n", why_not ? why_not : "ok");
	return why_not ? 503 : 200;
}

static unsigned on_http(void *ud, const char *path, char **ret_body)
{
	return strcmp(path, "/metrics") == 0 ? 0 : on_probe(ud, path, ret_body);
}

static void on_kernel_changed(void *ud, const struct place places[], size_t n)
{
	sidecars_tell_changed(((const struct app *)ud)->sidecars, places, n);
}

static void on_refused(void *ud, const struct virtual_server *vs, const struct ipvs_op *op)
{
	refused_note(((const struct app *)ud)->refused, vs, op);
}

static void on_tables(void *ud, const struct sketch *tables)
{
	struct app *app = ud;

	app->tables = *tables;
	app->has_tables = true;
	if (app->cluster)
		cluster_tables(app->cluster, tables);
}

static void on_agreement(void *ud, const struct agreement *a)
{
	struct app *app = ud;

	disagreements_tell(app->disagreements, a, apply_newest(app->apply));
}

/* What it refuses is left out of the next decision. */
static void on_refusals(void *ud)
{
	note_change(ud, false);
}

static void on_apply_status(void *ud)
{
	struct app *app = ud;

	sidecars_set_ready(app->sidecars, apply_status(app->apply).ready);
	if (!loop_timer_armed(app->trim_timer))
		loop_timer_arm(app->trim_timer, TRIM_AFTER);
}

/*
 * Reading files takes many times what stays, and leaves it in pieces: of 1,000 Services this gives
 * back 8 of 28 MB in 2.5 ms, of 10,000 85 of 185 MB in 32 ms. Where they come as a stream there is
 * next to nothing to give back, and it takes 0.1 ms.
 */
static void on_trim_time(void *ud)
{
	(void)ud;
	malloc_trim(0);
}

/* The first decision starts it, however long that takes to come. */
static bool has_keepalived(void *ud)
{
	return !apply_lacks_keepalived(((const struct app *)ud)->apply);
}

static void exit_when_done(struct app *app)
{
	if (app->stopping && app->left && sidecars_count(app->sidecars) == 0)
		loop_exit(app->loop, 0);
}

static void on_announced(void *ud)
{
	struct app *app = ud;

	const struct sidecar_state *said = sidecars_state(app->sidecars);

	if (app->cluster)
		cluster_announced(
			app->cluster, said->announced, json_object_get(said->l2, "interfaces"));
}

static void on_sidecar_gone(void *ud)
{
	on_announced(ud);
	exit_when_done(ud);
}

static void on_left(void *ud)
{
	struct app *app = ud;

	app->left = true;
	exit_when_done(app);
}

static void on_stop_time(void *ud)
{
	struct app *app = ud;

	log_warn("stop.too_slow", LOG_UINT("sidecars", sidecars_count(app->sidecars)));
	loop_exit(app->loop, 0);
}

/* Who leads next does not have to wait for our sidecar's drain. */
static void on_stop(void *ud)
{
	struct app *app = ud;

	if (app->stopping) {
		loop_exit(app->loop, 0);
		return;
	}
	app->stopping = true;
	if (sidecars_count(app->sidecars) > 0)
		log_info("stop.waiting_for_sidecar",
			LOG_MSEC("at_most_ms", app->config->keepalived.shutdown_timeout));
	loop_timer_arm(app->stop_timer, app->config->keepalived.shutdown_timeout);
	if (app->cluster)
		cluster_leave(app->cluster, on_left, app);
	else
		on_left(app);
}

static bool on_reader(void *ud, const struct ipaddr *client)
{
	const struct app *app = ud;

	return readers_may(app->config, &app->readers_at, client);
}

/* From the next decision on. */
static void guard_readers(struct app *app)
{
	struct virtual_server own = readers_guard(app->config, &app->readers_at);

	if (app->ruleset)
		ruleset_protect(app->ruleset, &own);
	free(own.sources);
}

/* Nowhere if nothing is said. */
static int serve(struct httpd **ret, struct listen *ret_at, struct app *app, const char *key,
	const char *at, const struct httpd_ops *ops, struct err *e)
{
	struct listen where = {0};
	int r = *at ? listen_find(&where, key, at, e) : 0;

	if (r == 0 && *at)
		r = httpd_new(ret, app->loop, &where, app->scribes, ops, app, e);
	if (r == 0)
		*ret_at = where;
	return r;
}

/* Probes get clients, connections and a port of their own: readers of metrics cannot starve them.
 */
static int set_up_http(struct app *app, struct err *e)
{
	static const struct httpd_ops all = {on_reader, on_http, write_metrics};
	static const struct httpd_ops probes = {.answer = on_probe};
	const struct config *c = app->config;
	struct listen ignored;
	int r = serve(&app->httpd, &app->readers_at, app, "http.listen", c->http.listen, &all, e);

	guard_readers(app);
	return r < 0 ? r
		     : serve(&app->probes, &ignored, app, "http.probes", c->http.probes, &probes,
			       e);
}

static int set_up_parts(struct app *app, struct err *e)
{
	static const struct apply_ops apply_ops = {
		on_apply_status, on_kernel_changed, on_refused, on_tables};
	static const struct sidecars_ops sidecars_ops = {on_status_request, on_explain_request,
		has_keepalived, on_announced, on_sidecar_gone};
	int r = loop_timer_new(&app->change_timer, app->loop, on_change, app, e);

	if (r >= 0)
		r = loop_timer_new(&app->decide_timer, app->loop, decide, app, e);
	if (r >= 0)
		r = loop_timer_new(&app->names_timer, app->loop, on_names_time, app, e);
	if (r >= 0)
		r = loop_timer_new(&app->nodes_timer, app->loop, on_nodes_time, app, e);
	if (r >= 0)
		r = loop_timer_new(&app->stop_timer, app->loop, on_stop_time, app, e);
	if (r >= 0)
		r = loop_timer_new(&app->trim_timer, app->loop, on_trim_time, app, e);
	if (r >= 0)
		r = outcomes_new(&app->outcomes, app->loop, e);
	app->scribes = scribes_new(app->loop);
	app->disagreements = disagreements_new();
	if (r >= 0)
		r = sidecars_new(&app->sidecars, app->loop, app->config->control.socket,
			app->scribes, &sidecars_ops, app, e);
	if (r >= 0 && !app->options->render_only)
		r = prepare_kernel(&app->ipvs, &app->ruleset, app->loop, app->config, e);
	if (r >= 0 && app->ipvs)
		r = refused_new(
			&app->refused, app->loop, app->store, app->ipvs, on_refusals, app, e);
	if (r >= 0)
		r = apply_new(&app->apply, app->loop, app->config, app->ipvs, app->ruleset,
			&apply_ops, app, e);
	if (r >= 0)
		r = set_up_http(app, e);
	if (r < 0)
		return r;
	/* After what is still coming in, which it then decides on, too. */
	sd_event_source_set_priority(app->decide_timer, LOOP_PATIENT);
	return 0;
}

static struct fleet_rules rules_of(struct app *app, bool is_cluster)
{
	struct fleet_rules rules =
		fleet_rules_of(app->config, is_cluster ? ADDRESSING_STATUS : ADDRESSING_ASKED);

	rules.keep_out = app->keep_out.items;
	rules.n_keep_out = app->keep_out.n_items;
	rules.refusals = refused_known(app->refused);
	if (!is_cluster)
		tunnel_nodes_configured(&app->tunnel_nodes, app->config);
	rules.tunnel_nodes = &app->tunnel_nodes.set;
	return rules;
}

static int set_up_source(struct app *app, bool is_cluster, struct err *e)
{
	static const struct cluster_ops ops = {
		.source = {on_upsert, on_remove, on_synced, on_problem, on_recovered},
		.fleet = newest_fleet,
		.addresses = on_addresses,
		.agreement = on_agreement,
		.tunnel_nodes = on_tunnel_nodes,
	};

	if (is_cluster)
		return cluster_new(&app->cluster, app->loop, app->config, &app->rules, app->store,
			&ops, app, e);
	sidecars_tell_members(app->sidecars, NULL, 0);
	return dir_source_new(&app->folder, app->loop, app->options->source, &ops.source, app, e);
}

/* What is served and given is decided anew; the data plane reads its times when it needs them. */
static void on_config(void *ud)
{
	struct app *app = ud;

	keep_outs_configure(&app->keep_out, app->config, !app->options->render_only);
	app->rules = rules_of(app, app->cluster != NULL);
	apply_configure(app->apply, app->config);
	guard_readers(app);
	store_touch(app->store);
	note_all(app);
}

static void on_held(void *ud, const struct loop_hold *hold)
{
	(void)ud;
	log_debug("loop.held", LOG_STR("by", hold->what), LOG_MSEC("took_ms", hold->took),
		LOG_MSEC("busy_ms", hold->busy));
}

static int set_up(struct app *app, struct err *e)
{
	bool is_cluster = strcmp(app->options->source, APP_SOURCE_KUBERNETES) == 0;
	int r = loop_new(&app->loop, on_stop, app, e);

	loop_on_held(on_held, app);
	app->store = store_new();
	app->keep_out = keep_outs_find(app->config, !app->options->render_only);
	if (r < 0)
		return r;
	app->follow = follow_new(
		app->loop, &app->options->origin, app->config, SCHEMA_CONTROLLER, on_config, app);
	r = set_up_parts(app, e);
	app->rules = rules_of(app, is_cluster);
	return r < 0 ? r : set_up_source(app, is_cluster, e);
}

static void tear_down(struct app *app)
{
	dir_source_free(app->folder);
	cluster_free(app->cluster);
	httpd_free(app->httpd);
	httpd_free(app->probes);
	scribes_free(app->scribes);
	outcomes_free(app->outcomes);
	disagreements_free(app->disagreements);
	apply_free(app->apply);
	refused_free(app->refused);
	keep_outs_done(&app->keep_out);
	tunnel_nodes_done(&app->tunnel_nodes);
	ruleset_free(app->ruleset);
	sidecars_free(app->sidecars);
	ipvs_close(app->ipvs);
	store_free(app->store);
	follow_free(app->follow);
	sd_event_source_disable_unref(app->change_timer);
	sd_event_source_disable_unref(app->decide_timer);
	sd_event_source_disable_unref(app->names_timer);
	sd_event_source_disable_unref(app->nodes_timer);
	sd_event_source_disable_unref(app->stop_timer);
	sd_event_source_disable_unref(app->trim_timer);
	sd_event_unref(app->loop);
}

int app_run(struct config *config, const struct app_options *options, struct err *e)
{
	struct app app = {.config = config, .options = options};
	int r;

	log_info("controller.starting", LOG_STR("version", KAGO_VERSION),
		LOG_STR("fleet", config->fleet), LOG_STR("source", options->source),
		LOG_STR("mode", options->render_only ? "render-only" : "ipvs"));
	r = set_up(&app, e);
	if (r >= 0)
		r = loop_run(app.loop, e);
	if (r >= 0)
		log_info("controller.stopped", LOG_STR("forwarding", "what IPVS holds stays"));
	tear_down(&app);
	return r;
}
