/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/refusals.h"

#include "base/hash.h"
#include "base/limits.h"

struct refused {
	UT_hash_handle hh;
	struct refusal_of what;
	struct objname service;
	int error;
	bool tried; /* decisions have it again */
};

struct refusals {
	struct refused *all;
	unsigned schedulers; /* a bit for each that is missing */
};

struct refusals *refusals_new(void)
{
	return xnew0(struct refusals);
}

static void drop(struct refusals *r, struct refused *one)
{
	HASH_DEL(r->all, one);
	objname_done(&one->service);
	free(one);
}

struct refusals *refusals_free(struct refusals *r)
{
	struct refused *at, *next;

	if (!r)
		return NULL;
	HASH_ITER(hh, r->all, at, next)
		drop(r, at);
	free(r);
	return NULL;
}

static struct refused *find(const struct refusals *r, const struct refusal_of *what)
{
	struct refused *found = NULL;

	if (r && r->all)
		HASH_FIND(hh, r->all, what, sizeof *what, found);
	return found;
}

bool refusals_add(
	struct refusals *r, const struct refusal_of *what, const struct objname *service, int error)
{
	struct refused *one = find(r, what);

	if (one && !one->tried && objname_cmp(&one->service, service) == 0)
		return false;
	if (one)
		drop(r, one);
	if (HASH_COUNT(r->all) >= LIMIT_REFUSALS)
		return false;
	one = xnew0(struct refused);
	one->what = *what;
	one->error = error;
	objname_init(&one->service, service->ns, service->name);
	HASH_ADD(hh, r->all, what, sizeof one->what, one);
	return true;
}

bool refusals_add_scheduler(struct refusals *r, enum scheduler s)
{
	bool is_new = !refusals_scheduler(r, s);

	r->schedulers |= 1U << s;
	return is_new;
}

int refusals_find(
	const struct refusals *r, const struct refusal_of *what, const struct objname *service)
{
	const struct refused *found = find(r, what);

	return found && !found->tried && objname_cmp(&found->service, service) == 0 ? found->error
										    : 0;
}

bool refusals_scheduler(const struct refusals *r, enum scheduler s)
{
	return r && r->schedulers & 1U << s;
}

size_t refusals_count(const struct refusals *r)
{
	return HASH_COUNT(r->all);
}

bool refusals_empty(const struct refusals *r)
{
	return !r->all && !r->schedulers;
}

size_t refusals_sift(struct refusals *r,
	enum refusal_end (*judge)(
		void *ud, const struct refusal_of *what, const struct objname *service),
	void *ud)
{
	struct refused *at, *next;
	size_t n_taken = 0;

	HASH_ITER(hh, r->all, at, next) {
		enum refusal_end end =
			at->tried ? REFUSAL_OVER : judge(ud, &at->what, &at->service);

		n_taken += at->tried;
		at->tried = end == REFUSAL_TRIED;
		if (end == REFUSAL_OVER)
			drop(r, at);
	}
	return n_taken;
}

bool refusals_is_tried(const struct refusals *r, const struct refusal_of *what)
{
	const struct refused *found = find(r, what);

	return found && found->tried;
}

void refusals_drop_scheduler(struct refusals *r, enum scheduler s)
{
	r->schedulers &= ~(1U << s);
}
