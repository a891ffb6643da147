/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/upkeep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "decide/fleet_diff.h"
#include "keepalived/draft.h"
#include "keepalived/keepalived.h"
#include "keepalived/pace.h"
#include "keepalived/spare.h"
#include "keepalived/suspects.h"
#include "loop/backoff.h"
#include "loop/loop.h"

enum {
	SECOND = 1000 * 1000,
	RETRY_MIN = SECOND / 2,
	RETRY_MAX = 60 * SECOND,
	LOAD_EACH = 20 * 1000, /* usec for each virtual server, for keepalived on a slow machine */
	START_TIMES = 30,      /* late so often: a keepalived that starts or reads is stuck */
	DEATHS_MAX = 2,        /* one may be chance, such as a kill from outside */
	STABLE = 60 * SECOND,  /* so long without an end: the file is not to blame for the next */
	TRIAL_MAX = 60,        /* times STABLE between two trials */
};

struct upkeep {
	sd_event *loop;
	const struct config *config;
	struct upkeep_ops ops;
	void *ud;
	struct mustache *template;
	char *path, *next_path;
	struct keepalived *keepalived; /* NULL: the file is all there is */
	bool started;
	struct draft *draft;
	struct suspects *suspects;
	sd_event_source *timer, *stable_timer, *trial_timer;
	struct pace pace;
	struct backoff backoff;
	uint64_t not_before;

	enum { UPKEEP_IDLE, UPKEEP_PAUSING, UPKEEP_DRAFTING, UPKEEP_LOADING } state;
	struct fleet *next;           /* waits for its turn */
	struct edition file, before;  /* in the file; what was, until keepalived has read it */
	struct edition watched, good; /* at the start of stable_timer; did well until its end */
	bool is_good, starting;       /* the file is; checks begin when it has been read */
	unsigned deaths, late, trial_wait;
	struct upkeep_status status;
	char refusal[ERR_MSG_SIZE], unknown[ERR_MSG_SIZE];
};

DEFINE_CLEANUP(struct upkeep *, upkeep_free);

static void proceed(struct upkeep *u);

/* Goes on with what waits. */
static void rest(struct upkeep *u, const char *refusal, const char *unknown)
{
	u->state = UPKEEP_IDLE;
	snprintf(u->refusal, sizeof u->refusal, "%s", refusal);
	snprintf(u->unknown, sizeof u->unknown, "%s", unknown);
	u->ops.on_status(u->ud);
	proceed(u);
}

/* Unless something newer waits, what was drafted is to be tried again. */
static void put_off(struct upkeep *u, const struct edition *drafted, const char *why)
{
	uint64_t delay = backoff_next(&u->backoff, 0);

	log_warn("config.put_off", LOG_STR("error", why), LOG_MSEC("retry_in_ms", delay),
		LOG_STR("effect", "IPVS has the change, health checks do not yet"));
	if (!u->next)
		u->next = fleet_ref(drafted->fleet);
	u->not_before = loop_now(u->loop) + delay;
	u->status.n_unknown++;
	rest(u, "", why);
}

static void refuse(struct upkeep *u, const char *why)
{
	log_error("config.refused", LOG_STR("error", why),
		LOG_STR("effect", "IPVS has the change, health checks stay as they were"));
	u->status.n_refused++;
	rest(u, why, "");
}

static void become_idle(struct upkeep *u)
{
	u->backoff.last = 0;
	rest(u, "", "");
}

/* usec that keepalived may take for its file. */
static uint64_t load_time(const struct upkeep *u)
{
	return u->config->keepalived.verify_timeout + u->file.n_servers * LOAD_EACH;
}

static void arm_load_timer(struct upkeep *u)
{
	loop_timer_arm(u->timer, load_time(u));
}

/* usec from a start of the health checks until the slowest has had its say; 0 for NULL. */
static uint64_t check_time(const struct fleet *f)
{
	uint64_t longest = 0;

	for (size_t i = 0; f && i < f->n_servers; i++) {
		uint64_t needed = health_check_time(&f->servers[i]->check);

		if (needed > longest)
			longest = needed;
	}
	return longest;
}

