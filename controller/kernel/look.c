/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/look.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "loop/errand.h"
#include "net/ipvs.h"

struct look {
	struct look_spec spec;
	struct look_found *found; /* memory that the child shares */
	struct errand *child;
	look_fn *done;
	void *ud;
};

DEFINE_CLEANUP(struct look *, look_free);
DEFINE_CLEANUP(struct ipvs *, ipvs_close);
DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

/* With a socket of its own: answers to ours would get mixed up. */
static int look_at_all(const void *arg, struct err *e)
{
	const struct look *l = arg;
	const struct look_spec *spec = &l->spec;
	CLEANUP(ipvs_closep) struct ipvs *kernel = NULL;
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	int r = ipvs_open(&kernel, e);

	if (r >= 0)
		r = ipvs_read_quick(&table, kernel, e);
	if (r < 0)
		return r;
	l->found->n_places = audit(l->found->places, LOOK_PLACES_MAX, spec->servers,
		spec->n_servers, table, &spec->ops, spec->ops_ud);
	tables_sketch(
		&l->found->tables, spec->servers, spec->n_servers, table, &spec->ops, spec->ops_ud);
	return 0;
}

static void on_answer(void *ud, int result, const struct err *e)
{
	const struct look *l = ud;

	l->done(l->ud, result, l->found, e);
}

int look_start(struct look **ret, sd_event *loop, const struct look_spec *spec, look_fn *done,
	void *ud, struct err *e)
{
	CLEANUP(look_freep) struct look *l = xnew0(struct look);
	void *shared = mmap(
		NULL, sizeof *l->found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (shared == MAP_FAILED)
		return err_errno(e, errno, "sharing memory with a child");
	l->found = shared;
	l->spec = *spec;
	l->done = done;
	l->ud = ud;
	r = errand_start(&l->child, loop, look_at_all, l, on_answer, l, e);
	if (r < 0)
		return r;
	*ret = steal(l);
	return 0;
}

struct look *look_free(struct look *l)
{
	if (!l)
		return NULL;
	errand_free(l->child);
	if (l->found)
		munmap(l->found, sizeof *l->found);
	free(l);
	return NULL;
}
