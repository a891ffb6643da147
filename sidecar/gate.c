/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "base/log.h"

enum {
	BLIND_LIMIT = 5 * 1000 * 1000,
	CPU_SHARE = 20,         /* a look may take one twentieth of the time */
	PAUSE_MAX = 800 * 1000, /* so that a loss is withdrawn within a second all the same */
};

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

void gate_done(struct gate *g)
{
	vips_done(&g->vips);
	g->ipvs = ipvs_close(g->ipvs);
}

static uint64_t clock_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int read_vips(struct vips *ret, struct gate *g, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	int r = g->ipvs ? 0 : ipvs_open(&g->ipvs, e);

	if (r == 0)
		r = ipvs_read_quick(&table, g->ipvs, e);
	if (r == 0)
		*ret = vips_of_table(table);
	return r;
}

static int look(struct vips *ret, struct gate *g, struct err *e)
{
	CLEANUP_VIPS struct vips first = {0}, second = {0};
	int r = read_vips(&first, g, e);

	if (r == 0 && vips_lost_any(&g->vips, &first))
		r = read_vips(&second, g, e);
	if (r == 0)
		*ret = vips_union(&first, &second);
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
	g->ipvs = ipvs_close(g->ipvs);
	over = now - g->blind_since >= BLIND_LIMIT;
	if (over && g->vips.n_items > 0)
		log_error("ipvs.blind", LOG_ERR(e), LOG_UINT("vips", g->vips.n_items),
			LOG_STR("effect", "nothing counts as usable until it can be read"));
	if (over)
		vips_done(&g->vips);
}

void gate_look(struct gate *g, uint64_t now)
{
	struct vips vips;
	struct err e = {0};
	uint64_t start = clock_usec();

	if (look(&vips, g, &e) < 0) {
		on_blind(g, &e, now);
	} else {
		if (g->blind_since)
			log_info("ipvs.readable");
		g->blind_since = 0;
		vips_done(&g->vips);
		g->vips = vips;
	}
	g->took = clock_usec() - start;
}

uint64_t gate_pause(const struct gate *g, uint64_t interval)
{
	uint64_t pause = g->took * CPU_SHARE;

	if (pause < interval)
		pause = interval;
	return pause > PAUSE_MAX && pause > interval ? PAUSE_MAX : pause;
}
