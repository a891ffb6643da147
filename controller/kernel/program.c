/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "kernel/audit.h"
#include "kernel/reorder.h"
#include "kernel/settle.h"
#include "kernel/tasks.h"
#include "loop/backoff.h"
#include "loop/loop.h"
#include "model/fleet_diff.h"

enum {
	TRIES = 5, /* at a place that changes while it is put right */
	RETRY_MIN = 100 * 1000,
	RETRY_MAX = 10 * 1000 * 1000,
};

struct program {
	sd_event *loop;
	sd_event_source *work_timer, *retry_timer, *look_timer, *health_timer;
	struct ipvs *ipvs;
	struct settler *settler;
	struct program_ops ops;
	void *ud;
	const struct virtual_server *const *servers;
	size_t n_servers;
	struct health *health;
	struct tasks *todo, *failed;
	struct backoff backoff;
	struct place changed[PROGRAM_CHANGED_MAX];
	size_t n_changed; /* above PROGRAM_CHANGED_MAX: too many to name */
	bool decided;     /* something is wanted */
	bool checking;    /* health checks are made */
	bool repairing;   /* what nobody had asked for */
	struct program_status status;
	char trouble[ERR_MSG_SIZE];
};

DEFINE_CLEANUP(struct program *, program_free);
DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

static struct task *task_for(struct program *p, const struct place *place)
{
	p->status.settled = false;
	return tasks_at(p->todo, place);
}

static void note_changed(struct program *p, const struct place *place)
{
	if (p->n_changed < PROGRAM_CHANGED_MAX)
		p->changed[p->n_changed] = *place;
	p->n_changed++;
}

static void tell_changed(struct program *p)
{
	size_t n = p->n_changed;

	p->n_changed = 0;
	if (n > 0)
		p->ops.on_changed(p->ud, p->changed, n > PROGRAM_CHANGED_MAX ? 0 : n);
}

static bool is_down(void *ud, const struct virtual_server *vs, const struct real_server *real)
{
	const struct program *p = ud;
	const struct place at = virtual_server_place(vs);

	return health_is_down(p->health, &at, &real->addr, real->port);
}

static bool is_spare(void *ud, const struct virtual_server *vs, const struct ipvs_dest *dest)
{
	const struct program *p = ud;

	return p->ops.is_spare(p->ud, vs, dest);
}

static struct differ_rules rules_for(void *ud, const struct virtual_server *vs)
{
	struct program *p = ud;

	return (struct differ_rules){
		.may_add = vs && p->ops.may_add(p->ud, vs),
		.is_down = is_down,
		.is_spare = is_spare,
		.ud = p,
	};
}

static void fail(struct program *p, const struct task *t, const struct err *e)
{
	struct task *failed = tasks_at(p->failed, &t->place);

	failed->reorder |= t->reorder;
	if (strcmp(p->trouble, e->msg) != 0)
		log_error("kernel.write_failed", LOG_ERR(e),
			LOG_STR("next", "the rest goes on, this is tried again"));
	memcpy(p->trouble, e->msg, sizeof p->trouble);
}

static void do_task(struct program *p, const struct task *t)
{
	const struct virtual_server *vs = virtual_server_find(p->servers, p->n_servers, &t->place);
	const struct differ_rules rules = rules_for(p, vs);
	struct err e = {0};
	size_t n = 0;
	int r = settle(&n, p->settler, &t->place, vs, &rules, t->reorder, &e);

	p->status.n_operations += n;
	if (t->told || n > 0)
		note_changed(p, &t->place);
	if (r == -EAGAIN && t->tries < TRIES) {
		struct task *again = tasks_at(p->todo, &t->place);

		again->tries = t->tries + 1;
		again->reorder |= t->reorder;
	} else if (r < 0) {
		fail(p, t, &e);
	}
}

static void look(void *ud);

