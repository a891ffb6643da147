/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"

#include <malloc.h>
#include <string.h>

#include "app/httpd.h"
#include "app/outcomes.h"
#include "app/sidecars.h"
#include "app/snapshot.h"
#include "base/log.h"
#include "base/mem.h"
#include "dataplane/apply.h"
#include "dataplane/nat.h"
#include "dataplane/sysctl.h"
#include "loop/loop.h"
#include "model/store.h"
#include "source/dir.h"

struct app {
	const struct config *config;
	sd_event *loop;
	sd_event_source *decide_timer, *stop_timer;
	struct store *store;
	struct dir_source *source;
	struct ipvs *ipvs;
	struct apply *apply;
	struct sidecars *sidecars;
	struct httpd *httpd;
	uint64_t changed_at; /* loop time of the first change that is not decided on; 0: none */
	bool synced, stopping;
	uint64_t n_objects_rejected, n_source_problems;
};

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);
DEFINE_CLEANUP(struct sysctl_report *, sysctl_report_free);

static void decide(void *ud)
{
	struct app *app = ud;
	const struct fleet_rules rules = {.fleet = app->config->fleet};
	struct fleet *fleet = fleet_build(app->store, &rules);
	uint64_t changed_at = app->changed_at;

	outcomes_log(apply_newest(app->apply), fleet);
	app->changed_at = 0;
	apply_submit(app->apply, fleet, changed_at);
}

/* The changes of one turn of the loop are decided on together. */
static void note_change(struct app *app)
{
	if (app->changed_at == 0)
		app->changed_at = loop_now(app->loop);
	if (app->synced)
		loop_timer_arm(app->decide_timer, 0);
}

static void on_upsert(void *ud, const json_t *object)
{
	struct app *app = ud;
	enum store_change change;
	struct err e = {0};

	if (store_put(&change, app->store, object, &e) < 0) {
		app->n_objects_rejected++;
		log_warn("object.rejected", LOG_ERR(&e));
		change = STORE_CHANGED;
	}
	if (change == STORE_CHANGED)
		note_change(app);
}

static void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct app *app = ud;

	if (store_remove(app->store, kind, ns, name))
		note_change(app);
}

static void on_synced(void *ud)
{
	struct app *app = ud;

	app->synced = true;
	log_info("source.synced");
	note_change(app);
}

static void on_problem(void *ud, const char *where, const char *what)
{
	struct app *app = ud;

	app->n_source_problems++;
	log_warn("source.problem", LOG_STR("where", where), LOG_STR("error", what),
		LOG_STR("effect", "what was known of it stands"));
}

static void take_snapshot(struct app *app, struct snapshot *ret, struct ipvs_table **ret_kernel)
{
	struct err e = {0};

	if (ipvs_read(ret_kernel, app->ipvs, &e) < 0)
		log_error("ipvs.read_failed", LOG_ERR(&e));
	*ret = (struct snapshot){
		.fleet_name = app->config->fleet,
		.fleet = apply_newest(app->apply),
		.kernel = *ret_kernel,
		.apply = app->apply,
		.announced = sidecars_announced(app->sidecars),
		.n_sidecars = sidecars_count(app->sidecars),
		.n_objects_rejected = app->n_objects_rejected,
		.n_source_problems = app->n_source_problems,
	};
}

static json_t *on_status_request(void *ud)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *kernel = NULL;
	struct snapshot s;

	take_snapshot(ud, &s, &kernel);
	return snapshot_status(&s);
}

static unsigned on_http(void *ud, const char *path, char **ret_body)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *kernel = NULL;
	struct app *app = ud;
	struct snapshot s;

	if (strcmp(path, "/healthz") == 0) {
		*ret_body = xstrdup("ok\n");
		return 200;
	}
	if (strcmp(path, "/metrics") != 0 && strcmp(path, "/readyz") != 0)
		return 404;
	take_snapshot(app, &s, &kernel);
	if (strcmp(path, "/metrics") == 0) {
		*ret_body = snapshot_metrics(&s);
		return 200;
	}
	*ret_body =
		xstrdup(snapshot_is_ready(&s) ? "ok\n" : "the kernel was not seen to hold it\n");
	return snapshot_is_ready(&s) ? 200 : 503;
}

