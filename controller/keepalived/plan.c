/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/plan.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "model/fleet_diff.h"

enum {
	/* usec before a check's first try and between its two: BOOTSTRAP_DELAY, and the template's
	 */
	CHECK_PAUSE = 1000 * 1000,
	CHECK_TRIES = 2,
};

struct plan *plan_new(struct fleet *fleet, uint64_t event_time)
{
	struct plan *p = xnew0(struct plan);

	p->fleet = fleet;
	p->servers = xcalloc(fleet->n_servers, sizeof *p->servers);
	p->texts = xcalloc(fleet->n_servers, sizeof *p->texts);
	p->event_time = event_time;
	return p;
}

static void clear_texts(struct plan *p)
{
	for (size_t i = 0; i < p->n_servers; i++)
		free(p->texts[i].text);
	memset(p->texts, 0, p->n_servers * sizeof *p->texts);
}

struct plan *plan_free(struct plan *p)
{
	if (!p)
		return NULL;
	clear_texts(p);
	fleet_free(p->fleet);
	free(p->servers);
	free(p->texts);
	free(p);
	return NULL;
}

void plan_select(struct plan *p, const struct shapes *shapes)
{
	clear_texts(p);
	p->n_servers = 0;
	for (size_t i = 0; i < p->fleet->n_servers; i++)
		if (shapes_state(shapes, &p->fleet->servers[i]) != SHAPE_REFUSED)
			p->servers[p->n_servers++] = &p->fleet->servers[i];
}

void plan_inherit(struct plan *p, struct plan *from)
{
	size_t i = 0, j = 0;

	while (i < p->n_servers && j < from->n_servers) {
		int order = virtual_server_cmp(p->servers[i], from->servers[j]);

		if (order == 0 && virtual_server_same(p->servers[i], from->servers[j]))
			p->texts[i] = conf_text_take(&from->texts[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

uint64_t plan_check_time(const struct plan *p)
{
	uint64_t longest = 0;

	for (size_t i = 0; p && i < p->n_servers; i++) {
		const struct health_check *check = &p->servers[i]->check;
		uint64_t needed = CHECK_TRIES * (check->timeout + CHECK_PAUSE);

		if (check->type != CHECK_NONE && needed > longest)
			longest = needed;
	}
	return longest;
}

static bool has_shape_of(
	const struct virtual_server *vs, const struct virtual_server *const examples[], size_t n)
{
	CLEANUP_FREE char *shape = virtual_server_shape(vs);

	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *other = virtual_server_shape(examples[i]);

		if (strcmp(shape, other) == 0)
			return true;
	}
	return false;
}

size_t plan_untested(const struct plan *p, const struct shapes *shapes,
	const struct virtual_server *ret_examples[], size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < p->fleet->n_servers && n < max; i++) {
		const struct virtual_server *vs = &p->fleet->servers[i];

		if (shapes_state(shapes, vs) == SHAPE_UNTESTED &&
			!has_shape_of(vs, ret_examples, n))
			ret_examples[n++] = vs;
	}
	return n;
}