static void tell_keepalived(struct upkeep *u)
{
	u->state = UPKEEP_LOADING;
	u->late = 0;
	arm_load_timer(u);
	pace_reloaded(&u->pace, loop_now(u->loop), check_time(u->file.fleet));
	if (u->started)
		keepalived_reload(u->keepalived);
	else
		keepalived_start(u->keepalived);
	u->started = true;
	u->ops.on_status(u->ud);
}

/* Takes the edition over. */
static void install(struct upkeep *u, struct edition *drafted)
{
	if (rename(u->next_path, u->path) < 0) {
		put_off(u, drafted, strerror(errno));
		return;
	}
	edition_done(&u->before);
	u->before = edition_take(&u->file);
	u->file = edition_take(drafted);
	u->is_good = false;
	u->deaths = 0;
	u->status.n_files++;
	edition_log(&u->before, &u->file);
	if (u->keepalived)
		tell_keepalived(u);
	else
		become_idle(u);
}

/* Changes without end do not put off what time proves. */
static void watch(struct upkeep *u)
{
	if (loop_timer_armed(u->stable_timer))
		return;
	edition_done(&u->watched);
	u->watched = edition_copy(&u->file);
	loop_timer_arm(u->stable_timer, STABLE);
}

static bool leave_out(void *ud, const struct virtual_server *vs)
{
	return upkeep_complaint(ud, vs) != NULL;
}

static void on_verdict(void *ud, enum draft_verdict verdict, const char *why)
{
	struct upkeep *u = ud;
	struct edition drafted = draft_take(u->draft);

	switch (verdict) {
	case DRAFT_READY:
		install(u, &drafted);
		break;
	case DRAFT_UNCHANGED:
		edition_done(&u->file);
		u->file = edition_take(&drafted);
		/* Nothing is loaded: who is on trial has its time from now on. */
		if (suspects_on_trial(u->suspects) && keepalived_is_up(u->keepalived))
			watch(u);
		become_idle(u);
		break;
	case DRAFT_REFUSED:
		refuse(u, why);
		break;
	case DRAFT_UNKNOWN:
		put_off(u, &drafted, why);
		break;
	}
	edition_done(&drafted);
}

static void begin(struct upkeep *u)
{
	CLEANUP(fleet_unrefp) struct fleet *fleet = steal(u->next);

	u->state = UPKEEP_DRAFTING;
	draft_start(u->draft, fleet, &u->file);
}

static void proceed(struct upkeep *u)
{
	uint64_t now = loop_now(u->loop), due = 0;

	if (!u->next || u->state > UPKEEP_PAUSING)
		return;
	u->pace.min_gap = u->config->keepalived.min_reload_gap;
	if (u->keepalived)
		due = pace_due(&u->pace, check_time(u->file.fleet));
	if (due < u->not_before)
		due = u->not_before;
	/* In a turn of its own: what is told of a decision does not wait for a child's start. */
	u->state = UPKEEP_PAUSING;
	loop_timer_arm(u->timer, due > now ? due - now : 0);
}

void upkeep_want(struct upkeep *u, struct fleet *fleet)
{
	fleet_unref(u->next);
	u->next = fleet_ref(fleet);
	proceed(u);
}

/* keepalived has not said that it has read its file. Told while it reads it would read twice. */
static void on_late(struct upkeep *u)
{
	bool up = keepalived_is_up(u->keepalived) && !keepalived_is_reading(u->keepalived);

	u->late++;
	arm_load_timer(u);
	if (!up && u->late <= START_TIMES)
		return;
	log_warn("keepalived.deaf",
		LOG_STR("next", up && u->late == 1 ? "it is told again" : "it is started anew"));
	if (up && u->late == 1) {
		keepalived_reload(u->keepalived);
	} else {
		u->late = 0;
		keepalived_restart(u->keepalived);
	}
}

static void on_time(void *ud)
{
	struct upkeep *u = ud;

	if (u->state == UPKEEP_LOADING) {
		on_late(u);
	} else if (u->state == UPKEEP_PAUSING) {
		begin(u);
	}
}

