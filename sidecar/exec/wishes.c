/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/wishes.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/sorted.h"
#include "base/str.h"
#include "loop/backoff.h"

enum { N_FAMILIES = 2, RETRY_MIN = 1000 * 1000, RETRY_MAX = 60 * 1000 * 1000 };

/* What is called for one after the other. */
struct task {
	bool running;
	uint64_t due; /* not before */
	struct backoff backoff;
	char *error; /* of the last call; NULL: it did not fail, or there was none */
};

struct vip_wish {
	struct ipnet net;
	bool wanted;
	bool spared; /* it is not wanted, but others of our node serve it */
	enum { ABSENT, PRESENT, UNKNOWN } known; /* UNKNOWN: a call has begun, or has failed */
	struct task task;
};

struct family_wish {
	int family;
	bool exists;
	bool synced;
	struct prefixes told; /* by the call that runs */
	struct task task;
};

struct wishes {
	struct vip_wish *items; /* sorted by prefix */
	size_t n_items;
	struct family_wish families[N_FAMILIES];
	struct prefixes heard;
	struct prefixes others; /* that other pods of our node serve */
	bool begun;
	size_t n_running, n_retries; /* calls; and those of what failed before */
};

static struct task task_new(uint64_t due)
{
	return (struct task){.due = due, .backoff = {RETRY_MIN, RETRY_MAX, 0}};
}

static void task_done(struct task *t)
{
	free(t->error);
}

struct wishes *wishes_new(bool has_ipv4, bool has_ipv6)
{
	struct wishes *w = xnew0(struct wishes);

	w->families[0] =
		(struct family_wish){.family = AF_INET, .exists = has_ipv4, .task = task_new(0)};
	w->families[1] =
		(struct family_wish){.family = AF_INET6, .exists = has_ipv6, .task = task_new(0)};
	return w;
}

struct wishes *wishes_free(struct wishes *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < w->n_items; i++)
		task_done(&w->items[i].task);
	free(w->items);
	for (size_t i = 0; i < N_FAMILIES; i++) {
		task_done(&w->families[i].task);
		prefixes_done(&w->families[i].told);
	}
	prefixes_done(&w->heard);
	prefixes_done(&w->others);
	free(w);
	return NULL;
}

static size_t place_of(int family)
{
	return family == AF_INET ? 0 : 1;
}

static int cmp_net(const void *key, const void *item)
{
	return ipnet_cmp(key, &((const struct vip_wish *)item)->net);
}

/* NULL if there is none. */
static struct vip_wish *find(const struct wishes *w, const struct ipnet *net)
{
	size_t i = sorted_place(net, w->items, w->n_items, sizeof *w->items, cmp_net);

	return i < w->n_items && ipnet_cmp(&w->items[i].net, net) == 0 ? &w->items[i] : NULL;
}

/* Something else than before is wished, so it need not wait for what failed. */
static void set_wanted(struct vip_wish *v, bool wanted, uint64_t now)
{
	if (v->wanted == wanted)
		return;
	v->wanted = wanted;
	v->task.due = now;
}

/* The network does not know of it, nor is anybody telling it. */
static bool is_over(const struct wishes *w, const struct vip_wish *v)
{
	const struct family_wish *f = &w->families[place_of(v->net.addr.family)];

	return !v->wanted && v->known == ABSENT && !v->task.running &&
	       !(f->task.running && prefixes_has(&f->told, &v->net));
}

/* In their order, so that they stay sorted. */
static void drop_over(struct wishes *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_items; i++)
		if (is_over(w, &w->items[i]))
			task_done(&w->items[i].task);
		else
			w->items[n++] = w->items[i];
	w->n_items = n;
}

static void spare_vip(struct wishes *w, struct vip_wish *v, uint64_t now)
{
	bool spared = !v->wanted && !v->task.running && v->known != ABSENT &&
		      prefixes_has(&w->others, &v->net);

	if (spared) {
		v->known = UNKNOWN;
		prefixes_remove(&w->heard, &v->net);
	} else if (v->spared) {
		v->task.due = now;
	}
	v->spared = spared;
}

/* After each change. */
static void settle(struct wishes *w, uint64_t now)
{
	for (size_t i = 0; i < w->n_items; i++)
		spare_vip(w, &w->items[i], now);
	drop_over(w);
}

