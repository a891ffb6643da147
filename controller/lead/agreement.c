/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/agreement.h"

#include <string.h>

#include "base/hash.h"

struct peer {
	struct agreement_peer told; /* first: agreement_next casts */
	UT_hash_handle hh;
	struct sketch sketch;
	bool has_sketch;
	char *pod;
};

struct agreement {
	struct peer *peers;
	struct sketch ours;
	bool has_ours;
};

struct agreement *agreement_new(void)
{
	return xnew0(struct agreement);
}

static void peer_free(struct agreement *a, struct peer *p)
{
	HASH_DEL(a->peers, p);
	free(p->pod);
	free(p);
}

struct agreement *agreement_free(struct agreement *a)
{
	struct peer *p, *next;

	if (!a)
		return NULL;
	HASH_ITER(hh, a->peers, p, next)
		peer_free(a, p);
	free(a);
	return NULL;
}

static struct peer *find(const struct agreement *a, const char *pod)
{
	struct peer *p;

	HASH_FIND_STR(a->peers, pod, p);
	return p;
}

static struct peer *find_or_add(struct agreement *a, const char *pod)
{
	struct peer *p = find(a, pod);

	if (p)
		return p;
	p = xnew0(struct peer);
	p->pod = xstrdup(pod);
	p->told.pod = p->pod;
	HASH_ADD_KEYPTR(hh, a->peers, p->pod, strlen(p->pod), p);
	return p;
}

static bool is_same(const struct agreement_difference *a, const struct agreement_difference *b)
{
	return a->n_values == b->n_values && memcmp(a->values, b->values, sizeof a->values) == 0;
}

/* `old` is NULL where there was none. */
static void age(
	struct agreement_difference *d, const struct agreement_difference *old, uint64_t now)
{
	bool same = old && is_same(old, d);

	d->since = same ? old->since : now;
	d->counts = (old && old->counts) || (same && now - old->since >= AGREEMENT_SETTLES);
}

static const struct agreement_difference *find_item(const struct agreement_peer *p, uint64_t key)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].key == key)
			return &p->items[i];
	return NULL;
}

/* Entries of one key follow each other. */
static void group(struct agreement_peer *p, const struct sketch_entry entries[], size_t n_entries)
{
	for (size_t i = 0; i < n_entries; i++) {
		struct agreement_difference *d = p->n_items ? &p->items[p->n_items - 1] : NULL;

		if (!d || d->key != entries[i].key || d->n_values == 2) {
			d = &p->items[p->n_items++];
			*d = (struct agreement_difference){.key = entries[i].key};
		}
		d->values[d->n_values++] = entries[i].value;
	}
}

/* As long as not all can be told, what counted and is not told may be among the rest. */
static void keep_old(struct agreement_peer *p, const struct agreement_peer *old)
{
	for (size_t i = 0; i < old->n_items && p->n_items < SKETCH_DIFFERENT; i++)
		if (old->items[i].counts && !find_item(p, old->items[i].key))
			p->items[p->n_items++] = old->items[i];
}

static struct agreement_difference rest_of(const struct agreement *a, const struct peer *p)
{
	return (struct agreement_difference){
		.values = {sketch_digest(&a->ours), sketch_digest(&p->sketch)}, .n_values = 2};
}

static void compare(const struct agreement *a, struct peer *p, uint64_t now)
{
	struct sketch_entry entries[SKETCH_DIFFERENT];
	const struct agreement_peer old = p->told;
	struct agreement_peer *told = &p->told;
	bool all;
	size_t n;

	*told = (struct agreement_peer){.pod = p->pod, .known = a->has_ours && p->has_sketch};
	if (!told->known)
		return;
	n = sketch_difference(entries, &all, &a->ours, &p->sketch);
	told->equal = all && n == 0;
	group(told, entries, n);
	for (size_t i = 0; i < told->n_items; i++)
		age(&told->items[i], find_item(&old, told->items[i].key), now);
	if (all)
		return;
	keep_old(told, &old);
	told->more = rest_of(a, p);
	age(&told->more, old.more.n_values ? &old.more : NULL, now);
}

void agreement_ours(struct agreement *a, const struct sketch *ours, uint64_t now)
{
	a->ours = *ours;
	a->has_ours = true;
	for (struct peer *p = a->peers; p; p = p->hh.next)
		compare(a, p, now);
}

void agreement_theirs(
	struct agreement *a, const char *pod, const char *text, uint64_t now, struct err *e)
{
	struct peer *p = find_or_add(a, pod);

	p->has_sketch = *text && sketch_parse(&p->sketch, text, e) == 0;
	compare(a, p, now);
}

void agreement_gone(struct agreement *a, const char *pod)
{
	struct peer *p = find(a, pod);

	if (p)
		peer_free(a, p);
}

const struct agreement_peer *agreement_next(
	const struct agreement *a, const struct agreement_peer *before)
{
	const struct peer *p = before ? (const struct peer *)before : NULL;

	p = p ? p->hh.next : a->peers;
	return p ? &p->told : NULL;
}

const struct sketch *agreement_our_sketch(const struct agreement *a)
{
	return a->has_ours ? &a->ours : NULL;
}