static void on_apply_status(void *ud)
{
	struct app *app = ud;

	sidecars_set_ready(app->sidecars, apply_status(app->apply).ready);
	/* Reading, rendering and comparing take many times what stays, and leave it in pieces. */
	malloc_trim(0);
}

static void on_sidecar_gone(void *ud)
{
	struct app *app = ud;

	if (app->stopping)
		loop_exit(app->loop, 0);
}

static void on_stop_time(void *ud)
{
	struct app *app = ud;

	log_warn("stop.sidecar_too_slow");
	loop_exit(app->loop, 0);
}

static void on_stop(void *ud)
{
	struct app *app = ud;

	if (app->stopping || sidecars_count(app->sidecars) == 0) {
		loop_exit(app->loop, 0);
		return;
	}
	app->stopping = true;
	log_info("stop.waiting_for_sidecar",
		LOG_MSEC("at_most_ms", app->config->keepalived.shutdown_timeout));
	loop_timer_arm(app->stop_timer, app->config->keepalived.shutdown_timeout);
}

static void set_sysctls(void)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *report = sysctl_apply("/proc/sys");

	for (size_t i = 0; i < report->n_results; i++) {
		const struct sysctl_result *r = &report->results[i];

		if (r->state == SYSCTL_SET)
			log_info("sysctl.set", LOG_STR("name", r->name));
		else if (r->state == SYSCTL_FAILED)
			log_write(r->need == SYSCTL_ADVISED ? LOG_WARN : LOG_ERROR, "sysctl.failed",
				LOG_FIELDS(LOG_STR("name", r->name), LOG_STR("error", r->message)));
	}
}

/* IPVS first: its sysctls are there only once the kernel has loaded it. */
static int set_up_kernel(struct app *app, struct err *e)
{
	int r = ipvs_open(&app->ipvs, e);

	if (r < 0)
		return r;
	set_sysctls();
	r = nat_apply(app->config->keepalived.nft_template_path, e);
	return r < 0 ? err_wrap(e, "masquerade rule") : 0;
}

static int set_up_parts(struct app *app, struct err *e)
{
	static const struct apply_ops apply_ops = {on_apply_status};
	static const struct sidecars_ops sidecars_ops = {on_status_request, on_sidecar_gone};
	const char *listen = app->config->http.listen;
	int r = loop_timer_new(&app->decide_timer, app->loop, decide, app, e);

	if (r >= 0)
		r = loop_timer_new(&app->stop_timer, app->loop, on_stop_time, app, e);
	if (r >= 0)
		r = sidecars_new(&app->sidecars, app->loop, &sidecars_ops, app, e);
	if (r >= 0)
		r = set_up_kernel(app, e);
	if (r >= 0)
		r = apply_new(&app->apply, app->loop, app->config, app->ipvs, &apply_ops, app, e);
	if (r >= 0 && *listen)
		r = httpd_new(&app->httpd, app->loop, listen, on_http, app, e);
	return r;
}

static int set_up(struct app *app, const char *manifests, struct err *e)
{
	static const struct source_ops ops = {on_upsert, on_remove, on_synced, on_problem};
	int r = loop_new(&app->loop, on_stop, app, e);

	app->store = store_new();
	if (r >= 0)
		r = set_up_parts(app, e);
	return r < 0 ? r : dir_source_new(&app->source, app->loop, manifests, &ops, app, e);
}

static void tear_down(struct app *app)
{
	dir_source_free(app->source);
	httpd_free(app->httpd);
	apply_free(app->apply);
	sidecars_free(app->sidecars);
	ipvs_close(app->ipvs);
	store_free(app->store);
	sd_event_source_disable_unref(app->decide_timer);
	sd_event_source_disable_unref(app->stop_timer);
	sd_event_unref(app->loop);
}

int app_run(const struct config *config, const char *manifests, struct err *e)
{
	struct app app = {.config = config};
	int r;

	log_info("controller.starting", LOG_STR("version", KAGO_VERSION),
		LOG_STR("fleet", config->fleet), LOG_STR("source", manifests));
	r = set_up(&app, manifests, e);
	if (r >= 0)
		r = loop_run(app.loop, e);
	if (r >= 0)
		log_info("controller.stopped", LOG_STR("forwarding", "what IPVS holds stays"));
	tear_down(&app);
	return r;
}