static void finish(struct program *p)
{
	if (!tasks_empty(p->failed)) {
		if (!loop_timer_armed(p->retry_timer))
			loop_timer_arm(p->retry_timer, backoff_next(&p->backoff, 0));
		p->ops.on_trouble(p->ud);
		return;
	}
	if (p->trouble[0])
		log_info("kernel.writable");
	p->trouble[0] = '\0';
	p->backoff.last = 0;
	if (!p->status.seen_all) {
		loop_timer_arm(p->look_timer, 0);
	} else if (!p->status.settled) {
		p->status.settled = true;
		if (p->repairing)
			log_info("kernel.repaired");
		p->repairing = false;
		p->ops.on_settled(p->ud, loop_clock());
	}
}

static void work(void *ud)
{
	struct program *p = ud;
	uint64_t begin = loop_clock();
	struct task t;

	while (loop_clock() - begin < PROGRAM_SLICE && tasks_take(&t, p->todo))
		do_task(p, &t);
	tell_changed(p);
	if (!tasks_empty(p->todo))
		loop_timer_arm(p->work_timer, 0);
	else
		finish(p);
}

static void on_retry(void *ud)
{
	struct program *p = ud;
	struct task t;

	while (tasks_take(&t, p->failed))
		task_for(p, &t.place)->reorder |= t.reorder;
	work(p);
}

/* How long a check may take until it has had its say, from the start of all checks. */
static uint64_t patience(const struct program *p, const struct place *place)
{
	const struct virtual_server *vs = virtual_server_find(p->servers, p->n_servers, place);

	return vs ? health_check_time(&vs->check) : 0;
}

static uint64_t verdict_due(const struct program *p, const struct place *place)
{
	return p->checking ? loop_clock() + patience(p, place) : HEALTH_NEVER;
}

static void arm_health(struct program *p)
{
	uint64_t due = health_due(p->health), now = loop_clock();

	if (due == HEALTH_NEVER)
		loop_timer_stop(p->health_timer);
	else
		loop_timer_arm(p->health_timer, due > now ? due - now : 0);
}

static bool sift_overdue(void *ud, struct health_entry *entry)
{
	struct program *p = ud;

	if (entry->until > loop_clock())
		return true;
	task_for(p, &entry->place);
	return false;
}

/* The new checks found nothing wrong with them. */
static void on_health_time(void *ud)
{
	struct program *p = ud;

	health_sift(p->health, sift_overdue, p);
	arm_health(p);
	work(p);
}

static bool sift_doubt(void *ud, struct health_entry *entry)
{
	entry->until = verdict_due(ud, &entry->place);
	return true;
}

void program_checks_begin(struct program *p)
{
	p->checking = true;
	health_sift(p->health, sift_doubt, p);
	arm_health(p);
}

void program_checks_end(struct program *p)
{
	p->checking = false;
	health_sift(p->health, sift_doubt, p);
	arm_health(p);
}

void program_health(struct program *p, const struct place *place, const struct ipaddr *addr,
	uint16_t port, bool up)
{
	if (up)
		health_set_up(p->health, place, addr, port);
	else
		health_set_down(p->health, place, addr, port, HEALTH_NEVER);
	program_check(p, place);
}

/* Weight 0 that no decision and no word of keepalived explains: a check, most likely. */
static void doubt(void *ud, const struct virtual_server *vs, const struct ipvs_service *s)
{
	struct program *p = ud;
	const struct place at = virtual_server_place(vs);

	for (size_t i = 0; vs->check.type != CHECK_NONE && i < vs->n_reals; i++) {
		const struct real_server *real = &vs->reals[i];
		const struct ipvs_dest *dest = ipvs_service_find(s, &real->addr, real->port);

		if (dest && dest->weight == 0 && real->weight > 0 &&
			!health_is_down(p->health, &at, &real->addr, real->port))
			health_set_down(
				p->health, &at, &real->addr, real->port, verdict_due(p, &at));
	}
}

static void on_wrong(void *ud, const struct place *place)
{
	task_for(ud, place)->reorder = true;
}

/* What is wanted no more cannot be down. */
static bool sift_wanted(void *ud, struct health_entry *entry)
{
	const struct program *p = ud;
	const struct virtual_server *vs =
		virtual_server_find(p->servers, p->n_servers, &entry->place);

	return vs && virtual_server_real(vs, &entry->addr, entry->port);
}

