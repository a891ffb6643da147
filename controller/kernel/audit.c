/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/audit.h"

struct audit {
	const struct audit_ops *ops;
	void *ud;
};

static bool is_out_of_order(const struct virtual_server *vs, const struct ipvs_service *held)
{
	CLEANUP_IPVS_OPS struct ipvs_ops moves = {0};

	differ_reorder(&moves, vs, held);
	return moves.n_items > 0;
}

static bool is_stuck(const struct virtual_server *vs, const struct ipvs_service *held,
	const struct differ_rules *rules)
{
	CLEANUP_IPVS_OPS struct ipvs_ops evictions = {0};

	differ_evict(&evictions, vs, held, rules);
	return evictions.n_items > 0;
}

static bool is_wrong(
	const struct audit *a, const struct virtual_server *vs, const struct ipvs_service *held)
{
	const struct differ_rules rules = a->ops->rules(a->ud, vs);
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};

	differ_build(&ops, vs, held, &rules);
	if (ops.n_items > 0 || !vs || !held)
		return ops.n_items > 0;
	return a->ops->is_doubtful(a->ud, vs, held) ||
	       (a->ops->evict && is_stuck(vs, held, &rules)) ||
	       (a->ops->order && is_out_of_order(vs, held));
}

size_t audit(struct place ret[], size_t max, const struct virtual_server *const servers[],
	size_t n_servers, const struct ipvs_table *table, const struct audit_ops *ops, void *ud)
{
	const struct audit a = {ops, ud};
	size_t i = 0, j = 0, n = 0;

	while (n < max && (i < n_servers || j < table->n_services)) {
		const struct virtual_server *vs = i < n_servers ? servers[i] : NULL;
		const struct ipvs_service *held =
			j < table->n_services ? &table->services[j] : NULL;
		const struct place wanted = vs ? virtual_server_place(vs) : (struct place){0};
		const struct place there = held ? ipvs_service_place(held) : (struct place){0};
		int order = !vs ? 1 : !held ? -1 : place_cmp(&wanted, &there);

		if (is_wrong(&a, order <= 0 ? vs : NULL, order >= 0 ? held : NULL))
			ret[n++] = order <= 0 ? wanted : there;
		i += order <= 0;
		j += order >= 0;
	}
	return n;
}
