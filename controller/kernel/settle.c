/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/settle.h"

#include <errno.h>

#include "base/mem.h"
#include "kernel/reorder.h"

struct settler {
	struct ipvs *ipvs;
	struct ipvs_writer *writer;
};

DEFINE_CLEANUP(struct settler *, settler_free);
DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

int settler_new(struct settler **ret, struct ipvs *ipvs, struct err *e)
{
	CLEANUP(settler_freep) struct settler *s = xnew0(struct settler);
	int r = ipvs_writer_open(&s->writer, e);

	if (r < 0)
		return r;
	s->ipvs = ipvs;
	*ret = steal(s);
	return 0;
}

struct settler *settler_free(struct settler *s)
{
	if (!s)
		return NULL;
	ipvs_writer_close(s->writer);
	free(s);
	return NULL;
}

static int settle_order(struct settled *ret, struct settler *s, const struct settle_job *job,
	const struct ipvs_service *held, struct err *e)
{
	bool restore;

	differ_reorder(&ret->ops, job->vs, held);
	if (ret->ops.n_items == 0)
		return 0;
	if (reorder_begin(&restore) < 0) {
		ipvs_ops_done(&ret->ops);
		return 0;
	}
	ret->moved = true;
	ipvs_write(s->writer, ret->ops.items, ret->ops.n_items, e);
	reorder_end(restore);
	/* What went wrong leaves a real server out. */
	return err_set(e, EAGAIN, "its real servers were moved");
}

/* Whether connections may be to be ended once all is as it was decided. */
static bool has_down(const struct settle_job *job)
{
	const struct virtual_server *vs = job->vs;

	for (size_t i = 0; vs && vs->protocol == IPPROTO_UDP && i < vs->n_reals; i++)
		if (job->rules.is_down(job->rules.ud, vs, &vs->reals[i]))
			return true;
	return false;
}

/* What is to be ended where it can be. */
static void find_evictions(
	struct settled *ret, const struct settle_job *job, const struct ipvs_service *held)
{
	differ_evict(&ret->ops, job->vs, held, &job->rules);
	if (ret->ops.n_items > 0 && !reorder_ends_connections())
		ipvs_ops_done(&ret->ops);
	ret->evicted = ret->ops.n_items > 0;
}

/* All of it is as it was decided. */
static int settle_rest(struct settled *ret, struct settler *s, const struct settle_job *job,
	const struct ipvs_service *held, struct err *e)
{
	find_evictions(ret, job, held);
	if (ret->evicted)
		return ipvs_write(s->writer, ret->ops.items, ret->ops.n_items, e);
	return job->reorder ? settle_order(ret, s, job, held, e) : 0;
}

int settle(struct settled *ret, struct settler *s, const struct settle_job *job, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	int r = ipvs_read_service(&table, s->ipvs, &job->place, e);
	const struct ipvs_service *held = r == 0 ? &table->services[0] : NULL;

	*ret = (struct settled){0};
	if (r < 0 && r != -ENOENT)
		return r;
	if (job->on_held && job->vs && held)
		job->on_held(job->ud, job->vs, held);
	differ_build(&ret->ops, job->vs, held, &job->rules);
	if (ret->ops.n_items == 0)
		return job->vs && held ? settle_rest(ret, s, job, held, e) : 0;
	r = ipvs_write(s->writer, ret->ops.items, ret->ops.n_items, e);
	if (r == 0 && has_down(job))
		return err_set(e, EAGAIN, "connections to who is down come next");
	return r == 0 && job->reorder
		       ? err_set(e, EAGAIN, "the order of its real servers comes next")
		       : r;
}
