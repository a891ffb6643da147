/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/settle.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "model/fleet_diff.h"

/* With more changed services than this, one look at everything is cheaper than many small ones. */
enum { CHANGED_MAX = 16 };

struct settle {
	sd_event *loop;
	sd_event_source *timer;
	struct ipvs *ipvs;
	struct settle_ops ops;
	void *ud;
	uint64_t patience, interval, progress_at;
	uint64_t seen_at; /* when what changed was seen to be right; 0: not yet */
	unsigned times_overdue;
	bool settled;
	const struct plan *plan;
	const struct virtual_server *changed[CHANGED_MAX];
	size_t n_changed;
	size_t last_mismatches;
};

DEFINE_CLEANUP(struct settle *, settle_free);
DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

static void look(void *ud);

int settle_new(struct settle **ret, sd_event *loop, struct ipvs *ipvs, uint64_t patience,
	const struct settle_ops *ops, void *ud, struct err *e)
{
	CLEANUP(settle_freep) struct settle *s = xnew0(struct settle);
	int r;

	s->loop = sd_event_ref(loop);
	s->ipvs = ipvs;
	s->patience = patience;
	s->ops = *ops;
	s->ud = ud;
	r = loop_timer_new(&s->timer, loop, look, s, e);
	if (r < 0)
		return r;
	*ret = steal(s);
	return 0;
}

struct settle *settle_free(struct settle *s)
{
	if (!s)
		return NULL;
	sd_event_source_disable_unref(s->timer);
	sd_event_unref(s->loop);
	free(s);
	return NULL;
}

static void note_changed(void *ud, const struct virtual_server *vs)
{
	struct settle *s = ud;

	if (s->n_changed < CHANGED_MAX)
		s->changed[s->n_changed] = vs;
	s->n_changed++;
}

void settle_watch(struct settle *s, const struct plan *plan, const struct plan *before)
{
	s->plan = plan;
	s->n_changed = 0;
	if (before)
		fleet_diff(before->servers, before->n_servers, plan->servers, plan->n_servers,
			note_changed, s);
	if (s->n_changed > CHANGED_MAX)
		s->n_changed = 0;
	s->settled = false;
	s->seen_at = 0;
	s->times_overdue = 0;
	s->last_mismatches = SIZE_MAX;
	s->interval = SETTLE_FIRST_LOOK;
	s->progress_at = loop_now(s->loop);
	loop_timer_arm(s->timer, s->interval);
}

void settle_adopt(struct settle *s, const struct plan *plan)
{
	s->plan = plan;
	s->n_changed = 0;
}

/* Is the service already as the plan has it? */
static bool service_is_right(struct settle *s, const struct virtual_server *vs)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	struct verify_report report;
	struct err e = {0};

	if (ipvs_read_service(&table, s->ipvs, &vs->vip, vs->protocol, vs->port, &e) < 0)
		return false;
	report = verify_compare(&vs, 1, table);
	return verify_mismatches(&report) == 0;
}

/* The cheap look: drops from the list what is right by now. True when nothing is left. */
static bool changed_are_right(struct settle *s)
{
	if (s->n_changed == 0)
		return true;
	while (s->n_changed > 0 && service_is_right(s, s->changed[s->n_changed - 1]))
		s->n_changed--;
	if (s->n_changed == 0)
		s->seen_at = loop_clock();
	return s->n_changed == 0;
}

static int compare_all(struct settle *s, struct verify_report *ret)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	struct err e = {0};
	int r = ipvs_read_quick(&table, s->ipvs, &e);

	if (r < 0) {
		log_error("ipvs.read_failed", LOG_ERR(&e));
		return r;
	}
	*ret = verify_compare(s->plan->servers, s->plan->n_servers, table);
	return 0;
}

static void look_again(struct settle *s)
{
	s->interval += s->interval / 4;
	if (s->interval > SETTLE_SLOWEST_LOOK)
		s->interval = SETTLE_SLOWEST_LOOK;
	loop_timer_arm(s->timer, s->interval);
}

static void become_settled(struct settle *s, const struct verify_report *report)
{
	bool news = !s->settled;

	s->settled = true;
	s->times_overdue = 0;
	loop_timer_arm(s->timer, SETTLE_DRIFT_INTERVAL);
	if (news)
		s->ops.on_settled(s->ud, report, s->seen_at ? s->seen_at : loop_clock());
}

static void note_drift(struct settle *s, const struct verify_report *report)
{
	s->settled = false;
	s->progress_at = loop_now(s->loop);
	s->last_mismatches = verify_mismatches(report);
	s->ops.on_drift(s->ud, report);
}

static void check_progress(struct settle *s, const struct verify_report *report)
{
	size_t mismatches = verify_mismatches(report);
	uint64_t now = loop_now(s->loop);

	if (mismatches < s->last_mismatches) {
		s->progress_at = now;
		s->times_overdue = 0;
	}
	s->last_mismatches = mismatches;
	if (now - s->progress_at >= s->patience) {
		s->progress_at = now;
		s->ops.on_overdue(s->ud, report, ++s->times_overdue);
	}
}

static void look(void *ud)
{
	struct settle *s = ud;
	struct verify_report report = {0};
	bool wait = !changed_are_right(s) && loop_now(s->loop) - s->progress_at < s->patience;

	if (wait || compare_all(s, &report) < 0) {
		look_again(s);
		return;
	}
	if (verify_mismatches(&report) == 0) {
		become_settled(s, &report);
		return;
	}
	look_again(s);
	if (s->settled)
		note_drift(s, &report);
	else
		check_progress(s, &report);
}

struct removal {
	struct ipvs *ipvs;
	bool different;
};

static void remove_stray(void *ud, const struct verify_finding *f)
{
	const struct removal *r = ud;
	struct err e = {0};
	int result = 0;

	if (f->kind == VERIFY_SERVICE_STRAY ||
		(r->different && f->kind == VERIFY_SERVICE_DIFFERENT))
		result = ipvs_remove_service(r->ipvs, f->service, &e);
	else if (f->kind == VERIFY_DEST_STRAY)
		result = ipvs_remove_dest(r->ipvs, f->service, f->dest, &e);
	if (result < 0)
		log_error("ipvs.remove_failed", LOG_ERR(&e));
}

static void walk_all(struct settle *s,
	void (*on_finding)(void *ud, const struct verify_finding *finding), void *ud)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	struct err e = {0};

	if (!s->plan)
		return;
	if (ipvs_read_quick(&table, s->ipvs, &e) < 0)
		log_error("ipvs.read_failed", LOG_ERR(&e));
	else
		verify_walk(s->plan->servers, s->plan->n_servers, table, on_finding, ud);
}

void settle_remove_strays(struct settle *s, bool different)
{
	struct removal r = {.ipvs = s->ipvs, .different = different};

	walk_all(s, remove_stray, &r);
}

static void restore_weight(void *ud, const struct verify_finding *f)
{
	struct ipvs *ipvs = ud;
	struct err e = {0};

	if ((f->kind == VERIFY_DEST_DOWN || f->kind == VERIFY_DEST_DIFFERENT) &&
		ipvs_set_weight(ipvs, f->service, f->dest, f->real->weight, &e) < 0)
		log_error("ipvs.set_weight_failed", LOG_ERR(&e));
}

void settle_restore_weights(struct settle *s)
{
	walk_all(s, restore_weight, s->ipvs);
}
