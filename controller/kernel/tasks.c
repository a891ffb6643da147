/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/tasks.h"

#include "base/hash.h"
#include "base/mem.h"

struct item {
	UT_hash_handle hh;
	struct task task; /* its place is the key */
};

struct tasks {
	struct item *items;
};

struct tasks *tasks_new(void)
{
	return xnew0(struct tasks);
}

struct tasks *tasks_free(struct tasks *t)
{
	struct task task;

	if (!t)
		return NULL;
	while (tasks_take(&task, t))
		;
	free(t);
	return NULL;
}

bool tasks_empty(const struct tasks *t)
{
	return !t->items;
}

static struct item *find(const struct tasks *t, const struct place *place)
{
	struct item *item;

	HASH_FIND(hh, t->items, place, sizeof *place, item);
	return item;
}

struct task *tasks_find(struct tasks *t, const struct place *place)
{
	struct item *item = find(t, place);

	return item ? &item->task : NULL;
}

struct task *tasks_at(struct tasks *t, const struct place *place)
{
	struct task *task = tasks_find(t, place);
	struct item *item;

	if (task)
		return task;
	item = xnew0(struct item);
	item->task.place = *place;
	HASH_ADD(hh, t->items, task.place, sizeof *place, item);
	return &item->task;
}

bool tasks_take(struct task *ret, struct tasks *t)
{
	struct item *first = t->items;

	if (!first)
		return false;
	*ret = first->task;
	HASH_DEL(t->items, first);
	free(first);
	return true;
}

void tasks_drop(struct tasks *t, const struct place *place)
{
	struct item *item = find(t, place);

	if (!item)
		return;
	HASH_DEL(t->items, item);
	free(item);
}
