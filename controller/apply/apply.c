/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/apply.h"

#include <stdio.h>
#include <time.h>

#include "apply/settle.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "keepalived/conf_file.h"
#include "keepalived/keepalived.h"
#include "keepalived/pace.h"
#include "keepalived/vet.h"
#include "loop/loop.h"
#include "model/fleet_diff.h"
#include "render/packaged_template.h"

enum {
	DEATHS_BEFORE_ROLLBACK = 2, /* one may be chance, such as a kill from outside */
	RESIGNAL_TIMES = 1,         /* overdue so often: SIGHUP again; more often: restart */
	START_TIMES = 30,           /* overdue so often: a keepalived that is not up yet is stuck */
};

struct apply {
	sd_event *loop;
	const struct config *config;
	struct ipvs *ipvs;       /* NULL: a file that is written is all we do */
	struct ruleset *ruleset; /* NULL without ipvs */
	struct apply_ops ops;
	void *ud;
	struct mustache *template;
	struct keepalived *keepalived; /* NULL without ipvs, as is settle */
	struct settle *settle;
	struct vet *vet;
	struct pace pace;
	sd_event_source *gap_timer;
	char *conf_path;

	struct plan *pending; /* waits for its turn */
	struct plan *job;     /* is being tested */
	struct plan *current; /* is in keepalived.conf */
	struct plan *good; /* was last seen in the kernel (without ipvs: written); often current */

	bool keepalived_started;
	unsigned deaths; /* of keepalived since current was written */
	struct apply_status status;
};

DEFINE_CLEANUP(struct apply *, apply_free);

static void pump(void *ud);

static void set_result(struct apply *a, const char *result, const char *error)
{
	a->status.last_result = result;
	snprintf(a->status.last_error, sizeof a->status.last_error, "%s", error);
	a->ops.on_status(a->ud);
}

static void refuse_job(struct apply *a, const char *why)
{
	log_error("config.refused", LOG_STR("error", why),
		LOG_STR("forwarding", "the last good configuration stays"));
	a->job = plan_free(a->job);
	a->status.n_refused++;
	set_result(a, "refused", why);
	pump(a);
}

static int write_conf(const struct apply *a, struct plan *p, struct err *e)
{
	return conf_file_write(a->conf_path, a->template, p->servers, p->n_servers, p->texts, e);
}

static struct fleet_diff diff_to_current(const struct apply *a)
{
	const struct plan *old = a->current;

	return fleet_diff(old ? old->servers : NULL, old ? old->n_servers : 0, a->job->servers,
		a->job->n_servers, NULL, NULL);
}

static void start_or_reload(struct apply *a)
{
	if (a->keepalived_started)
		keepalived_reload(a->keepalived);
	else
		keepalived_start(a->keepalived);
	a->keepalived_started = true;
}

static void replace_current(struct apply *a, struct plan *plan)
{
	if (a->current != a->good)
		plan_free(a->current);
	a->current = plan;
	a->deaths = 0;
}

static void log_written(const struct apply *a, const struct fleet_diff *d)
{
	log_info("config.written", LOG_UINT("virtual_servers", a->current->n_servers),
		LOG_UINT("added", d->services_added), LOG_UINT("removed", d->services_removed),
		LOG_UINT("changed", d->services_changed),
		LOG_UINT("real_servers_added", d->reals_added),
		LOG_UINT("real_servers_removed", d->reals_removed),
		LOG_UINT("real_servers_changed", d->reals_changed),
		LOG_MSEC("event_to_signal_ms", loop_clock() - a->current->event_time));
}

static void hand_over(struct apply *a)
{
	start_or_reload(a);
	pace_reloaded(&a->pace, loop_now(a->loop), plan_check_time(a->current));
	settle_watch(a->settle, a->current, a->good);
	a->status.settled = false;
}

/* What the current plan is about is where it shall be, since `at`. */
static void count_applied(struct apply *a, const char *result, uint64_t at)
{
	struct apply_status *st = &a->status;

	st->n_applied++;
	st->last_applied_at = (uint64_t)loop_date();
	st->last_event_to_kernel = at - a->current->event_time;
	st->sum_event_to_kernel += st->last_event_to_kernel;
	set_result(a, result, "");
}

static void accept_current(struct apply *a, const char *result, uint64_t at)
{
	plan_free(a->good);
	a->good = a->current;
	a->status.ready = true;
	count_applied(a, result, at);
}

static void write_job(struct apply *a, const struct fleet_diff *d)
{
	struct err e = {0};

	if (write_conf(a, a->job, &e) < 0) {
		refuse_job(a, e.msg);
		return;
	}
	replace_current(a, steal(a->job));
	if (a->ipvs)
		hand_over(a);
	log_written(a, d);
	if (!a->ipvs)
		accept_current(a, "rendered", loop_clock());
	pump(a);
}