static void touch(void *ud, const struct virtual_server *old, const struct virtual_server *new)
{
	const struct upkeep *u = ud;
	const struct place at = virtual_server_place(new ? new : old);

	u->ops.on_touched(u->ud, &at);
}

/* What a new file took away may have been decided again meanwhile. */
static void on_loaded(void *ud)
{
	struct upkeep *u = ud;

	if (u->starting)
		u->ops.on_checks(u->ud, true);
	u->starting = false;
	watch(u);
	if (u->state != UPKEEP_LOADING)
		return;
	loop_timer_stop(u->timer);
	fleet_diff(u->before.servers, u->before.n_servers, u->file.servers, u->file.n_servers,
		touch, u);
	edition_done(&u->before);
	become_idle(u);
}

static void on_word(void *ud, const struct keepalived_line *line)
{
	struct upkeep *u = ud;
	bool up = line->kind == KEEPALIVED_SERVER_UP;

	if (line->kind == KEEPALIVED_CHECKS_BEGIN) {
		/* When it is up; if it is, its parent has started another checker. */
		u->starting = !keepalived_is_up(u->keepalived);
		u->ops.on_checks(u->ud, !u->starting);
		return;
	}
	/* Not in the file, or in one before that: that is why it is removed. */
	if (line->kind == KEEPALIVED_SERVER_REMOVED)
		up = keepalived_is_reading(u->keepalived) ||
		     !edition_has(&u->file, &line->place, &line->addr, line->port);
	u->ops.on_health(u->ud, &line->place, &line->addr, line->port, up);
}

static void on_stable(void *ud)
{
	struct upkeep *u = ud;

	u->deaths = 0;
	edition_done(&u->good);
	u->good = edition_take(&u->watched);
	u->is_good = edition_same(&u->good, &u->file);
	if (!u->is_good && u->state != UPKEEP_LOADING)
		watch(u);
	if (suspects_acquit(u->suspects))
		u->trial_wait = 1;
	if (suspects_count(u->suspects) > 0 && !loop_timer_armed(u->trial_timer))
		loop_timer_arm(u->trial_timer, (uint64_t)u->trial_wait * STABLE);
}

static void on_trial_time(void *ud)
{
	struct upkeep *u = ud;

	if (!suspects_try(u->suspects))
		return;
	loop_timer_stop(u->stable_timer); /* it begins with those on trial */
	if (!u->next)
		u->next = fleet_ref(u->file.fleet);
	proceed(u);
}

/* A file that ends keepalived although the test took it. */
static void take_back(struct upkeep *u)
{
	suspects_accuse(u->suspects, u->file.servers, u->file.n_servers, u->good.servers,
		u->good.n_servers);
	u->trial_wait = u->trial_wait ? 2 * u->trial_wait : 1;
	if (u->trial_wait > TRIAL_MAX)
		u->trial_wait = TRIAL_MAX;
	u->deaths = 0;
	u->status.n_refused++;
	log_error("config.taken_back",
		LOG_STR("error", "keepalived ends again and again with the new file"),
		LOG_UINT("held_back", suspects_count(u->suspects)),
		LOG_STR("effect", "these have no health checks; IPVS forwards"));
	snprintf(
		u->refusal, sizeof u->refusal, "keepalived ends again and again with the new file");
	if (!u->next)
		u->next = fleet_ref(u->file.fleet);
	if (u->state == UPKEEP_LOADING)
		u->state = UPKEEP_IDLE;
	u->not_before = 0;
	u->pace.last = 0;
	proceed(u);
}

static void on_died(void *ud, uint64_t ran_for)
{
	struct upkeep *u = ud;

	u->ops.on_checks(u->ud, false);
	loop_timer_stop(u->stable_timer);
	u->deaths = ran_for < STABLE ? u->deaths + 1 : 1;
	if (u->deaths >= DEATHS_MAX && !u->is_good && u->file.n_servers > 0)
		take_back(u);
	u->ops.on_status(u->ud);
}

