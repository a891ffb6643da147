/* SPDX-License-Identifier: Apache-2.0 */
#include "address/allocation.h"

#include <stdlib.h>
#include <string.h>

#include "address/grants.h"
#include "address/handover.h"
#include "address/holders.h"
#include "address/promises.h"
#include "base/sorted.h"
#include "objects/objects.h"

enum {
	ROUNDS = 32,      /* of moves that wait for each other; the next allocation goes on */
	TOUCHED_MAX = 256 /* Services; with more all is decided anew */
};

struct allocation {
	const struct store *store;
	const struct fleet_rules *rules;
	struct assignment **items; /* sorted by namespace and name */
	size_t n_items, n_waiting;
	struct grants *grants; /* of all items; NULL: nothing was decided yet */
	struct handover *handover;
	struct promises *promises;
	struct objname *touched;
	size_t n_touched;
	bool all;   /* are touched */
	bool again; /* all is decided anew the next time: more may be given then */
};

struct allocation *allocation_new(const struct store *s, const struct fleet_rules *rules)
{
	struct allocation *a = xnew0(struct allocation);

	a->store = s;
	a->rules = rules;
	a->promises = promises_new();
	a->all = true;
	return a;
}

static void forget_touched(struct allocation *a)
{
	for (size_t i = 0; i < a->n_touched; i++)
		objname_done(&a->touched[i]);
	free(a->touched);
	a->touched = NULL;
	a->n_touched = 0;
}

