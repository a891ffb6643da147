/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"

#include <malloc.h>
#include <string.h>

#include "app/cluster.h"
#include "app/httpd.h"
#include "app/outcomes.h"
#include "app/prepare.h"
#include "app/sidecars.h"
#include "apply/apply.h"
#include "base/log.h"
#include "base/mem.h"
#include "clients/ruleset.h"
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
	TRIM_AFTER = 5 * 1000 * 1000, /* usec */
};

struct app {
	struct config *config;
	const struct app_options *options;
	sd_event *loop;
	sd_event_source *change_timer, *decide_timer, *names_timer, *stop_timer, *trim_timer;
	struct store *store;
	struct fleet_rules rules;
	struct dir_source *folder; /* the source is one of these */
	struct cluster *cluster;
	struct ipvs *ipvs; /* NULL: render only */
	struct ruleset *ruleset;
	struct apply *apply;
	struct outcomes *outcomes;
	struct scribes *scribes;
	struct sidecars *sidecars;
	struct httpd *httpd;
	struct follow *follow;
	uint64_t changed_at; /* loop time of the first change that is not decided on; 0: none */
	bool synced, stopping, left; /* left: we lead no more, nor are we listed */
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

static void on_synced(void *ud)
{
	struct app *app = ud;

	app->synced = true;
	log_info("source.synced");
	note_all(app);
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
		.n_objects_rejected = app->n_objects_rejected,
		.n_source_problems = app->n_source_problems,
		.config = follow_state(app->follow),
		.pools = app->config->pools,
		.n_pools = app->config->n_pools,
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

static json_t *on_status_request(void *ud)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *kernel = NULL;
	const struct snapshot s = take_whole_snapshot(ud, &kernel);

	return snapshot_status(&s);
}

static const char **announcers(void *ud, const struct ipaddr *vip, size_t *ret_n)
{
	const struct app *app = ud;

	return cluster_announcers(app->cluster, vip, 1, ret_n);
}

static json_t *on_explain_request(void *ud, const char *ns, const char *name)
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

static unsigned on_http(void *ud, const char *path, char **ret_body)
{
	struct snapshot s;
	const char *why_not;

	if (strcmp(path, "/metrics") == 0)
		return 0;
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

static void on_kernel_changed(void *ud, const struct place places[], size_t n)
{
	sidecars_tell_changed(((const struct app *)ud)->sidecars, places, n);
}

static void on_apply_status(void *ud)
{
	struct app *app = ud;

	sidecars_set_ready(app->sidecars, apply_status(app->apply).ready);
	if (!loop_timer_armed(app->trim_timer))
		loop_timer_arm(app->trim_timer, TRIM_AFTER);
}

/* Reading takes many times what stays, and leaves it in pieces: 175 MB for 34 of 10,000 Services.
 */
static void on_trim_time(void *ud)
{
	(void)ud;
	malloc_trim(0);
}

static void exit_when_done(struct app *app)
{
	if (app->stopping && app->left && sidecars_count(app->sidecars) == 0)
		loop_exit(app->loop, 0);
}

static void on_announced(void *ud)
{
	struct app *app = ud;

	if (app->cluster)
		cluster_announced(app->cluster, sidecars_state(app->sidecars)->announced);
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

static int set_up_parts(struct app *app, struct err *e)
{
	static const struct apply_ops apply_ops = {on_apply_status, on_kernel_changed};
	static const struct sidecars_ops sidecars_ops = {
		on_status_request, on_explain_request, on_announced, on_sidecar_gone};
	static const struct httpd_ops httpd_ops = {on_http, write_metrics};
	const char *at = app->config->http.listen;
	int r = loop_timer_new(&app->change_timer, app->loop, on_change, app, e);

	if (r >= 0)
		r = loop_timer_new(&app->decide_timer, app->loop, decide, app, e);
	if (r >= 0)
		r = loop_timer_new(&app->names_timer, app->loop, on_names_time, app, e);
	if (r >= 0)
		r = loop_timer_new(&app->stop_timer, app->loop, on_stop_time, app, e);
	if (r >= 0)
		r = loop_timer_new(&app->trim_timer, app->loop, on_trim_time, app, e);
	if (r >= 0)
		r = outcomes_new(&app->outcomes, app->loop, e);
	app->scribes = scribes_new(app->loop);
	if (r >= 0)
		r = sidecars_new(&app->sidecars, app->loop, app->config->control.socket,
			app->scribes, &sidecars_ops, app, e);
	if (r >= 0 && !app->options->render_only)
		r = prepare_kernel(&app->ipvs, &app->ruleset, app->loop, app->config, e);
	if (r >= 0)
		r = apply_new(&app->apply, app->loop, app->config, app->ipvs, app->ruleset,
			&apply_ops, app, e);
	if (r >= 0 && *at)
		r = httpd_new(&app->httpd, app->loop, at, app->scribes, &httpd_ops, app, e);
	if (r < 0)
		return r;
	/* After what is still coming in, which it then decides on, too. */
	sd_event_source_set_priority(app->decide_timer, LOOP_PATIENT);
	return 0;
}

static struct fleet_rules rules_of(const struct config *c, bool is_cluster)
{
	return (struct fleet_rules){
		.fleet = c->fleet,
		.default_class = c->kubernetes.default_class,
		.addressing = is_cluster ? ADDRESSING_STATUS : ADDRESSING_ASKED,
		.pools = c->pools,
		.n_pools = c->n_pools,
	};
}

static int set_up_source(struct app *app, bool is_cluster, struct err *e)
{
	static const struct cluster_ops ops = {
		.source = {on_upsert, on_remove, on_synced, on_problem, on_recovered},
		.fleet = newest_fleet,
	};

	if (is_cluster)
		return cluster_new(&app->cluster, app->loop, app->config, &app->rules, app->store,
			&ops, app, e);
	return dir_source_new(&app->folder, app->loop, app->options->source, &ops.source, app, e);
}

/* What is served and given is decided anew; the data plane reads its times when it needs them. */
static void on_config(void *ud)
{
	struct app *app = ud;

	app->rules = rules_of(app->config, app->cluster != NULL);
	store_touch(app->store);
	note_all(app);
}

static int set_up(struct app *app, struct err *e)
{
	bool is_cluster = strcmp(app->options->source, APP_SOURCE_KUBERNETES) == 0;
	int r = loop_new(&app->loop, on_stop, app, e);

	app->store = store_new();
	app->rules = rules_of(app->config, is_cluster);
	if (r < 0)
		return r;
	app->follow = follow_new(
		app->loop, &app->options->origin, app->config, SCHEMA_CONTROLLER, on_config, app);
	r = set_up_parts(app, e);
	return r < 0 ? r : set_up_source(app, is_cluster, e);
}

static void tear_down(struct app *app)
{
	dir_source_free(app->folder);
	cluster_free(app->cluster);
	httpd_free(app->httpd);
	scribes_free(app->scribes);
	outcomes_free(app->outcomes);
	apply_free(app->apply);
	ruleset_free(app->ruleset);
	sidecars_free(app->sidecars);
	ipvs_close(app->ipvs);
	store_free(app->store);
	follow_free(app->follow);
	sd_event_source_disable_unref(app->change_timer);
	sd_event_source_disable_unref(app->decide_timer);
	sd_event_source_disable_unref(app->names_timer);
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
