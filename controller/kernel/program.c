/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "decide/fleet_diff.h"
#include "kernel/checks.h"
#include "kernel/evictions.h"
#include "kernel/look.h"
#include "kernel/reorder.h"
#include "kernel/repairs.h"
#include "kernel/settle.h"
#include "kernel/tasks.h"
#include "loop/backoff.h"
#include "loop/loop.h"

enum {
	TRIES = 5, /* at a place that changes while it is put right */
	RETRY_MIN = 100 * 1000,
	RETRY_MAX = 10 * 1000 * 1000,
	LOOK_MAX = 60 * 1000 * 1000,
};

struct program {
	sd_event *loop;
	sd_event_source *work_timer, *retry_timer, *look_timer, *evicted_timer;
	struct settler *settler;
	struct program_ops ops;
	void *ud;
	const struct virtual_server *const *servers;
	size_t n_servers;
	struct checks *checks;
	struct tasks *todo, *failed;
	struct evictions *evictions; /* places whose real servers that are down come again later */
	struct tasks *taken_over;    /* places where another Service's real servers may still be */
	struct backoff backoff, looks;
	struct look *look;      /* NULL: none is under way */
	struct repairs repairs; /* since they were last reported */
	struct place changed[PROGRAM_CHANGED_MAX];
	size_t n_changed; /* above PROGRAM_CHANGED_MAX: too many to name */
	bool decided;     /* something is wanted */
	bool looked;      /* the whole table was seen once; nothing is touched before */
	bool agreed;      /* nothing could be done since the last look was answered */
	bool repairing;   /* what nobody had asked for */
	struct program_status status;
	char trouble[ERR_MSG_SIZE];
	char blindness[ERR_MSG_SIZE]; /* why the last look failed; "": it did not */
};

DEFINE_CLEANUP(struct program *, program_free);

static struct task *task_for(struct program *p, const struct place *place)
{
	struct task *task = tasks_at(p->todo, place);

	task->doubt |= !p->looked;
	p->status.settled = false;
	return task;
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

static const struct virtual_server *wanted(void *ud, const struct place *place)
{
	const struct program *p = ud;

	return virtual_server_find(p->servers, p->n_servers, place);
}

static bool is_down(void *ud, const struct virtual_server *vs, const struct real_server *real)
{
	const struct program *p = ud;

	return checks_is_down(p->checks, vs, real);
}

static bool is_spare(void *ud, const struct virtual_server *vs, const struct ipvs_dest *dest)
{
	const struct program *p = ud;

	return p->ops.is_spare(p->ud, vs, dest);
}

static struct differ_rules rules_for(void *ud, const struct virtual_server *vs)
{
	const struct place at = vs ? virtual_server_place(vs) : (struct place){0};
	struct program *p = ud;

