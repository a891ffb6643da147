/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct object {
	UT_hash_handle hh;
	uint64_t version;
	unsigned list; /* the last one that it was in, or that it came after */
	unsigned key_len;
	char key[]; /* "NS\0NAME\0" */
};

struct known {
	struct object *objects;
	unsigned list; /* the newest */
	bool listing;
};

struct known *known_new(void)
{
	return xnew0(struct known);
}

static void drop(struct known *k, struct object *o)
{
	HASH_DELETE(hh, k->objects, o);
	free(o);
}

struct known *known_free(struct known *k)
{
	struct object *o, *next;

	if (!k)
		return NULL;
	HASH_ITER(hh, k->objects, o, next)
		drop(k, o);
	free(k);
	return NULL;
}

static struct object *object_new(const char *ns, const char *name)
{
	size_t ns_size = strlen(ns) + 1, name_size = strlen(name) + 1;
	struct object *o = xcalloc(1, sizeof *o + ns_size + name_size);

	memcpy(o->key, ns, ns_size);
	memcpy(o->key + ns_size, name, name_size);
	o->key_len = (unsigned)(ns_size + name_size);
	return o;
}

static struct object *find(const struct known *k, const struct object *like)
{
	struct object *o;

	HASH_FIND(hh, k->objects, like->key, like->key_len, o);
	return o;
}

void known_begin_list(struct known *k)
{
	k->list++;
	k->listing = true;
}

static bool is_overtaken(const struct known *k, const struct object *o, uint64_t version)
{
	return o && !k->listing && version < o->version && version != 0;
}

bool known_put(struct known *k, const char *ns, const char *name, uint64_t version)
{
	CLEANUP_FREE struct object *new = object_new(ns, name);
	struct object *o = find(k, new);

	if (is_overtaken(k, o, version))
		return false;
	if (!o) {
		o = steal(new);
		HASH_ADD_KEYPTR(hh, k->objects, o->key, o->key_len, o);
	}
	o->version = version;
	o->list = k->list;
	return true;
}

bool known_remove(struct known *k, const char *ns, const char *name, uint64_t version)
{
	CLEANUP_FREE struct object *like = object_new(ns, name);
	struct object *o = find(k, like);

	if (!o || is_overtaken(k, o, version))
		return false;
	drop(k, o);
	return true;
}

void known_sweep(
	struct known *k, void (*on_gone)(void *ud, const char *ns, const char *name), void *ud)
{
	struct object *o, *next;

	k->listing = false;
	HASH_ITER(hh, k->objects, o, next) {
		if (o->list == k->list)
			continue;
		on_gone(ud, o->key, o->key + strlen(o->key) + 1);
		drop(k, o);
	}
}

size_t known_count(const struct known *k)
{
	return HASH_COUNT(k->objects);
}