static void free_items(struct assignment *items[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		assignment_free(items[i]);
	free(items);
}

static void forget(struct allocation *a)
{
	a->grants = grants_free(a->grants);
	a->handover = handover_free(a->handover);
	free_items(a->items, a->n_items);
	a->items = NULL;
	a->n_items = a->n_waiting = 0;
}

struct allocation *allocation_free(struct allocation *a)
{
	if (!a)
		return NULL;
	forget(a);
	forget_touched(a);
	promises_free(a->promises);
	free(a);
	return NULL;
}

void allocation_touch(struct allocation *a, const struct objname *service)
{
	if (a->all)
		return;
	if (a->n_touched == TOUCHED_MAX) {
		a->again = true;
		return;
	}
	if (!a->touched)
		a->touched = xcalloc(TOUCHED_MAX, sizeof *a->touched);
	objname_init(&a->touched[a->n_touched++], service->ns, service->name);
}

void allocation_touch_all(struct allocation *a)
{
	forget(a);
	a->all = true;
}

bool allocation_is_settled(const struct allocation *a)
{
	return !a->all && a->n_touched == 0;
}

static int cmp_item(const void *key, const void *item)
{
	const struct assignment *const *a = item;

	return objname_cmp(key, &(*a)->service->id);
}

static size_t place_of(const struct allocation *a, const struct objname *id)
{
	return sorted_place(id, a->items, a->n_items, sizeof(struct assignment *), cmp_item);
}

static struct assignment *find(const struct allocation *a, const struct objname *id)
{
	size_t i = place_of(a, id);

	return i < a->n_items && objname_cmp(&a->items[i]->service->id, id) == 0 ? a->items[i]
										 : NULL;
}

static int by_seniority(const void *pa, const void *pb)
{
	const struct assignment *const *a = pa, *const *b = pb;

	return service_cmp_seniority((*a)->service, (*b)->service);
}

/* Who keeps what it has before whom: one that is wrong takes nothing from one that is not. */
static int rank_of(const struct service *s)
{
	return !s->reason ? 0 : holders_is_unread(s) ? 2 : 1;
}

/* Everyone keeps what its status says or will say, if it may have it and no senior has it. False:
 * somebody could not. */
static bool keep_held(struct allocation *a, struct assignment *const queue[], size_t n)
{
	bool all = true;

	for (int rank = 0; rank <= 2; rank++)
		for (size_t i = 0; i < n; i++) {
			const struct ipaddr *vips;
			size_t n_vips;

			if (rank_of(queue[i]->service) != rank)
				continue;
			n_vips = promises_held(&vips, a->promises, queue[i]->service);
			if (!grants_keep(a->grants, queue[i], vips, n_vips))
				all = false;
		}
	return all;
}

/* Those that are wrong ask for nothing. */
static void set_aside_wrong(struct assignment *queue[], size_t *n)
{
	size_t n_right = 0;

	for (size_t i = 0; i < *n; i++) {
		const struct service *s = queue[i]->service;

		if (s->reason)
			assignment_refuse(queue[i], s->reason, xstrdup(s->message));
		else
			queue[n_right++] = queue[i];
		/* What an unread one may share changes with those beside it. */
		queue[i]->waits = holders_is_unread(s) && queue[i]->n_vips > 0;
	}
	*n = n_right;
}

/* Those that name addresses come before those that take any. Who waits stays in the queue. */
static void give_round(struct allocation *a, struct assignment *queue[], size_t *n)
{
	size_t n_waiting = 0;

	for (int any = 0; any <= 1; any++)
		for (size_t i = 0; i < *n; i++) {
			enum grant grant;

			if ((queue[i]->service->wish.n_vips == 0) != any)
				continue;
			grant = grants_give(a->grants, queue[i]);
			queue[i]->waits = grant == GRANT_WAITS;
			a->again |= grant == GRANT_LATER;
		}
	for (size_t i = 0; i < *n; i++)
		if (queue[i]->waits)
			queue[n_waiting++] = queue[i];
	*n = n_waiting;
}

/* What became of those that were decided on. */
struct result {
	bool kept;  /* what they had, as far as pools allow it: nobody else has it */
	bool moved; /* something that they had, or have now */
};

/* Decides on these after all others. */
static struct result decide(struct allocation *a, struct assignment *const items[], size_t n_items)
{
	CLEANUP_FREE struct assignment **queue = xcalloc(n_items, sizeof(struct assignment *));
	struct result result = {0};
	size_t n = n_items;
	bool moved = true;

	if (n_items)
		memcpy(queue, items, n_items * sizeof(struct assignment *));
	qsort(queue, n, sizeof(struct assignment *), by_seniority);
	result.kept = keep_held(a, queue, n);
	set_aside_wrong(queue, &n);
	grants_moved(a->grants);
	for (int round = 0; round < ROUNDS && moved && n; round++) {
		give_round(a, queue, &n);
		moved = grants_moved(a->grants);
		result.moved |= moved;
	}
	a->again |= moved && n;
	for (size_t i = 0; i < n_items; i++)
		grants_name_pool(a->grants, items[i]);
	return result;
}

static void enter(struct allocation *a, const struct assignment *one)
{
	handover_add(a->handover, one);
	promises_make(a->promises, one->service, one->vips, one->n_vips);
	a->n_waiting += one->waits;
}

static void leave(struct allocation *a, const struct assignment *one)
{
	handover_remove(a->handover, one);
	a->n_waiting -= one->waits;
}

/* Tells of those that differ from those before. */
static void compare(const struct allocation *a, struct assignment *const before[], size_t n_before,
	allocation_fn *on_changed, void *ud)
{
	size_t k = 0;

	for (size_t i = 0; i < a->n_items; i++) {
		const struct assignment *now = a->items[i];
		int order = -1;

		while (k < n_before &&
			(order = objname_cmp(&before[k]->service->id, &now->service->id)) < 0)
			k++;
		if (k == n_before || order != 0 || !assignment_equal(before[k], now))
			on_changed(ud, now);
	}
}

/* From nothing but what was held and promised. */
static void settle_all(struct allocation *a, allocation_fn *on_changed, void *ud)
{
	struct assignment **before = a->items;
	size_t n_before = a->n_items;
	CLEANUP_FREE const struct service **services =
		store_services(&a->n_items, a->store, a->rules);

	grants_free(a->grants);
	handover_free(a->handover);
	a->grants = grants_new(a->rules);
	a->handover = handover_new();
	a->again = false;
	a->n_waiting = 0;
	a->items = xcalloc(a->n_items, sizeof(struct assignment *));
	for (size_t i = 0; i < a->n_items; i++) {
		const struct objname *id = &services[i]->id;

		a->items[i] = assignment_new(store_find(a->store, id->ns, id->name));
	}
	decide(a, a->items, a->n_items);
	promises_begin(a->promises);
	for (size_t i = 0; i < a->n_items; i++)
		enter(a, a->items[i]);
	promises_sweep(a->promises);
	if (on_changed)
		compare(a, before, n_before, on_changed, ud);
	free_items(before, n_before);
}

/* A Service that was touched: what it had and what it has now. NULL: it is not of the fleet. */
struct change {
	const struct objname *id;
	struct assignment *before, *now;
};

static struct assignment *begin(const struct allocation *a, const struct objname *id)
{
	struct service *s = store_find(a->store, id->ns, id->name);

	return s && service_asks_for(s, a->rules) ? assignment_new(s) : NULL;
}

static int by_id(const void *a, const void *b)
{
	return objname_cmp(a, b);
}

/* The caller frees the array, and what is in `now` if it is not used. */
static struct change *begin_changes(size_t *ret_n, struct allocation *a)
{
	struct change *changes = xcalloc(a->n_touched, sizeof *changes);
	size_t n = 0;

	qsort(a->touched, a->n_touched, sizeof *a->touched, by_id);
	for (size_t i = 0; i < a->n_touched; i++) {
		const struct objname *id = &a->touched[i];

		if (i == 0 || objname_cmp(id, &a->touched[i - 1]) != 0)
			changes[n++] = (struct change){id, find(a, id), begin(a, id)};
	}
	*ret_n = n;
	return changes;
}

/* One that cannot be read comes after all others, whoever they are. */
static bool has_unread(const struct change changes[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].now && holders_is_unread(changes[i].now->service))
			return true;
	return false;
}

