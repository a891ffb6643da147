/* SPDX-License-Identifier: Apache-2.0 */
#include "address/promises.h"

#include <string.h>

#include "base/hash.h"

struct promise {
	struct objname id;
	char *uid;
	uint64_t held_digest; /* of the ingress when it was made */
	struct ipaddr *vips;
	size_t n_vips;
	unsigned round;
	UT_hash_handle hh;
};

struct promises {
	struct promise *all;
	unsigned round;
};

struct promises *promises_new(void)
{
	return xnew0(struct promises);
}

static void drop(struct promises *p, struct promise *one)
{
	HASH_DELETE(hh, p->all, one);
	objname_done(&one->id);
	free(one->uid);
	free(one->vips);
	free(one);
}

struct promises *promises_free(struct promises *p)
{
	struct promise *one, *next;

	if (!p)
		return NULL;
	HASH_ITER(hh, p->all, one, next)
		drop(p, one);
	free(p);
	return NULL;
}

static struct promise *find(const struct promises *p, const struct objname *id)
{
	struct promise *one;

	HASH_FIND(hh, p->all, id->ns, id->len, one);
	return one;
}

static bool stands(const struct promise *one, const struct service *s)
{
	return one && strcmp(one->uid, s->uid) == 0 && one->held_digest == s->held.ingress_digest;
}

size_t promises_held(
	const struct ipaddr **ret_vips, const struct promises *p, const struct service *s)
{
	const struct promise *one = p ? find(p, &s->id) : NULL;

	if (stands(one, s)) {
		*ret_vips = one->vips;
		return one->n_vips;
	}
	*ret_vips = s->held.vips;
	return s->held.n_vips;
}

static struct promise *add(struct promises *p, const struct service *s)
{
	struct promise *one = xnew0(struct promise);

	objname_init(&one->id, s->id.ns, s->id.name);
	HASH_ADD_KEYPTR(hh, p->all, one->id.ns, one->id.len, one);
	return one;
}

void promises_make(
	struct promises *p, const struct service *s, const struct ipaddr vips[], size_t n)
{
	struct promise *one = find(p, &s->id);

	if (ipaddrs_equal(s->held.vips, s->held.n_vips, vips, n)) {
		if (one)
			drop(p, one);
		return;
	}
	if (!one)
		one = add(p, s);
	free(one->uid);
	free(one->vips);
	one->uid = xstrdup(s->uid);
	one->held_digest = s->held.ingress_digest;
	one->vips = xcalloc(n, sizeof *vips);
	if (n)
		memcpy(one->vips, vips, n * sizeof *vips);
	one->n_vips = n;
	one->round = p->round;
}

void promises_forget(struct promises *p, const struct objname *id)
{
	struct promise *one = find(p, id);

	if (one)
		drop(p, one);
}

void promises_begin(struct promises *p)
{
	p->round++;
}

void promises_sweep(struct promises *p)
{
	struct promise *one, *next;

	HASH_ITER(hh, p->all, one, next)
		if (one->round != p->round)
			drop(p, one);
}

size_t promises_count(const struct promises *p)
{
	return HASH_COUNT(p->all);
}