/* The file would be the same: only the Services' outcomes are new, and who their clients may be. */
static void adopt_job(struct apply *a, bool other_clients)
{
	struct plan *old = a->current;

	a->current = steal(a->job);
	if (a->settle)
		settle_adopt(a->settle, a->current);
	if (a->good == old)
		a->good = a->current;
	plan_free(old);
	if (other_clients) {
		count_applied(a, "applied", loop_clock());
	} else {
		a->status.n_unchanged++;
		set_result(a, "unchanged", "");
	}
	pump(a);
}

/* Who may use it is settled, so keepalived may be told. */
static void on_guarded(void *ud, bool changed, const char *refusal)
{
	struct apply *a = ud;
	struct fleet_diff d;

	if (refusal) {
		refuse_job(a, refusal);
		return;
	}
	if (a->current)
		plan_inherit(a->job, a->current);
	d = diff_to_current(a);
	if (a->current && fleet_diff_empty(&d))
		adopt_job(a, changed);
	else
		write_job(a, &d);
}

static void on_vetted(void *ud, const char *refusal)
{
	struct apply *a = ud;

	if (refusal)
		refuse_job(a, refusal);
	else if (a->ruleset)
		ruleset_guard(a->ruleset, a->job->servers, a->job->n_servers, on_guarded, a);
	else
		on_guarded(a, false, NULL);
}

static void pump(void *ud)
{
	struct apply *a = ud;
	uint64_t now = loop_now(a->loop), due;

	if (a->job || !a->pending)
		return;
	a->pace.min_gap = a->config->keepalived.min_reload_gap;
	due = a->ipvs ? pace_due(&a->pace, plan_check_time(a->current)) : now;
	if (now < due) {
		loop_timer_arm(a->gap_timer, due - now);
		return;
	}
	a->job = steal(a->pending);
	vet_start(a->vet, a->job);
}

void apply_submit(struct apply *a, struct fleet *fleet, uint64_t event_time)
{
	if (a->pending)
		event_time = a->pending->event_time;
	plan_free(a->pending);
	a->pending = plan_new(fleet, event_time);
	pump(a);
}

static void on_settled(void *ud, const struct verify_report *report, uint64_t seen_at)
{
	struct apply *a = ud;
	struct apply_status *st = &a->status;
	bool applied = a->good != a->current;

	st->ready = st->settled = true;
	st->down = report->down;
	ruleset_prune(a->ruleset, a->current->servers, a->current->n_servers);
	if (!applied) {
		log_info("kernel.repaired", LOG_UINT("virtual_servers", a->current->n_servers));
		set_result(a, "applied", "");
		return;
	}
	log_info("kernel.applied", LOG_UINT("virtual_servers", a->current->n_servers),
		LOG_UINT("down", report->down),
		LOG_MSEC("event_to_kernel_ms", seen_at - a->current->event_time));
	accept_current(a, "applied", seen_at);
}

enum remedy { REMOVE_STRAYS, RELOAD, RESTART };

static void repair(struct apply *a, const struct verify_report *report, enum remedy remedy)
{
	static const char *const actions[] = {
		"removing strays", "reloading keepalived again", "restarting keepalived"};

	if (report->missing + report->different == 0)
		remedy = REMOVE_STRAYS;
	a->status.settled = false;
	a->status.n_mismatches++;
	log_warn("kernel.mismatch", LOG_STR("first", report->first),
		LOG_UINT("missing", report->missing), LOG_UINT("different", report->different),
		LOG_UINT("stray", report->stray), LOG_STR("action", actions[remedy]));
	settle_remove_strays(a->settle, remedy == RESTART);
	if (remedy == RESTART)
		keepalived_restart(a->keepalived);
	else if (remedy == RELOAD)
		keepalived_reload(a->keepalived);
	set_result(a, "mismatch", report->first);
}

/* A keepalived that still starts would only be set back. */
static bool is_starting(const struct apply *a, unsigned times)
{
	if (keepalived_is_up(a->keepalived) || times > START_TIMES)
		return false;
	if (times == 1)
		log_info("kernel.waiting", LOG_STR("for", "keepalived, which is starting"));
	return true;
}

static void on_overdue(void *ud, const struct verify_report *report, unsigned times)
{
	struct apply *a = ud;

	if (!is_starting(a, times))
		repair(a, report, times > RESIGNAL_TIMES ? RESTART : RELOAD);
}

