/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/second.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/count.h"
#include "host/kept.h"
#include "table/script.h"
#include "table/second.h"

struct second {
	const struct hands *hands;
	struct doors *doors; /* NULL: there shall be no table */
	bool known;          /* what the kernel holds is what it was given last */
	unsigned device;     /* the rules say its number */
	uint32_t generation; /* of all of nftables, when it was looked at and right; 0: not yet */
	char error[ERR_MSG_SIZE]; /* the one already logged */
};

struct second *second_new(const struct hands *hands)
{
	struct second *s = xnew0(struct second);

	s->hands = hands;
	return s;
}

struct second *second_free(struct second *s)
{
	if (!s)
		return NULL;
	doors_free(s->doors);
	free(s);
	return NULL;
}

static void report(struct second *s, const struct err *e)
{
	if (strcmp(s->error, e->msg) == 0)
		return;
	if (e->code)
		log_warn("second.failed", LOG_ERR(e),
			LOG_STR("effect", "connections that this node does not know are reset"),
			LOG_STR("next", "tried again within 5 s"));
	else
		log_info("second.repaired");
	memcpy(s->error, e->msg, sizeof s->error);
}

int second_table_remove(const struct hands *hands, struct err *e)
{
	CLEANUP_FREE char *text = second_remove();

	return nftables_run(hands->nftables, text, e);
}

static int fill(struct second *s, struct err *e)
{
	CLEANUP_FREE char *text = second_fill(s->doors);

	s->device = if_nametoindex(script_device(AF_INET));
	return nftables_run(s->hands->nftables, text, e);
}

static void write_all(struct second *s)
{
	struct err e = {0};
	int r = s->doors ? fill(s, &e) : second_table_remove(s->hands, &e);

	s->known = r == 0;
	s->generation = 0;
	report(s, &e);
}

void second_put(struct second *s, struct doors *doors)
{
	CLEANUP(doors_freep) struct doors *before = s->doors;
	bool same = before && doors ? doors_equal(before, doors) : before == doors;

	s->doors = doors;
	if (!same || !s->known)
		write_all(s);
}

/* One that is made anew has another number, which changes nothing in nftables. */
static bool device_stands(const struct second *s)
{
	return if_nametoindex(script_device(AF_INET)) == s->device;
}

static int is_right(bool *ret, const struct second *s, struct err *e)
{
	struct netlink *n = s->hands->netfilter;
	bool right = device_stands(s);
	size_t count = 0;
	int r = count_rules(&count, n, SECOND_TABLE, e);

	right = right && count == SECOND_RULES;
	for (enum second_map map = 0; r == 0 && right && map < SECOND_N_MAPS; map++) {
		r = count_elements(&count, n, SECOND_TABLE, second_map_name(map), e);
		right = count == second_map_size(s->doors, map);
	}
	if (r == 0)
		*ret = right;
	return r;
}

void second_check(struct second *s)
{
	struct err e = {0};
	uint32_t generation;
	bool right = true;
	int r;

	if (!s->known) {
		write_all(s);
		return;
	}
	if (!s->doors)
		return;
	r = kept_generation(&generation, s->hands->netfilter, &e);
	if (r == 0 && generation == s->generation && device_stands(s))
		return;
	if (r == 0)
		r = is_right(&right, s, &e);
	if (r == -EAGAIN) /* that it could not be read says nothing of it */
		return;
	report(s, &e);
	if (r < 0)
		return;
	if (right) {
		s->generation = generation;
		return;
	}
	log_warn("second.table_lost",
		LOG_STR("reason", "somebody has changed or removed it, or the tunnel device"),
		LOG_STR("next", "it is made anew"));
	write_all(s);
}

bool second_fails(const struct second *s)
{
	return s->error[0];
}
