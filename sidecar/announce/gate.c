/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/gate.h"

#include <errno.h>
#include <stdbool.h>

#include "base/log.h"
#include "loop/loop.h"

enum {
	BLIND_LIMIT = 5 * 1000 * 1000,
	CPU_SHARE = 20,         /* a look may take one twentieth of the time */
	PAUSE_MAX = 800 * 1000, /* so that a loss is withdrawn within a second all the same */
	PLACES_MAX = 512,       /* more than that are seen sooner by a look at everything */
};

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

void gate_done(struct gate *g)
{
	places_done(&g->places);
	vips_done(&g->vips);
	g->ipvs = ipvs_close(g->ipvs);
}

/* Consumes `places`. */
static void keep(struct gate *g, struct places places)
{
	places_done(&g->places);
	vips_done(&g->vips);
	g->places = places;
	g->vips = places_vips(&places);
}

static int read_all(struct places *ret, struct gate *g, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	int r = g->ipvs ? 0 : ipvs_open(&g->ipvs, e);

	if (r == 0)
		r = ipvs_read_quick(&table, g->ipvs, e);
	if (r == 0)
		*ret = places_of_table(table);
	return r;
}

static int look(struct places *ret, struct gate *g, struct err *e)
{
	CLEANUP_PLACES struct places first = {0}, second = {0};
	int r = read_all(&first, g, e);

	if (r == 0 && places_lost_any(&g->places, &first))
		r = read_all(&second, g, e);
	if (r == 0)
		*ret = places_union(&first, &second);
	return r;
}

/* The table is kept as it was for a while: one look that fails must not take a load balancer out.
 */
static void on_blind(struct gate *g, const struct err *e, uint64_t now)
{
	bool over;

	if (!g->blind_since) {
		g->blind_since = now;
		if (e->code != EAGAIN)
			log_error("ipvs.unreadable", LOG_ERR(e),
				LOG_STR("next", "retried; after 5 s everything is withdrawn"));
	}
	over = now - g->blind_since >= BLIND_LIMIT;
	if (over && g->vips.n_items > 0)
		log_error("ipvs.blind", LOG_ERR(e), LOG_UINT("vips", g->vips.n_items),
			LOG_STR("effect", "nothing counts as usable until it can be read"));
	if (over)
		keep(g, (struct places){0});
}

void gate_look(struct gate *g, uint64_t now)
{
	struct places places;
	struct err e = {0};
	uint64_t start = loop_clock();

	if (look(&places, g, &e) < 0) {
		on_blind(g, &e, now);
	} else {
		if (g->blind_since)
			log_info("ipvs.readable");
		g->blind_since = 0;
		keep(g, places);
	}
	g->took = loop_clock() - start;
}

static int look_at_one(bool *changed, struct gate *g, const struct place *p, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	enum place_state state = PLACE_GONE;
	unsigned ways = 0;
	int r = ipvs_read_service(&table, g->ipvs, p, e);

	if (r == 0) {
		state = places_state_of(&table->services[0]);
		ways = places_ways_of(&table->services[0]);
	} else if (r != -ENOENT) {
		return r;
	}
	*changed |= places_note(&g->places, p, state, ways);
	return 0;
}

bool gate_look_at(struct gate *g, const struct place places[], size_t n_places, uint64_t now)
{
	bool changed = false, blind = !g->ipvs || g->blind_since;
	bool whole = blind || n_places == 0 || n_places > PLACES_MAX;
	struct err e = {0};

	for (size_t i = 0; !whole && i < n_places; i++)
		whole = look_at_one(&changed, g, &places[i], &e) < 0;
	if (whole)
		gate_look(g, now);
	else if (changed) {
		vips_done(&g->vips);
		g->vips = places_vips(&g->places);
	}
	return whole || changed;
}

bool gate_check(struct gate *g, const struct places *seen, uint64_t now)
{
	struct place at[PLACES_MAX];
	size_t n = places_differ(&g->places, seen, at, PLACES_MAX);

	return n > 0 && gate_look_at(g, at, n > PLACES_MAX ? 0 : n, now);
}

uint64_t gate_pause(const struct gate *g, uint64_t interval)
{
	uint64_t pause = g->took * CPU_SHARE;

	if (pause < interval)
		pause = interval;
	return pause > PAUSE_MAX && interval <= PAUSE_MAX ? PAUSE_MAX : pause;
}
