/* SPDX-License-Identifier: Apache-2.0 */
#include "app/tunnel_nodes.h"

#include "base/limits.h"
#include "base/log.h"
#include "objects/fleet_rules.h"

void tunnel_nodes_configured(struct tunnel_nodes *t, const struct config *c)
{
	tunnel_set_done(&t->set);
	fleet_rules_nodes(&t->set, c);
	t->known = true;
}

bool tunnel_nodes_told(struct tunnel_nodes *t, const char *names, const char *own)
{
	struct tunnel_set now;
	struct err e = {0};

	t->known = true;
	if (tunnel_set_is(&t->set, names, own))
		return false;
	if (tunnel_set_parse(&now, names, own, LIMIT_TUNNEL_NODES_TEXT, &e) < 0) {
		log_warn("tunnels.unreadable", LOG_ERR(&e),
			LOG_STR("effect", "the nodes that take tunnels are those of before"));
		return false;
	}
	log_info("tunnels.nodes", LOG_UINT("before", t->set.nodes.n_items),
		LOG_UINT("now", now.nodes.n_items));
	tunnel_set_done(&t->set);
	t->set = now;
	return true;
}

void tunnel_nodes_done(struct tunnel_nodes *t)
{
	tunnel_set_done(&t->set);
}
