/* SPDX-License-Identifier: Apache-2.0 */
#include "address/quota.h"

#include "base/hash.h"
#include "objects/names.h"

struct use {
	struct objname of; /* the pool in place of a name */
	size_t n;
	UT_hash_handle hh;
};

struct quota {
	struct use *uses;
};

struct quota *quota_new(void)
{
	return xnew0(struct quota);
}

static void drop(struct quota *q, struct use *use)
{
	HASH_DEL(q->uses, use);
	objname_done(&use->of);
	free(use);
}

struct quota *quota_free(struct quota *q)
{
	if (!q)
		return NULL;
	while (q->uses)
		drop(q, q->uses);
	free(q);
	return NULL;
}

static struct use *find(const struct quota *q, const struct pool *pool, const char *ns)
{
	struct objname of;
	struct use *use;

	objname_init(&of, ns, pool->config->name);
	HASH_FIND(hh, q->uses, of.ns, of.len, use);
	objname_done(&of);
	return use;
}

void quota_add(struct quota *q, const struct pool *pool, const char *ns)
{
	struct use *use = find(q, pool, ns);

	if (!use) {
		use = xnew0(struct use);
		objname_init(&use->of, ns, pool->config->name);
		HASH_ADD_KEYPTR(hh, q->uses, use->of.ns, use->of.len, use);
	}
	use->n++;
}

void quota_remove(struct quota *q, const struct pool *pool, const char *ns)
{
	struct use *use = find(q, pool, ns);

	if (--use->n == 0)
		drop(q, use);
}

size_t quota_used(const struct quota *q, const struct pool *pool, const char *ns)
{
	const struct use *use = find(q, pool, ns);

	return use ? use->n : 0;
}
