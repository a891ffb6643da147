/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/glance.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/limits.h"
#include "base/mem.h"
#include "loop/errand.h"
#include "net/ipvs.h"

struct seen {
	size_t n_items;
	struct placed items[LIMIT_FLEET_REALS]; /* each place has a real server, as a rule */
};

struct glance {
	struct seen *seen; /* memory that the child shares */
	struct errand *child;
	glance_fn *done;
	void *ud;
};

DEFINE_CLEANUP(struct glance *, glance_free);
DEFINE_CLEANUP(struct ipvs *, ipvs_close);
DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

static int look_at_all(const void *arg, struct err *e)
{
	const struct glance *g = arg;
	CLEANUP(ipvs_closep) struct ipvs *ipvs = NULL;
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	CLEANUP_PLACES struct places places = {0};
	int r = ipvs_open(&ipvs, e);

	if (r >= 0)
		r = ipvs_read_quick(&table, ipvs, e);
	if (r < 0)
		return r;
	places = places_of_table(table);
	if (places.n_items > LIMIT_FLEET_REALS)
		return err_set(
			e, EOVERFLOW, "IPVS has more than %d virtual servers", LIMIT_FLEET_REALS);
	memcpy(g->seen->items, places.items, places.n_items * sizeof *places.items);
	g->seen->n_items = places.n_items;
	return 0;
}

static void on_answer(void *ud, int result, const struct err *e)
{
	const struct glance *g = ud;
	const struct places places = {g->seen->items, g->seen->n_items};

	g->done(g->ud, result, &places, e);
}

int glance_start(struct glance **ret, sd_event *loop, glance_fn *done, void *ud, struct err *e)
{
	CLEANUP(glance_freep) struct glance *g = xnew0(struct glance);
	void *shared = mmap(
		NULL, sizeof *g->seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (shared == MAP_FAILED)
		return err_errno(e, errno, "sharing memory with a child");
	g->seen = shared;
	g->done = done;
	g->ud = ud;
	r = errand_start(&g->child, loop, look_at_all, g, on_answer, g, e);
	if (r < 0)
		return r;
	*ret = steal(g);
	return 0;
}

struct glance *glance_free(struct glance *g)
{
	if (!g)
		return NULL;
	errand_free(g->child);
	if (g->seen)
		munmap(g->seen, sizeof *g->seen);
	free(g);
	return NULL;
}
