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

static int settle_order(size_t *ret_n, struct settler *s, const struct virtual_server *vs,
	const struct ipvs_service *held, struct err *e)
{
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};
	bool restore;

	differ_reorder(&ops, vs, held);
	if (ops.n_items == 0 || reorder_begin(&restore) < 0)
		return 0;
	*ret_n = ops.n_items;
	ipvs_write(s->writer, ops.items, ops.n_items, e);
	reorder_end(restore);
	/* What went wrong leaves a real server out. */
	return err_set(e, EAGAIN, "its real servers were moved");
}

int settle(size_t *ret_n, struct settler *s, const struct place *place,
	const struct virtual_server *vs, const struct differ_rules *rules, bool reorder,
	struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = NULL;
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};
	int r = ipvs_read_service(&table, s->ipvs, place, e);
	const struct ipvs_service *held = r == 0 ? &table->services[0] : NULL;

	if (r < 0 && r != -ENOENT)
		return r;
	differ_build(&ops, vs, held, rules);
	if (ops.n_items == 0)
		return reorder && vs && held ? settle_order(ret_n, s, vs, held, e) : 0;
	*ret_n = ops.n_items;
	r = ipvs_write(s->writer, ops.items, ops.n_items, e);
	return r == 0 && reorder ? err_set(e, EAGAIN, "the order of its real servers comes next")
				 : r;
}
