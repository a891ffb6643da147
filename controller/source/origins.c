/* SPDX-License-Identifier: Apache-2.0 */
#include "source/origins.h"

#include <string.h>
#include <utlist.h>

#include "base/mem.h"

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

static struct object *add_object(struct origins *o, const char *key, size_t len)
{
	struct object *object = xcalloc(1, sizeof *object + len);

	memcpy(object->key, key, len);
	object->kind = object->key;
	object->ns = object->kind + strlen(object->kind) + 1;
	object->name = object->ns + strlen(object->ns) + 1;
	HASH_ADD(hh, o->objects, key, len, object);
	return object;
}

static struct object *object_of(struct origins *o, const json_t *json)
{
	const json_t *meta = json_object_get(json, "metadata");
	const char *kind = text_of(json, "kind", ""), *name = text_of(meta, "name", "");
	const char *ns = text_of(meta, "namespace", "default");
	size_t len = strlen(kind) + strlen(ns) + strlen(name) + 3;
	CLEANUP_FREE char *key = xasprintf("%s%c%s%c%s", kind, '\0', ns, '\0', name);
	struct object *object;

	HASH_FIND(hh, o->objects, key, len, object);
	return object ? object : add_object(o, key, len);
}

static void note_change(struct origins *o, struct object *object)
{
	if (object->changed)
		return;
	object->changed = true;
	LL_PREPEND2(o->changed, object, next_changed);
}

/* From the last one, for files are read in the order of their names the first time. */
static void insert(struct object *object, struct origin *origin)
{
	struct origin *before = object->origins ? object->origins->prev : NULL;

	while (before && strcmp(before->file, origin->file) > 0)
		before = before == object->origins ? NULL : before->prev;
	if (before)
		DL_APPEND_ELEM(object->origins, before, origin);
	else
		DL_PREPEND(object->origins, origin);
}

void origins_add(struct origins *o, struct origin *origin, const char *file, const json_t *object)
{
	origin->file = file;
	origin->object = object_of(o, object);
	insert(origin->object, origin);
	note_change(o, origin->object);
}

void origins_drop(struct origins *o, struct origin *origin)
{
	DL_DELETE(origin->object->origins, origin);
	note_change(o, origin->object);
}

void origins_settle(struct origins *o)
{
	while (o->changed) {
		struct object *object = o->changed;

		o->changed = object->next_changed;
		object->changed = false;
		if (object->origins) {
			object->told = object->origins->file;
			continue;
		}
		HASH_DEL(o->objects, object);
		free(object);
	}
}

void origins_done(struct origins *o)
{
	struct object *object, *next;

	HASH_ITER(hh, o->objects, object, next) {
		HASH_DEL(o->objects, object);
		free(object);
	}
	o->changed = NULL;
}
