/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/addressing.h"

#include <stdlib.h>

#include "base/mem.h"
#include "objects/annotations.h"

static void take_all(struct fleet_service *ret, const struct ipaddr vips[], size_t n)
{
	ret->n_vips = n;
	ret->vips = xcalloc(n, sizeof *ret->vips);
	for (size_t i = 0; i < n; i++)
		ret->vips[i] = vips[i];
}

/* Those that its namespace may have. */
static void take_held(struct fleet_service *ret, const struct service *s, const struct pools *pools)
{
	ret->vips = xcalloc(s->held.n_vips, sizeof *ret->vips);
	for (size_t i = 0; i < s->held.n_vips; i++)
		if (pools_allow(pools, &s->held.vips[i], s->id.ns))
			ret->vips[ret->n_vips++] = s->held.vips[i];
}

static void settle_asked(struct fleet_service *ret, const struct service *s,
	const struct fleet_rules *rules, const struct pools *pools)
{
	struct refusal refusal = {0};

	if (s->wish.n_vips == 0) {
		if (rules->n_pools)
			take_held(ret, s, pools);
		else
			take_all(ret, s->held.vips, s->held.n_vips);
		if (ret->n_vips == 0)
			refusal = (struct refusal){REASON_NO_ADDRESS,
				xstrdup("no VIP: set " KAGO_PREFIX
					"vip, such as \"10.1.1.1\" or \"10.1.1.1,fd00::1\"")};
	} else if ((rules->n_pools == 0 && !s->wish.pool) ||
		   !pools_refuse(&refusal, pools, &s->wish, s->id.ns)) {
		take_all(ret, s->wish.vips, s->wish.n_vips);
	}
	if (!refusal.reason)
		return;
	ret->outcome = FLEET_REJECTED;
	ret->reason = refusal.reason;
	ret->message = refusal.message;
}

static void settle_status(
	struct fleet_service *ret, const struct service *s, const struct pools *pools)
{
	struct refusal refusal = {0};

	take_held(ret, s, pools);
	if (ret->n_vips)
		return;
	ret->outcome = FLEET_PENDING;
	ret->reason = REASON_NO_ADDRESS;
	if (pools_refuse(&refusal, pools, &s->wish, s->id.ns))
		ret->message = xasprintf("waiting for an address: %s", refusal.message);
	else
		ret->message = xstrdup("waiting for an address");
	free(refusal.message);
}

void addressing_settle(struct fleet_service *ret, const struct service *s,
	const struct fleet_rules *rules, const struct pools *pools)
{
	if (rules->addressing == ADDRESSING_ASKED)
		settle_asked(ret, s, rules, pools);
	else
		settle_status(ret, s, pools);
}