void wishes_spare(struct wishes *w, const struct prefixes *others, uint64_t now)
{
	CLEANUP_PREFIXES struct prefixes before = w->others;

	w->others = (struct prefixes){0};
	for (size_t i = 0; i < others->n_items; i++)
		if (others->items[i].len == ipaddr_bits(&others->items[i].addr))
			prefixes_add(&w->others, &others->items[i]);
	if (!prefixes_equal(&before, &w->others))
		settle(w, now);
}

static bool exists(const struct wishes *w, const struct ipnet *net)
{
	return w->families[place_of(net->addr.family)].exists;
}

/* Which comes first, or the same; what is at an end comes last. */
static int order_of(const struct wishes *w, size_t i, const struct prefixes *wanted, size_t k)
{
	if (i == w->n_items)
		return 1;
	return k == wanted->n_items ? -1 : ipnet_cmp(&w->items[i].net, &wanted->items[k]);
}

/* Both are sorted, so this goes through each of them once. */
void wishes_want(struct wishes *w, const struct prefixes *wanted, uint64_t now)
{
	struct vip_wish *all = xcalloc(w->n_items + wanted->n_items, sizeof *all);
	size_t n = 0, i = 0, k = 0;

	while (i < w->n_items || k < wanted->n_items) {
		int order = order_of(w, i, wanted, k);

		if (order > 0)
			all[n] = (struct vip_wish){.net = wanted->items[k], .task = task_new(now)};
		else
			all[n] = w->items[i++];
		k += order >= 0;
		set_wanted(&all[n], order >= 0, now);
		n += order <= 0 || exists(w, &all[n].net);
	}
	free(w->items);
	w->items = all;
	w->n_items = n;
	settle(w, now);
}

void wishes_begin(struct wishes *w)
{
	w->begun = true;
}

bool wishes_begun(const struct wishes *w)
{
	return w->begun;
}

static bool is_met(const struct vip_wish *v)
{
	return v->spared || v->known == (v->wanted ? PRESENT : ABSENT);
}

/* It would be called for, were it its time and were there room. */
static bool vip_waits(const struct wishes *w, const struct vip_wish *v)
{
	return !v->task.running && !is_met(v) && w->families[place_of(v->net.addr.family)].synced;
}

static bool family_waits(const struct wishes *w, const struct family_wish *f)
{
	return w->begun && f->exists && !f->synced && !f->task.running;
}

static bool has_room(const struct wishes *w, const struct task *t)
{
	return w->n_running < LIMIT_EXEC_CALLS && (!t->error || w->n_retries < LIMIT_EXEC_RETRIES);
}

static bool comes_first(const struct wishes *w, const struct task *t, const struct task *best)
{
	return has_room(w, t) && (!best || t->due < best->due);
}

/* What is due the longest, of those that have room; NULL: none waits. */
static struct task *first_task(
	struct wishes *w, struct vip_wish **ret_vip, struct family_wish **ret_family)
{
	struct task *best = NULL;

	*ret_vip = NULL;
	*ret_family = NULL;
	for (struct family_wish *f = w->families; f < w->families + N_FAMILIES; f++)
		if (family_waits(w, f) && comes_first(w, &f->task, best)) {
			*ret_family = f;
			best = &f->task;
		}
	for (struct vip_wish *v = w->items; v < w->items + w->n_items; v++)
		if (vip_waits(w, v) && comes_first(w, &v->task, best)) {
			*ret_vip = v;
			*ret_family = NULL;
			best = &v->task;
		}
	return best;
}

static struct wish_call begin_vip(struct wishes *w, struct vip_wish *v)
{
	v->known = UNKNOWN;
	prefixes_remove(&w->heard, &v->net);
	return (struct wish_call){v->wanted ? WISH_ADD : WISH_REMOVE, v->net.addr.family, v->net};
}

static struct wish_call begin_family(const struct wishes *w, struct family_wish *f)
{
	prefixes_done(&f->told);
	f->told = wishes_told(w, f->family);
	return (struct wish_call){.kind = WISH_SYNC, .family = f->family};
}

bool wishes_next(struct wishes *w, struct wish_call *ret, uint64_t now)
{
	struct vip_wish *vip;
	struct family_wish *family;
	struct task *task = first_task(w, &vip, &family);

	if (!task || task->due > now)
		return false;
	*ret = vip ? begin_vip(w, vip) : begin_family(w, family);
	task->running = true;
	w->n_running++;
	w->n_retries += task->error != NULL;
	return true;
}

struct prefixes wishes_told(const struct wishes *w, int family)
{
	struct prefixes told = {0};

