/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/audit.h"

#include <stdio.h>

#include "base/mem.h"

struct audit {
	const struct audit_ops *ops;
	void *ud;
	struct audit_report report;
};

static void count(struct audit_report *r, const struct ipvs_op *op)
{
	static const char *const what[] = {"missing", "different", "not asked for"};
	char text[IPVS_OP_TEXT];

	switch (op->kind) {
	case IPVS_ADD_SERVICE:
	case IPVS_ADD_DEST:
		r->missing++;
		break;
	case IPVS_EDIT_SERVICE:
	case IPVS_EDIT_DEST:
		r->different++;
		break;
	case IPVS_REMOVE_SERVICE:
	case IPVS_REMOVE_DEST:
		r->stray++;
		break;
	}
	if (!r->first[0])
		snprintf(r->first, sizeof r->first, "%s: %s", ipvs_op_format(text, op),
			what[op->kind % 3]);
}

static void compare(
	struct audit *a, const struct virtual_server *vs, const struct ipvs_service *held)
{
	const struct place at = vs ? virtual_server_place(vs) : ipvs_service_place(held);
	const struct differ_rules rules = a->ops->rules(a->ud, vs);
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0}, moves = {0};

	if (vs && held)
		a->ops->on_pair(a->ud, vs, held);
	differ_build(&ops, vs, held, &rules);
	/* What fills a new service is more than what is missing. */
	for (size_t i = 0; i < ops.n_items; i++)
		if (held || ops.items[i].kind % 3 == 0)
			count(&a->report, &ops.items[i]);
	if (ops.n_items == 0 && vs && held && a->ops->order)
		differ_reorder(&moves, vs, held);
	a->report.unordered += moves.n_items > 0;
	if (ops.n_items + moves.n_items > 0)
		a->ops->on_wrong(a->ud, &at);
}

struct audit_report audit(const struct virtual_server *const servers[], size_t n_servers,
	const struct ipvs_table *table, const struct audit_ops *ops, void *ud)
{
	struct audit a = {.ops = ops, .ud = ud};
	size_t i = 0, j = 0;

	while (i < n_servers || j < table->n_services) {
		const struct virtual_server *vs = i < n_servers ? servers[i] : NULL;
		const struct ipvs_service *held =
			j < table->n_services ? &table->services[j] : NULL;
		int order = !vs ? 1 : -1;

		if (vs && held) {
			const struct place wanted = virtual_server_place(vs);
			const struct place there = ipvs_service_place(held);

			order = place_cmp(&wanted, &there);
		}
		compare(&a, order <= 0 ? vs : NULL, order >= 0 ? held : NULL);
		i += order <= 0;
		j += order >= 0;
	}
	return a.report;
}
