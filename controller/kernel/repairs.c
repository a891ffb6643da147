/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/repairs.h"

#include <stdio.h>

static void count(size_t *n, struct repairs *r, const struct ipvs_op *op, const char *what)
{
	char text[IPVS_OP_TEXT];

	(*n)++;
	if (!r->first[0])
		snprintf(r->first, sizeof r->first, "%s: %s", ipvs_op_format(text, op), what);
}

void repairs_count(struct repairs *r, const struct ipvs_ops *ops)
{
	bool is_new = ops->n_items > 0 && ops->items[0].kind == IPVS_ADD_SERVICE;

	for (size_t i = 0; i < ops->n_items; i++) {
		const struct ipvs_op *op = &ops->items[i];

		if (op->result < 0)
			continue;
		switch (op->kind) {
		case IPVS_ADD_SERVICE:
		case IPVS_ADD_DEST:
			count(&r->missing, r, op, "missing");
			break;
		case IPVS_EDIT_SERVICE:
		case IPVS_EDIT_DEST:
			/* A service that is filled gets its scheduler and its weights by edits. */
			if (!is_new)
				count(&r->different, r, op, "different");
			break;
		case IPVS_REMOVE_SERVICE:
		case IPVS_REMOVE_DEST:
			count(&r->stray, r, op, "not asked for");
			break;
		}
	}
}
