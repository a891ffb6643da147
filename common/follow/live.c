/* SPDX-License-Identifier: Apache-2.0 */
#include "follow/live.h"

#include <string.h>

#include "base/mem.h"
#include "follow/diff.h"

/* What the file said, with values that were in use before in place of those that are. */
struct past {
	struct past *before;
	struct config *config;
};

struct config_live {
	struct config *config; /* in use */
	enum schema_program program;
	struct past *newest; /* NULL: the file is as it was at the start */
};

struct config_live *config_live_new(struct config *config, enum schema_program program)
{
	struct config_live *l = xnew0(struct config_live);

	l->config = config;
	l->program = program;
	return l;
}

struct config_live *config_live_free(struct config_live *l)
{
	if (!l)
		return NULL;
	for (struct past *p = l->newest, *before; p; p = before) {
		before = p->before;
		config_free(p->config);
		free(p);
	}
	free(l);
	return NULL;
}

static bool is_ours(const struct config_live *l, const struct schema_key *k)
{
	return k->use[l->program] != SCHEMA_UNUSED && !strstr(k->path, "[]");
}

static bool is_followed(const struct config_live *l, const struct schema_key *k)
{
	return k->use[l->program] == SCHEMA_AT_ONCE;
}

/* What the file said last, of this key. */
static const struct config *said(const struct config_live *l, const struct schema_key *k)
{
	return l->newest && !is_followed(l, k) ? l->newest->config : l->config;
}

static void remember(struct config_live *l, struct config *config)
{
	struct past *p = xnew0(struct past);

	p->before = l->newest;
	p->config = config;
	l->newest = p;
}

bool config_live_take(struct config_live *l, struct config *next,
	void (*changed)(void *ud, const char *key, bool in_use), void *ud)
{
	size_t n, n_taken = 0, n_changed = 0;
	const struct schema_key *keys = schema_keys(&n);

	for (size_t i = 0; i < n; i++) {
		const struct schema_key *k = &keys[i];

		if (!is_ours(l, k) || config_same(k, said(l, k), next))
			continue;
		n_changed++;
		if (is_followed(l, k)) {
			config_swap(k, l->config, next);
			n_taken++;
		}
		changed(ud, k->path, is_followed(l, k) || config_same(k, l->config, next));
	}
	if (n_changed)
		remember(l, next);
	else
		config_free(next);
	return n_taken > 0;
}

size_t config_live_pending(const struct config_live *l)
{
	size_t n, n_pending = 0;
	const struct schema_key *keys = schema_keys(&n);

	for (size_t i = 0; i < n; i++)
		n_pending += is_ours(l, &keys[i]) &&
			     !config_same(&keys[i], said(l, &keys[i]), l->config);
	return n_pending;
}