/* Whether others see no difference. */
static bool is_one_to_others(const struct change *c)
{
	const struct assignment *was = c->before, *is = c->now;

	if ((!was || was->n_vips == 0) && (!is || is->n_vips == 0))
		return true;
	return was && is && holders_alike(was->service, is->service) &&
	       ipaddrs_equal(was->vips, was->n_vips, is->vips, is->n_vips);
}

/* Whether some that were not touched wait, perhaps for what has moved. */
static bool concern_others(
	const struct allocation *a, const struct change changes[], size_t n, bool moved)
{
	size_t n_others = a->n_waiting;

	for (size_t i = 0; i < n; i++) {
		n_others -= changes[i].before && changes[i].before->waits;
		moved |= !is_one_to_others(&changes[i]);
	}
	return moved && n_others > 0;
}

/* False: others may be concerned, too. */
static bool decide_changes(struct allocation *a, const struct change changes[], size_t n)
{
	CLEANUP_FREE struct assignment **items = xcalloc(n, sizeof(struct assignment *));
	struct result result;
	size_t n_items = 0;

	if (has_unread(changes, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (changes[i].before)
			grants_take_back(a->grants, changes[i].before);
		if (changes[i].now)
			items[n_items++] = changes[i].now;
	}
	result = decide(a, items, n_items);
	return result.kept && !concern_others(a, changes, n, result.moved);
}

/* Puts what it has now in the place of what it had. */
static void replace(struct allocation *a, const struct change *c)
{
	size_t i = place_of(a, c->id), n_gone = c->before != NULL, n_new = c->now != NULL;

	if (n_new > n_gone)
		a->items = xreallocarray(a->items, a->n_items + 1, sizeof(struct assignment *));
	memmove(a->items + i + n_new, a->items + i + n_gone,
		(a->n_items - i - n_gone) * sizeof(struct assignment *));
	if (c->now)
		a->items[i] = c->now;
	a->n_items += n_new - n_gone;
}

static void finish(
	struct allocation *a, const struct change *c, allocation_fn *on_changed, void *ud)
{
	if (c->before || c->now)
		replace(a, c);
	if (c->before)
		leave(a, c->before);
	if (c->now)
		enter(a, c->now);
	else
		promises_forget(a->promises, c->id);
	if (on_changed && c->now && (!c->before || !assignment_equal(c->before, c->now)))
		on_changed(ud, c->now);
	assignment_free(c->before);
}

/* False: nothing was done, for all has to be decided anew. */
static bool settle_touched(struct allocation *a, allocation_fn *on_changed, void *ud)
{
	size_t n;
	CLEANUP_FREE struct change *changes = begin_changes(&n, a);
	bool done = decide_changes(a, changes, n);

	for (size_t i = 0; i < n; i++)
		if (done)
			finish(a, &changes[i], on_changed, ud);
		else
			assignment_free(changes[i].now);
	return done;
}

void allocation_settle(struct allocation *a, allocation_fn *on_changed, void *ud)
{
	if (allocation_is_settled(a))
		return;
	if (a->all || a->again || !settle_touched(a, on_changed, ud))
		settle_all(a, on_changed, ud);
	a->all = false;
	forget_touched(a);
}

const struct assignment *const *allocation_items(const struct allocation *a, size_t *ret_n)
{
	const union {
		struct assignment *const *mine;
		const struct assignment *const *theirs;
	} items = {.mine = a->items};

	*ret_n = a->n_items;
	return items.theirs;
}

const struct assignment *allocation_find(
	const struct allocation *a, const char *ns, const char *name)
{
	const struct assignment *found;
	struct objname id;

	objname_init(&id, ns, name);
	found = find(a, &id);
	objname_done(&id);
	return found;
}

bool allocation_holds_up(const struct allocation *a, const struct assignment *one)
{
	return a->handover && handover_holds_up(a->handover, one);
}
