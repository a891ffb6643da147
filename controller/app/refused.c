/* SPDX-License-Identifier: Apache-2.0 */
#include "app/refused.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "loop/backoff.h"
#include "loop/loop.h"
#include "objects/objects.h"

enum {
	AGAIN_MIN = 5 * 1000 * 1000, /* usec until the kernel is asked again */
	AGAIN_MAX = 10 * 60 * 1000 * 1000,
	AGAIN_TRIES = 256, /* that it is asked of at a time, in turn */
};

struct refused {
	sd_event_source *change_timer, *again_timer;
	struct store *store;
	struct ipvs *ipvs;
	struct refusals *known;
	struct backoff backoff;
	size_t first, n_seen; /* whose turn it is; of this time */
	void (*on_change)(void *ud);
	void *ud;
};

static void arm(struct refused *r)
{
	loop_timer_arm(r->again_timer, backoff_next(&r->backoff, 0));
}

/* A new refusal is asked about soon, however long others have been known; one that comes again is
 * not. */
static void changed(struct refused *r, bool is_new)
{
	if (is_new)
		r->backoff.last = 0;
	if (is_new || !loop_timer_armed(r->again_timer))
		arm(r);
	loop_timer_arm(r->change_timer, 0);
}

static void note_scheduler(struct refused *r, const struct virtual_server *vs)
{
	if (!refusals_add_scheduler(r->known, vs->scheduler))
		return;
	log_warn("kernel.refused", LOG_STR("scheduler", scheduler_name(vs->scheduler)),
		LOG_STR("error", "the kernel has no module of this name"),
		LOG_STR("next", "another scheduler is in its place until it has"));
	store_touch(r->store);
	changed(r, true);
}

static void note_server(
	struct refused *r, const struct virtual_server *vs, const struct ipvs_op *op)
{
	struct refusal_of what = {.place = virtual_server_place(vs)};
	CLEANUP_FREE char *service = xasprintf("%s/%s", vs->ns, vs->name);
	char text[IPVS_OP_TEXT];
	struct objname id;
	bool is_new;

	if (op->kind == IPVS_ADD_DEST) {
		what.addr = op->dest.addr;
		what.port = op->dest.port;
	}
	is_new = !refusals_is_tried(r->known, &what);
	objname_init(&id, vs->ns, vs->name);
	if (refusals_add(r->known, &what, &id, -op->result)) {
		log_warn("kernel.refused", LOG_STR("service", service),
			LOG_STR("what", ipvs_op_format(text, op)),
			LOG_STR("error", strerror(-op->result)),
			LOG_STR("next", "it is left out until the kernel takes it"));
		store_touch_service(r->store, &id);
		changed(r, is_new);
	}
	objname_done(&id);
}

void refused_note(struct refused *r, const struct virtual_server *vs, const struct ipvs_op *op)
{
	if (op->kind == IPVS_EDIT_SERVICE && op->result == -ENOENT)
		note_scheduler(r, vs);
	else
		note_server(r, vs, op);
}

static bool has_address(const struct service *s, const struct ipaddr *addr)
{
	for (const struct slice *one = store_slices(s); one; one = one->next)
		for (size_t i = 0; i < one->n_endpoints; i++)
			if (ipaddr_equal(&one->endpoints[i].addr, addr))
				return true;
	return false;
}

static bool is_its_turn(struct refused *r)
{
	size_t n = refusals_count(r->known);

	return (r->n_seen++ + n - r->first % n) % n < AGAIN_TRIES;
}

/* Whether the kernel takes it now. A virtual server cannot be tried but by having it. */
static bool is_taken(struct refused *r, const struct refusal_of *what)
{
	struct err e = {0};

	if (!what->addr.family)
		return true;
	return ipvs_try_real(r->ipvs, &what->addr, &e) >= 0;
}

static enum refusal_end judge(
	void *ud, const struct refusal_of *what, const struct objname *service)
{
	struct refused *r = ud;
	const struct service *s = store_find(r->store, service->ns, service->name);

	if (!s || (what->addr.family && !has_address(s, &what->addr)))
		return REFUSAL_OVER;
	if (!is_its_turn(r) || !is_taken(r, what))
		return REFUSAL_STAYS;
	store_touch_service(r->store, service);
	loop_timer_arm(r->change_timer, 0);
	return REFUSAL_TRIED;
}

static void try_schedulers(struct refused *r)
{
	struct err e = {0};

	for (unsigned s = SCHEDULER_RR; s <= SCHEDULER_MH; s++) {
		const char *name = scheduler_name((enum scheduler)s);

		if (!refusals_scheduler(r->known, (enum scheduler)s) ||
			ipvs_try(r->ipvs, AF_INET, name, &e) < 0)
			continue;
		log_info("kernel.accepted", LOG_STR("scheduler", name));
		refusals_drop_scheduler(r->known, (enum scheduler)s);
		store_touch(r->store);
		loop_timer_arm(r->change_timer, 0);
	}
}

static void on_again(void *ud)
{
	struct refused *r = ud;

	r->n_seen = 0;
	/* What is taken now was refused for what has changed: others may be taken, too. */
	if (refusals_sift(r->known, judge, r) > 0)
		r->backoff.last = 0;
	r->first += AGAIN_TRIES;
	try_schedulers(r);
	if (!refusals_empty(r->known))
		arm(r);
}

static void on_change_time(void *ud)
{
	struct refused *r = ud;

	r->on_change(r->ud);
}

int refused_new(struct refused **ret, sd_event *loop, struct store *store, struct ipvs *ipvs,
	void (*on_change)(void *ud), void *ud, struct err *e)
{
	CLEANUP(refused_freep) struct refused *r = xnew0(struct refused);
	int result = loop_timer_new(&r->change_timer, loop, on_change_time, r, e);

	if (result >= 0)
		result = loop_timer_new(&r->again_timer, loop, on_again, r, e);
	if (result < 0)
		return result;
	r->store = store;
	r->ipvs = ipvs;
	r->known = refusals_new();
	r->backoff = (struct backoff){.min = AGAIN_MIN, .max = AGAIN_MAX};
	r->on_change = on_change;
	r->ud = ud;
	*ret = steal(r);
	return 0;
}

struct refused *refused_free(struct refused *r)
{
	if (!r)
		return NULL;
	sd_event_source_disable_unref(r->change_timer);
	sd_event_source_disable_unref(r->again_timer);
	refusals_free(r->known);
	free(r);
	return NULL;
}

const struct refusals *refused_known(const struct refused *r)
{
	return r ? r->known : NULL;
}