static void report(struct program *p, const struct audit_report *r)
{
	if (r->missing + r->stray + r->different > 0) {
		p->status.n_repairs++;
		p->repairing = true;
		log_warn("kernel.mismatch", LOG_STR("first", r->first),
			LOG_UINT("missing", r->missing), LOG_UINT("different", r->different),
			LOG_UINT("stray", r->stray), LOG_STR("next", "it is put right"));
	}
	if (r->unordered > 0)
		log_info("kernel.reordered", LOG_UINT("virtual_servers", r->unordered));
}

static void look(void *ud)
{
	const struct audit_ops ops = {rules_for, doubt, on_wrong, reorder_is_possible()};
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	struct program *p = ud;
	bool was_settled = p->status.settled;
	struct audit_report r;
	struct err e = {0};

	loop_timer_arm(p->look_timer, PROGRAM_LOOK);
	if (ipvs_read_quick(&table, p->ipvs, &e) < 0) {
		log_error("ipvs.read_failed", LOG_ERR(&e));
		if (!p->status.seen_all)
			loop_timer_arm(p->look_timer, RETRY_MIN);
		return;
	}
	health_sift(p->health, sift_wanted, p);
	r = audit(p->servers, p->n_servers, table, &ops, p);
	arm_health(p);
	if (was_settled)
		report(p, &r);
	if (tasks_empty(p->todo) && tasks_empty(p->failed))
		p->status.seen_all = true;
	work(p);
}

static void note_difference(
	void *ud, const struct virtual_server *old, const struct virtual_server *new)
{
	const struct place at = virtual_server_place(new ? new : old);

	task_for(ud, &at);
}

void program_want(struct program *p, const struct virtual_server *const servers[], size_t n)
{
	const struct virtual_server *const *old = p->servers;
	size_t n_old = p->n_servers;

	p->servers = servers;
	p->n_servers = n;
	if (!p->decided) {
		p->decided = true;
		look(p);
		return;
	}
	fleet_diff(old, n_old, servers, n, note_difference, p);
	work(p);
}

void program_check(struct program *p, const struct place *place)
{
	if (!p->decided)
		return;
	task_for(p, place)->told = true;
	loop_timer_arm(p->work_timer, 0);
}

static int create_timers(struct program *p, struct err *e)
{
	const struct {
		sd_event_source **timer;
		void (*on_time)(void *ud);
	} timers[] = {
		{&p->work_timer, work},
		{&p->retry_timer, on_retry},
		{&p->look_timer, look},
		{&p->health_timer, on_health_time},
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof timers / sizeof timers[0]; i++)
		r = loop_timer_new(timers[i].timer, p->loop, timers[i].on_time, p, e);
	return r;
}

int program_new(struct program **ret, sd_event *loop, struct ipvs *ipvs,
	const struct program_ops *ops, void *ud, struct err *e)
{
	CLEANUP(program_freep) struct program *p = xnew0(struct program);
	int r;

	p->loop = sd_event_ref(loop);
	p->ipvs = ipvs;
	p->ops = *ops;
	p->ud = ud;
	p->health = health_new();
	p->todo = tasks_new();
	p->failed = tasks_new();
	p->backoff = (struct backoff){.min = RETRY_MIN, .max = RETRY_MAX};
	r = create_timers(p, e);
	if (r >= 0)
		r = settler_new(&p->settler, p->ipvs, e);
	if (r < 0)
		return r;
	*ret = steal(p);
	return 0;
}

struct program *program_free(struct program *p)
{
	if (!p)
		return NULL;
	tasks_free(p->todo);
	tasks_free(p->failed);
	health_free(p->health);
	settler_free(p->settler);
	sd_event_source_disable_unref(p->work_timer);
	sd_event_source_disable_unref(p->retry_timer);
	sd_event_source_disable_unref(p->look_timer);
	sd_event_source_disable_unref(p->health_timer);
	sd_event_unref(p->loop);
	free(p);
	return NULL;
}

struct program_status program_status(const struct program *p)
{
	struct program_status status = p->status;

	status.trouble = p->trouble;
	status.n_down = health_n_down(p->health);
	return status;
}