/* keepalived would not notice: a reload changes what differs in its file, not in the kernel. */
static void on_drift(void *ud, const struct verify_report *report)
{
	repair(ud, report, RESTART);
}

static void on_checker_starting(void *ud)
{
	struct apply *a = ud;

	settle_restore_weights(a->settle);
}

static void on_keepalived_up(void *ud)
{
	struct apply *a = ud;

	a->ops.on_status(a->ud);
}

/* A file that kills keepalived although the test took it: the last good one comes back. */
static void roll_back(struct apply *a)
{
	struct err e = {0};

	if (write_conf(a, a->good, &e) < 0) {
		log_error("config.rollback_failed", LOG_ERR(&e));
		return;
	}
	replace_current(a, a->good);
	settle_watch(a->settle, a->current, NULL);
	a->status.n_refused++;
	log_error("config.rolled_back",
		LOG_STR("error", "keepalived ends whenever it reads the new file"),
		LOG_STR("forwarding", "the last good configuration"));
	set_result(a, "refused", "keepalived ends whenever it reads the new file");
}

static void on_keepalived_died(void *ud)
{
	struct apply *a = ud;

	a->deaths++;
	if (a->deaths >= DEATHS_BEFORE_ROLLBACK && a->good && a->good != a->current)
		roll_back(a);
	a->ops.on_status(a->ud);
}

static enum vet_mode vet_mode(const struct apply *a)
{
	if (!a->ipvs)
		return VET_NOTHING;
	return mustache_is(a->template, packaged_template, packaged_template_len) ? VET_SHAPES
										  : VET_WHOLE_FILE;
}

static int make_parts(struct apply *a, struct err *e)
{
	static const struct keepalived_ops keepalived_ops = {
		on_checker_starting, on_keepalived_up, on_keepalived_died};
	static const struct settle_ops settle_ops = {on_settled, on_overdue, on_drift};
	const struct config *c = a->config;
	int r = mustache_load(&a->template, c->keepalived.template_path, e);

	if (r >= 0)
		r = fs_mkdir(c->keepalived.state_dir, e);
	if (r >= 0)
		r = loop_timer_new(&a->gap_timer, a->loop, pump, a, e);
	if (r >= 0)
		a->vet = vet_new(a->loop, c, a->template, vet_mode(a), on_vetted, a);
	if (r < 0 || !a->ipvs)
		return r;
	r = keepalived_new(&a->keepalived, a->loop, c->keepalived.program, a->conf_path,
		c->keepalived.state_dir, &keepalived_ops, a, e);
	return r < 0 ? r
		     : settle_new(&a->settle, a->loop, a->ipvs, c->keepalived.verify_timeout,
			       &settle_ops, a, e);
}

int apply_new(struct apply **ret, sd_event *loop, const struct config *config, struct ipvs *ipvs,
	struct ruleset *ruleset, const struct apply_ops *ops, void *ud, struct err *e)
{
	CLEANUP(apply_freep) struct apply *a = xnew0(struct apply);
	int r;

	a->loop = sd_event_ref(loop);
	a->config = config;
	a->ipvs = ipvs;
	a->ruleset = ruleset;
	a->ops = *ops;
	a->ud = ud;
	a->conf_path = xasprintf("%s/keepalived.conf", config->keepalived.state_dir);
	a->status.last_result = "none";
	r = make_parts(a, e);
	if (r < 0)
		return r;
	*ret = steal(a);
	return 0;
}

struct apply *apply_free(struct apply *a)
{
	if (!a)
		return NULL;
	vet_free(a->vet);
	keepalived_free(a->keepalived);
	settle_free(a->settle);
	sd_event_source_disable_unref(a->gap_timer);
	mustache_free(a->template);
	plan_free(a->pending);
	plan_free(a->job);
	if (a->current != a->good)
		plan_free(a->current);
	plan_free(a->good);
	free(a->conf_path);
	sd_event_unref(a->loop);
	free(a);
	return NULL;
}

struct apply_status apply_status(const struct apply *a)
{
	struct apply_status status = a->status;

	status.n_config_tests = vet_tests(a->vet);
	status.keepalived_up = a->keepalived && keepalived_is_up(a->keepalived);
	status.keepalived_starts = a->keepalived ? keepalived_starts(a->keepalived) : 0;
	return status;
}

const struct plan *apply_current(const struct apply *a)
{
	return a->current;
}

const struct fleet *apply_newest(const struct apply *a)
{
	const struct plan *newest = a->pending ? a->pending : a->job ? a->job : a->current;

	return newest ? newest->fleet : NULL;
}

const char *apply_complaint(const struct apply *a, const struct virtual_server *vs)
{
	return vet_complaint(a->vet, vs);
}
