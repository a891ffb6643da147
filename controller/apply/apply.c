/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/apply.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "decide/fleet_diff.h"
#include "loop/loop.h"

struct apply {
	sd_event *loop;
	struct ruleset *ruleset; /* NULL, as is program: a file that is written is all we do */
	struct program *program;
	struct timeouts *timeouts; /* with `program` */
	struct upkeep *upkeep;
	struct apply_ops ops;
	void *ud;
	struct fleet *fleet;    /* the newest decision */
	uint64_t pending_since; /* of the oldest change that is not in the kernel; 0: none */
	/* The decision whose guards nft puts in place, or has; NULL: none. And the oldest change
	 * whose guards are not there, and the oldest after that decision; 0: none. */
	struct fleet *guarding;
	uint64_t unguarded_since, later_since;
	struct apply_status status;
};

DEFINE_CLEANUP(struct apply *, apply_free);

static void set_result(struct apply *a, const char *result, const char *error)
{
	a->status.last_result = result;
	snprintf(a->status.last_error, sizeof a->status.last_error, "%s", error);
	a->ops.on_status(a->ud);
}

/* What was decided is where it shall be, since `at`. */
static void count_applied(struct apply *a, const char *result, uint64_t at)
{
	struct apply_status *st = &a->status;
	uint64_t took = at > a->pending_since ? at - a->pending_since : 0;

	st->ready = true;
	if (a->pending_since == 0) {
		set_result(a, st->last_result, "");
		return;
	}
	a->pending_since = a->unguarded_since;
	st->n_applied++;
	st->last_applied_at = (uint64_t)loop_date();
	st->last_event_to_kernel = took;
	st->sum_event_to_kernel += took;
	log_info(a->program ? "kernel.applied" : "file.rendered",
		LOG_UINT("virtual_servers", a->fleet->n_servers),
		LOG_UINT("down", apply_status(a).down), LOG_MSEC("event_to_kernel_ms", took));
	set_result(a, result, "");
}

/* Everything is in the kernel that need not wait for guards. */
static void on_settled(void *ud, uint64_t at)
{
	struct apply *a = ud;
	const char *error = ruleset_error(a->ruleset);

	if (*error) {
		set_result(a, "mismatch", error);
		return;
	}
	if (a->unguarded_since && a->pending_since == a->unguarded_since) {
		a->ops.on_status(a->ud);
		return;
	}
	ruleset_prune(a->ruleset, fleet_servers(a->fleet), a->fleet->n_servers);
	count_applied(a, "applied", at);
}

static void on_trouble(void *ud)
{
	struct apply *a = ud;

	set_result(a, "mismatch", program_status(a->program).trouble);
}

static void on_changed(void *ud, const struct place places[], size_t n_places)
{
	const struct apply *a = ud;

	a->ops.on_changed(a->ud, places, n_places);
}

static void on_refused(void *ud, const struct virtual_server *vs, const struct ipvs_op *op)
{
	const struct apply *a = ud;

	a->ops.on_refused(a->ud, vs, op);
}

/* All of the kernel was looked at; so is nftables. */
static void on_tables(void *ud, const struct sketch *tables)
{
	const struct apply *a = ud;

	ruleset_check(a->ruleset);
	a->ops.on_tables(a->ud, tables);
}

static bool may_add(void *ud, const struct virtual_server *vs)
{
	const struct apply *a = ud;

	return ruleset_covers(a->ruleset, vs);
}

static bool is_spare(void *ud, const struct virtual_server *vs, const struct ipvs_dest *dest)
{
	const struct apply *a = ud;

	return upkeep_is_spare(a->upkeep, vs, &dest->addr, dest->port);
}

static bool is_guarded(const struct apply *a, const struct fleet *fleet)
{
	bool is = true;

	if (!a->ruleset || !ruleset_is_behind(a->ruleset))
		return true;
	for (size_t i = 0; is && i < fleet->n_servers; i++)
		is = ruleset_covers(a->ruleset, fleet->servers[i]);
	return is;
}