	for (size_t i = 0; i < w->n_items; i++)
		if (w->items[i].wanted && w->items[i].net.addr.family == family)
			prefixes_add(&told, &w->items[i].net);
	return told;
}

struct prefixes wishes_left(const struct wishes *w, int family)
{
	CLEANUP_PREFIXES struct prefixes told = wishes_told(w, family);
	CLEANUP_PREFIXES struct prefixes left = prefixes_minus(&w->others, &told, SIZE_MAX);
	struct prefixes ret = {0};

	for (size_t i = 0; i < left.n_items; i++)
		if (left.items[i].addr.family == family)
			prefixes_add(&ret, &left.items[i]);
	return ret;
}

static void end_task(struct wishes *w, struct task *t, const char *error, uint64_t now)
{
	w->n_running--;
	w->n_retries -= t->error != NULL;
	t->running = false;
	free(t->error);
	t->error = error ? xstrdup(error) : NULL;
	if (!error)
		t->backoff.last = 0;
	t->due = error ? now + backoff_next(&t->backoff, 0) : now;
}

/* All that an earlier process has left is gone, too. */
static void end_family(struct wishes *w, struct family_wish *f, bool done)
{
	f->synced = done;
	for (size_t i = 0; done && i < f->told.n_items; i++) {
		struct vip_wish *v = find(w, &f->told.items[i]);

		if (!v)
			continue;
		v->known = PRESENT;
		prefixes_add(&w->heard, &v->net);
	}
}

static void end_vip(struct wishes *w, struct vip_wish *v, enum wish_kind kind)
{
	v->known = kind == WISH_ADD ? PRESENT : ABSENT;
	if (kind == WISH_ADD)
		prefixes_add(&w->heard, &v->net);
}

bool wishes_end(struct wishes *w, const struct wish_call *call, const char *error, uint64_t now)
{
	struct family_wish *f = &w->families[place_of(call->family)];
	struct vip_wish *v = call->kind == WISH_SYNC ? NULL : find(w, &call->vip);
	bool is_news = !str_equal(v ? v->task.error : f->task.error, error);

	end_task(w, v ? &v->task : &f->task, error, now);
	if (!v)
		end_family(w, f, !error);
	else if (!error)
		end_vip(w, v, call->kind);
	/* What has failed is not what is wished now. */
	if (v && v->wanted != (call->kind == WISH_ADD))
		v->task.due = now;
	settle(w, now);
	return is_news;
}

static uint64_t sooner(uint64_t due, const struct task *t)
{
	return t->due < due ? t->due : due;
}

uint64_t wishes_wait(const struct wishes *w, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < N_FAMILIES; i++)
		if (family_waits(w, &w->families[i]) && has_room(w, &w->families[i].task))
			due = sooner(due, &w->families[i].task);
	for (size_t i = 0; i < w->n_items; i++)
		if (vip_waits(w, &w->items[i]) && has_room(w, &w->items[i].task))
			due = sooner(due, &w->items[i].task);
	if (due == UINT64_MAX)
		return due;
	return due > now ? due - now : 0;
}

const struct prefixes *wishes_heard(const struct wishes *w)
{
	return &w->heard;
}

bool wishes_are_heard(const struct wishes *w)
{
	for (size_t i = 0; i < w->n_items; i++)
		if (w->items[i].wanted != (w->items[i].known == PRESENT))
			return false;
	return true;
}

bool wishes_are_met(const struct wishes *w)
{
	return wishes_count(w).pending == 0;
}

static void count(struct wishes_count *c, const struct task *t, bool pending)
{
	c->pending += pending;
	c->failing += pending && t->error;
	if (pending && t->error && !c->error)
		c->error = t->error;
}

struct wishes_count wishes_count(const struct wishes *w)
{
	struct wishes_count c = {0};

	for (size_t i = 0; i < N_FAMILIES; i++) {
		const struct family_wish *f = &w->families[i];

		count(&c, &f->task, f->exists && !f->synced);
	}
	for (size_t i = 0; i < w->n_items; i++)
		count(&c, &w->items[i].task, !is_met(&w->items[i]));
	return c;
}

void wishes_each(const struct wishes *w,
	void (*tell)(void *ud, const struct ipnet *vip, bool wanted, bool heard, const char *error),
	void *ud)
{
	for (size_t i = 0; i < w->n_items; i++) {
		const struct vip_wish *v = &w->items[i];

		if (!v->spared)
			tell(ud, &v->net, v->wanted, v->known == PRESENT, v->task.error);
	}
}
