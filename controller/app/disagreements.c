/* SPDX-License-Identifier: Apache-2.0 */
#include "app/disagreements.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "kernel/reorder.h"
#include "report/alike.h"

struct told {
	char *pod;
	enum alike alike;
};

struct disagreements {
	struct told *items; /* those that have differed, sorted as they came */
	size_t n_items;
};

struct disagreements *disagreements_new(void)
{
	return xnew0(struct disagreements);
}

struct disagreements *disagreements_free(struct disagreements *d)
{
	if (!d)
		return NULL;
	for (size_t i = 0; i < d->n_items; i++)
		free(d->items[i].pod);
	free(d->items);
	free(d);
	return NULL;
}

static struct told *find(const struct disagreements *d, const char *pod)
{
	for (size_t i = 0; i < d->n_items; i++)
		if (strcmp(d->items[i].pod, pod) == 0)
			return &d->items[i];
	return NULL;
}

static void remember(struct disagreements *d, const char *pod, enum alike alike)
{
	d->items = xreallocarray(d->items, d->n_items + 1, sizeof *d->items);
	d->items[d->n_items++] = (struct told){xstrdup(pod), alike};
}

static void forget(struct disagreements *d, struct told *t)
{
	free(t->pod);
	*t = d->items[--d->n_items];
}

/* "shop/web 10.1.1.1 port 80/tcp" of the first that counts and is known; a new string, or NULL. */
static char *first_of(const struct agreement_peer *p, const struct fleet *fleet)
{
	char text[PLACE_TEXT];

	for (size_t i = 0; i < p->n_items; i++) {
		const struct virtual_server *vs =
			p->items[i].counts ? alike_find(fleet, p->items[i].key) : NULL;
		const struct place at = vs ? virtual_server_place(vs) : (struct place){0};

		if (vs)
			return xasprintf("%s/%s %s", vs->ns, vs->name, place_format(text, &at));
	}
	return NULL;
}

static enum log_level level_of(enum alike alike)
{
	bool is_usual = alike == ALIKE_CHECKS || (alike == ALIKE_ORDER && !reorder_is_possible());

	return is_usual ? LOG_INFO : LOG_WARN;
}

static void tell_difference(
	const struct agreement_peer *p, enum alike alike, const struct fleet *fleet)
{
	CLEANUP_FREE char *first = first_of(p, fleet);
	size_t n = 0;

	for (size_t i = 0; i < p->n_items; i++)
		n += p->items[i].counts;
	log_write(level_of(alike), "tables.differ",
		LOG_FIELDS(LOG_STR("from", p->pod), LOG_STR("in", alike_name(alike)),
			LOG_UINT("virtual_servers", n), LOG_STR("first", first),
			LOG_STR("effect", alike == ALIKE_CHECKS
						  ? "none, but where both differ in who is up"
						  : "connections that move between both may end")));
}

static void tell_one(
	struct disagreements *d, const struct agreement_peer *p, const struct fleet *fleet)
{
	enum alike now = alike_of(p);
	struct told *before = find(d, p->pod);

	if (before && now == ALIKE_EQUAL) {
		log_info("tables.equal", LOG_STR("from", p->pod));
		forget(d, before);
	}
	if (now < ALIKE_CHECKS || (before && before->alike == now))
		return;
	tell_difference(p, now, fleet);
	if (before)
		before->alike = now;
	else
		remember(d, p->pod, now);
}

static bool is_there(const struct agreement *a, const char *pod)
{
	const struct agreement_peer *p = NULL;

	while ((p = agreement_next(a, p)))
		if (strcmp(p->pod, pod) == 0)
			return true;
	return false;
}

void disagreements_tell(
	struct disagreements *d, const struct agreement *a, const struct fleet *fleet)
{
	const struct agreement_peer *p = NULL;

	for (size_t i = d->n_items; i > 0; i--)
		if (!is_there(a, d->items[i - 1].pod))
			forget(d, &d->items[i - 1]);
	while ((p = agreement_next(a, p)))
		tell_one(d, p, fleet);
}