static int make_parts(struct upkeep *u, bool write_only, struct err *e)
{
	static const struct keepalived_ops keepalived_ops = {on_loaded, on_word, on_died};
	static const struct draft_ops draft_ops = {leave_out, on_verdict};
	const struct config *c = u->config;
	int r = mustache_load(&u->template, c->keepalived.template_path, e);

	if (r >= 0)
		r = fs_mkdir(c->keepalived.state_dir, e);
	if (r >= 0)
		r = loop_timer_new(&u->timer, u->loop, on_time, u, e);
	if (r >= 0)
		r = loop_timer_new(&u->stable_timer, u->loop, on_stable, u, e);
	if (r >= 0)
		r = loop_timer_new(&u->trial_timer, u->loop, on_trial_time, u, e);
	if (r < 0)
		return r;
	u->draft = draft_new(u->loop, c, u->template, u->next_path, write_only, &draft_ops, u);
	return write_only ? 0
			  : keepalived_new(&u->keepalived, u->loop, c->keepalived.program, u->path,
				    c->keepalived.state_dir, &keepalived_ops, u, e);
}

int upkeep_new(struct upkeep **ret, sd_event *loop, const struct config *config, bool write_only,
	const struct upkeep_ops *ops, void *ud, struct err *e)
{
	CLEANUP(upkeep_freep) struct upkeep *u = xnew0(struct upkeep);
	int r;

	u->loop = sd_event_ref(loop);
	u->config = config;
	u->ops = *ops;
	u->ud = ud;
	u->path = xasprintf("%s/keepalived.conf", config->keepalived.state_dir);
	u->next_path = xasprintf("%s/keepalived.next.conf", config->keepalived.state_dir);
	u->suspects = suspects_new();
	u->backoff = (struct backoff){.min = RETRY_MIN, .max = RETRY_MAX};
	r = make_parts(u, write_only, e);
	if (r < 0)
		return r;
	*ret = steal(u);
	return 0;
}

struct upkeep *upkeep_free(struct upkeep *u)
{
	if (!u)
		return NULL;
	draft_free(u->draft);
	keepalived_free(u->keepalived);
	suspects_free(u->suspects);
	sd_event_source_disable_unref(u->timer);
	sd_event_source_disable_unref(u->stable_timer);
	sd_event_source_disable_unref(u->trial_timer);
	mustache_free(u->template);
	fleet_unref(u->next);
	edition_done(&u->file);
	edition_done(&u->before);
	edition_done(&u->watched);
	edition_done(&u->good);
	sd_event_unref(u->loop);
	free(u->path);
	free(u->next_path);
	free(u);
	return NULL;
}

struct upkeep_status upkeep_status(const struct upkeep *u)
{
	static const char *const names[] = {"idle", "pausing", NULL, "loading"};
	struct upkeep_status status = u->status;

	status.state = names[u->state] ? names[u->state] : draft_state_name(u->draft);
	status.is_idle = u->state == UPKEEP_IDLE;
	status.refusal = u->refusal;
	status.unknown = u->unknown;
	status.n_config_tests = draft_tests(u->draft);
	status.n_held_back = suspects_count(u->suspects);
	status.n_starts = u->keepalived ? keepalived_starts(u->keepalived) : 0;
	status.up = u->keepalived && keepalived_is_up(u->keepalived);
	return status;
}

bool upkeep_lacks_keepalived(const struct upkeep *u)
{
	return u->started && !keepalived_is_up(u->keepalived) &&
	       !keepalived_is_starting(u->keepalived, load_time(u));
}

const char *upkeep_complaint(const struct upkeep *u, const struct virtual_server *vs)
{
	const char *complaint = draft_complaint(u->draft, vs);

	if (!complaint && suspects_hold_back(u->suspects, vs))
		return "keepalived ends again and again when it reads this, or something near it";
	return complaint;
}

bool upkeep_is_spare(const struct upkeep *u, const struct virtual_server *vs,
	const struct ipaddr *addr, uint16_t port)
{
	return !draft_is_packaged(u->draft) && spare_is(u->template, vs, addr, port);
}