	return (struct differ_rules){
		.may_add = vs && p->ops.may_add(p->ud, vs),
		.taken_over = tasks_find(p->taken_over, &at),
		.evicted = evictions_wait(p->evictions, &at),
		.is_down = is_down,
		.is_spare = is_spare,
		.ud = p,
	};
}

static bool is_doubtful(void *ud, const struct virtual_server *vs, const struct ipvs_service *held)
{
	const struct program *p = ud;

	return checks_is_doubtful(p->checks, vs, held);
}

static void doubt(void *ud, const struct virtual_server *vs, const struct ipvs_service *held)
{
	struct program *p = ud;

	checks_doubt(p->checks, vs, held);
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

static void try_again(struct program *p, const struct task *t)
{
	struct task *again = tasks_at(p->todo, &t->place);

	again->tries = t->tries + 1;
	again->reorder |= t->reorder;
	again->unasked = t->unasked;
}

static void count_repairs(struct program *p, const struct settled *settled)
{
	if (settled->moved)
		p->repairs.unordered++;
	else if (!settled->evicted)
		repairs_count(&p->repairs, &settled->ops);
}

static void await_evicted(struct program *p)
{
	uint64_t due = evictions_due(p->evictions), now = loop_clock();

	if (due != EVICTIONS_NEVER)
		loop_timer_arm(p->evicted_timer, due > now ? due - now : 0);
}

/* They come again when their connections have ended, each in its place. */
static void note_evicted(struct program *p, const struct place *place)
{
	evictions_note(p->evictions, place, loop_clock());
	await_evicted(p);
}

/* What became of operations. */
struct outcome {
	size_t n_done, n_refused;
	bool failed; /* some of them, for other reasons than that the kernel refuses them */
};

static struct outcome outcome_of(
	struct program *p, const struct virtual_server *vs, const struct ipvs_ops *ops)
{
	struct outcome o = {0};

	for (size_t i = 0; i < ops->n_items; i++) {
		const struct ipvs_op *op = &ops->items[i];

		if (op->result == 0) {
			o.n_done++;
		} else if (vs && ipvs_op_is_refused(op)) {
			o.n_refused++;
			p->ops.on_refused(p->ud, vs, op);
		} else if (!ipvs_op_is_stale(op)) {
			o.failed = true;
		}
	}
	return o;
}

static void do_task(struct program *p, const struct task *t)
{
	const struct virtual_server *vs = wanted(p, &t->place);
	const struct settle_job job = {
		t->place, vs, rules_for(p, vs), t->reorder, t->doubt ? doubt : NULL, p};
	struct settled settled;
	struct err e = {0};
	int r = settle(&settled, p->settler, &job, &e);
	struct outcome outcome = outcome_of(p, vs, &settled.ops);

	if (outcome.n_refused > 0 && !outcome.failed)
		r = 0;
	p->status.n_operations += settled.ops.n_items;
	if (t->told || settled.ops.n_items > 0)
		note_changed(p, &t->place);
	if (t->unasked)
		count_repairs(p, &settled);
	if (settled.evicted)
		note_evicted(p, &t->place);
	if (r == 0)
		tasks_drop(p->taken_over, &t->place);
	if (r < 0 && (r != -EAGAIN || t->tries == TRIES)) {
		fail(p, t, &e);
	} else {
		/* That it holds all it takes is seen when there is nothing else to do. */
		p->agreed &=
			settled.ops.n_items == 0 || (outcome.n_refused > 0 && outcome.n_done == 0);
		if (r < 0)
			try_again(p, t);
	}
	ipvs_ops_done(&settled.ops);
}

static void settle_down(struct program *p)
{
	p->status.settled = true;
	if (p->repairing)
		log_info("kernel.repaired");
	p->repairing = false;
	p->ops.on_settled(p->ud, loop_clock());
}

static void finish(struct program *p)
{
	p->status.seen_all |= p->agreed;
	if (!p->status.seen_all && !p->look && !p->blindness[0])
		loop_timer_arm(p->look_timer, 0);
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
	if (p->status.seen_all && !p->status.settled)
		settle_down(p);
}

/* What others did to the table, when all of it is put right. */
static void report_repairs(struct program *p)
{
	const struct repairs r = p->repairs;

	p->repairs = (struct repairs){0};
	if (r.missing + r.stray + r.different > 0) {
		p->status.n_repairs++;
		p->repairing = true;
		log_warn("kernel.mismatch", LOG_STR("first", r.first),
			LOG_UINT("missing", r.missing), LOG_UINT("different", r.different),
			LOG_UINT("stray", r.stray), LOG_STR("next", "it is put right"));
	}
	if (r.unordered > 0)
		log_info("kernel.reordered", LOG_UINT("virtual_servers", r.unordered));
}

static void work(void *ud)
{
	struct program *p = ud;
	uint64_t begin = loop_clock();
	struct task t;

	if (!p->looked)
		return;
	while (loop_clock() - begin < PROGRAM_SLICE && tasks_take(&t, p->todo))
		do_task(p, &t);
	tell_changed(p);
	if (!tasks_empty(p->todo)) {
		loop_timer_arm(p->work_timer, 0);
		return;
	}
	report_repairs(p);
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

static void on_evicted(void *ud)
{
	struct program *p = ud;
	struct place at;

	while (evictions_take(&at, p->evictions, loop_clock()))
		task_for(p, &at)->reorder = true;
	await_evicted(p);
	work(p);
}

static void on_overdue(void *ud, const struct place *place)
{
	struct program *p = ud;

	task_for(p, place);
	loop_timer_arm(p->work_timer, 0);
}

void program_checks_begin(struct program *p)
{
	checks_begin(p->checks);
}

void program_checks_end(struct program *p)
{
	checks_end(p->checks);
}

void program_health(struct program *p, const struct place *place, const struct ipaddr *addr,
	uint16_t port, bool up)
{
	checks_told(p->checks, place, addr, port, up);
	program_check(p, place);
}

/* What is already known to need something is no news. */
static void on_wrong(struct program *p, const struct place *place)
{
	bool is_known = tasks_find(p->todo, place) || tasks_find(p->failed, place);
	struct task *task = task_for(p, place);

	task->reorder = true;
	if (is_known)
		return;
	task->doubt = true;
	task->unasked = p->looked;
}

static void end_look(struct program *p)
{
	p->look = look_free(p->look);
	loop_timer_arm(p->look_timer, PROGRAM_LOOK);
}

/* The pod is not ready until one look has worked. */
static void fail_look(struct program *p, const struct err *e)
{
	uint64_t delay = backoff_next(&p->looks, 0);

	if (p->status.seen_all)
		delay = PROGRAM_LOOK;
	if (strcmp(p->blindness, e->msg) != 0)
		log_error("ipvs.read_failed", LOG_ERR(e),
			LOG_STR("next", "it is tried again, every 10 s in the end"));
	memcpy(p->blindness, e->msg, sizeof p->blindness);
	end_look(p);
	loop_timer_arm(p->look_timer, delay);
}

static void note_read(struct program *p)
{
	if (p->blindness[0])
		log_info("ipvs.readable");
	p->blindness[0] = '\0';
	p->looks.last = 0;
}

static void on_looked(void *ud, int result, const struct look_found *found, const struct err *e)
{
	struct program *p = ud;

	if (result < 0) {
		fail_look(p, e);
		return;
	}
	note_read(p);
	for (size_t i = 0; i < found->n_places; i++)
		on_wrong(p, &found->places[i]);
	p->ops.on_tables(p->ud, &found->tables);
	end_look(p);
	p->looked = true;
	p->agreed = true;
	work(p);
}

static void start_look(struct program *p)
{
	const struct look_spec spec = {p->servers, p->n_servers,
		{rules_for, is_doubtful, reorder_is_possible(), reorder_ends_connections()}, p};
	struct err e = {0};

	p->agreed = false;
	loop_timer_arm(p->look_timer, LOOK_MAX);
	checks_forget_unwanted(p->checks);
	if (look_start(&p->look, p->loop, &spec, on_looked, p, &e) < 0)
		fail_look(p, &e);
}

static void on_look_time(void *ud)
{
	struct program *p = ud;
	struct err e = {0};

	if (!p->look) {
		start_look(p);
		return;
	}
	err_set(&e, ETIMEDOUT, "reading all of IPVS took longer than %d s", LOOK_MAX / 1000000);
	fail_look(p, &e);
}

static bool same_service(const struct virtual_server *a, const struct virtual_server *b)
{
	return strcmp(a->ns, b->ns) == 0 && strcmp(a->name, b->name) == 0;
}

static void note_difference(
	void *ud, const struct virtual_server *old, const struct virtual_server *new)
{
	const struct place at = virtual_server_place(new ? new : old);
	struct program *p = ud;
	struct task *task = task_for(p, &at);

	task->unasked = false;
	task->doubt = !p->looked;
	if (old && new && !same_service(old, new))
		tasks_at(p->taken_over, &at);
}

void program_want(struct program *p, const struct virtual_server *const servers[], size_t n)
{
	const struct virtual_server *const *old = p->servers;
	size_t n_old = p->n_servers;

	p->servers = servers;
	p->n_servers = n;
	if (!p->decided) {
		p->decided = true;
		start_look(p);
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
		{&p->look_timer, on_look_time},
		{&p->evicted_timer, on_evicted},
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof timers / sizeof timers[0]; i++)
		r = loop_timer_new(timers[i].timer, p->loop, timers[i].on_time, p, e);
	return r;
}

int program_new(struct program **ret, sd_event *loop, struct ipvs *ipvs,
	const struct program_ops *ops, void *ud, struct err *e)
{
	static const struct checks_ops checks_ops = {wanted, on_overdue};
	CLEANUP(program_freep) struct program *p = xnew0(struct program);
	int r;

	p->loop = sd_event_ref(loop);
	p->ops = *ops;
	p->ud = ud;
	p->todo = tasks_new();
	p->failed = tasks_new();
	p->evictions = evictions_new();
	p->taken_over = tasks_new();
	p->backoff = (struct backoff){.min = RETRY_MIN, .max = RETRY_MAX};
	p->looks = (struct backoff){.min = RETRY_MIN, .max = PROGRAM_LOOK};
	r = create_timers(p, e);
	if (r >= 0)
		r = checks_new(&p->checks, loop, &checks_ops, p, e);
	if (r >= 0)
		r = settler_new(&p->settler, ipvs, e);
	if (r < 0)
		return r;
	*ret = steal(p);
	return 0;
}

struct program *program_free(struct program *p)
{
	if (!p)
		return NULL;
	look_free(p->look);
	tasks_free(p->todo);
	tasks_free(p->failed);
	evictions_free(p->evictions);
	tasks_free(p->taken_over);
	checks_free(p->checks);
	settler_free(p->settler);
	sd_event_source_disable_unref(p->work_timer);
	sd_event_source_disable_unref(p->retry_timer);
	sd_event_source_disable_unref(p->look_timer);
	sd_event_source_disable_unref(p->evicted_timer);
	sd_event_unref(p->loop);
	free(p);
	return NULL;
}

struct program_status program_status(const struct program *p)
{
	struct program_status status = p->status;

	status.trouble = p->trouble;
	status.n_down = checks_n_down(p->checks);
	return status;
}