static void replace_fleet(struct fleet **fleet, struct fleet *with)
{
	fleet_unref(*fleet);
	*fleet = fleet_ref(with);
}

/*
 * keepalived would add what we must not add yet, so it gets the newest decision that is guarded:
 * who changes faster than nft takes it keeps nobody else waiting.
 */
static void tell_keepalived(struct apply *a)
{
	if (is_guarded(a, a->fleet))
		replace_fleet(&a->guarding, a->fleet);
	if (is_guarded(a, a->guarding))
		upkeep_want(a->upkeep, a->guarding);
}

/* nft goes on with the newest decision, if there is anything to do. */
static void guard_newest(struct apply *a)
{
	replace_fleet(&a->guarding, a->fleet);
	a->later_since = 0;
}

/* The newest decision, of `at`, has come; nft began with it unless it was busy. */
static void note_unguarded(struct apply *a, uint64_t at, bool was_busy)
{
	if (!was_busy)
		guard_newest(a);
	else if (a->later_since == 0)
		a->later_since = at;
	if (!ruleset_is_behind(a->ruleset))
		a->unguarded_since = a->later_since = 0;
	else if (a->unguarded_since == 0)
		a->unguarded_since = at;
}

static void note_guarded(struct apply *a)
{
	a->unguarded_since = ruleset_is_behind(a->ruleset) ? a->later_since : 0;
	guard_newest(a);
}

static void check_guarded(struct apply *a)
{
	for (size_t i = 0; i < a->fleet->n_servers; i++) {
		const struct place at = virtual_server_place(a->fleet->servers[i]);

		if (ruleset_has_come(a->ruleset, a->fleet->servers[i]))
			program_check(a->program, &at);
	}
}

/* What had to wait for the guards may be added now. */
static void on_guards(void *ud)
{
	struct apply *a = ud;

	if (!a->fleet)
		return;
	tell_keepalived(a);
	check_guarded(a);
	if (*ruleset_error(a->ruleset)) {
		set_result(a, "mismatch", ruleset_error(a->ruleset));
		return;
	}
	note_guarded(a);
	if (program_status(a->program).settled)
		on_settled(a, loop_clock());
}

static void on_health(
	void *ud, const struct place *place, const struct ipaddr *addr, uint16_t port, bool up)
{
	struct apply *a = ud;

	program_health(a->program, place, addr, port, up);
}

static void on_touched(void *ud, const struct place *place)
{
	const struct apply *a = ud;

	if (a->program)
		program_check(a->program, place);
}

static void on_checks(void *ud, bool are_made)
{
	struct apply *a = ud;

	if (are_made)
		program_checks_begin(a->program);
	else
		program_checks_end(a->program);
}

static void on_upkeep(void *ud)
{
	struct apply *a = ud;
	struct upkeep_status status;

	/* It says so while it is made, too. */
	if (!a->upkeep)
		return;
	status = upkeep_status(a->upkeep);
	if (!a->program && a->fleet && status.is_idle && !*status.unknown && !*status.refusal)
		count_applied(a, "rendered", loop_clock());
	a->ops.on_status(a->ud);
}

static bool same_servers(const struct fleet *a, const struct fleet *b)
{
	const struct fleet_diff d = fleet_diff(
		fleet_servers(a), a->n_servers, fleet_servers(b), b->n_servers, NULL, NULL);

	return fleet_diff_empty(&d);
}

static void guard(struct apply *a, uint64_t at)
{
	bool was_busy = a->guarding && ruleset_is_behind(a->ruleset);

	ruleset_guard(a->ruleset, fleet_servers(a->fleet), a->fleet->n_servers);
	note_unguarded(a, at, was_busy);
}

