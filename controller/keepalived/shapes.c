/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/shapes.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "render/keepalived_conf.h"

struct shape {
	UT_hash_handle hh;
	enum shape_state state;
	char *complaint;
	char key[];
};

struct shapes {
	struct shape *by_key;
};

struct shapes *shapes_new(void)
{
	return xnew0(struct shapes);
}

struct shapes *shapes_free(struct shapes *s)
{
	struct shape *at, *next;

	if (!s)
		return NULL;
	HASH_ITER(hh, s->by_key, at, next) {
		HASH_DEL(s->by_key, at);
		free(at->complaint);
		free(at);
	}
	free(s);
	return NULL;
}

static struct shape *find(const struct shapes *s, const struct virtual_server *vs)
{
	CLEANUP_FREE char *key = virtual_server_shape(vs);
	struct shape *shape;

	HASH_FIND_STR(s->by_key, key, shape);
	return shape;
}

enum shape_state shapes_state(const struct shapes *s, const struct virtual_server *vs)
{
	const struct shape *shape = find(s, vs);

	return shape ? shape->state : SHAPE_UNTESTED;
}

const char *shapes_complaint(const struct shapes *s, const struct virtual_server *vs)
{
	const struct shape *shape = find(s, vs);

	return shape ? shape->complaint : NULL;
}

static struct shape *add(struct shapes *s, const struct virtual_server *vs)
{
	CLEANUP_FREE char *key = virtual_server_shape(vs);
	size_t size = strlen(key) + 1;
	struct shape *shape = xcalloc(1, sizeof *shape + size);

	memcpy(shape->key, key, size);
	HASH_ADD_STR(s->by_key, key, shape);
	return shape;
}

void shapes_record(struct shapes *s, const struct virtual_server *vs, enum shape_state state,
	const char *complaint)
{
	struct shape *shape = find(s, vs);

	if (!shape)
		shape = add(s, vs);
	free(shape->complaint);
	shape->complaint = state == SHAPE_REFUSED ? xstrdup(complaint) : NULL;
	shape->state = state;
}