void apply_submit(struct apply *a, struct fleet *fleet, uint64_t event_time)
{
	CLEANUP(fleet_unrefp) struct fleet *old = a->fleet;
	uint64_t at = event_time ? event_time : loop_now(a->loop);
	bool same;

	a->fleet = fleet;
	if (a->ruleset)
		guard(a, at);
	same = old && same_servers(old, a->fleet) && a->pending_since == 0 &&
	       !(a->ruleset && ruleset_is_behind(a->ruleset));
	if (!same && a->pending_since == 0)
		a->pending_since = at;
	if (a->program)
		program_want(a->program, fleet_servers(a->fleet), a->fleet->n_servers);
	if (same) {
		a->status.n_unchanged++;
		if (!a->program || program_status(a->program).settled)
			set_result(a, "unchanged", "");
	}
	tell_keepalived(a);
}

static struct ipvs_timeouts wanted_timeouts(const struct config *config)
{
	const uint64_t second = 1000 * 1000;

	return (struct ipvs_timeouts){
		.tcp = (uint32_t)(config->ipvs.timeouts.tcp / second),
		.tcp_fin = (uint32_t)(config->ipvs.timeouts.tcp_fin / second),
		.udp = (uint32_t)(config->ipvs.timeouts.udp / second),
	};
}

void apply_configure(struct apply *a, const struct config *config)
{
	const struct ipvs_timeouts timeouts = wanted_timeouts(config);

	if (a->timeouts)
		timeouts_want(a->timeouts, &timeouts);
}

static int make_parts(
	struct apply *a, const struct config *config, struct ipvs *ipvs, struct err *e)
{
	static const struct upkeep_ops upkeep_ops = {on_health, on_touched, on_checks, on_upkeep};
	static const struct program_ops program_ops = {
		on_changed, on_settled, on_refused, on_tables, on_trouble, may_add, is_spare};
	const struct ipvs_timeouts timeouts = wanted_timeouts(config);
	int r = upkeep_new(&a->upkeep, a->loop, config, ipvs == NULL, &upkeep_ops, a, e);

	if (r >= 0 && ipvs)
		r = timeouts_new(&a->timeouts, a->loop, ipvs, &timeouts, e);
	if (r < 0 || !ipvs)
		return r;
	ruleset_on_guards(a->ruleset, on_guards, a);
	return program_new(&a->program, a->loop, ipvs, &program_ops, a, e);
}

int apply_new(struct apply **ret, sd_event *loop, const struct config *config, struct ipvs *ipvs,
	struct ruleset *ruleset, const struct apply_ops *ops, void *ud, struct err *e)
{
	CLEANUP(apply_freep) struct apply *a = xnew0(struct apply);
	int r;

	a->loop = sd_event_ref(loop);
	a->ruleset = ruleset;
	a->ops = *ops;
	a->ud = ud;
	a->status.last_result = "none";
	r = make_parts(a, config, ipvs, e);
	if (r < 0)
		return r;
	*ret = steal(a);
	return 0;
}

struct apply *apply_free(struct apply *a)
{
	if (!a)
		return NULL;
	upkeep_free(a->upkeep);
	program_free(a->program);
	timeouts_free(a->timeouts);
	fleet_unref(a->guarding);
	fleet_unref(a->fleet);
	sd_event_unref(a->loop);
	free(a);
	return NULL;
}

struct apply_status apply_status(const struct apply *a)
{
	struct apply_status status = a->status;

	status.keepalived = upkeep_status(a->upkeep);
	if (a->program) {
		const struct program_status p = program_status(a->program);

		status.ready = p.seen_all;
		status.settled = p.settled && a->pending_since == 0;
		status.n_mismatches = p.n_repairs;
		status.n_operations = p.n_operations;
		status.down = p.n_down;
		status.timeouts = timeouts_status(a->timeouts);
	} else {
		status.settled = a->pending_since == 0;
	}
	return status;
}

struct fleet *apply_newest(const struct apply *a)
{
	return a->fleet;
}

bool apply_lacks_keepalived(const struct apply *a)
{
	return upkeep_lacks_keepalived(a->upkeep);
}

const char *apply_complaint(const struct apply *a, const struct virtual_server *vs)
{
	return upkeep_complaint(a->upkeep, vs);
}
