/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ipvs_sim.h"

/* One place: what is wanted, what is held, and what others say. */
struct scene {
	struct real_server reals[SIM_MAX];
	struct virtual_server vs;
	struct sim kernel;
	uint64_t down, spare; /* bits: by number */
	bool may_add, taken_over, evicted;
};

static inline bool is_down(
	void *ud, const struct virtual_server *vs, const struct real_server *real)
{
	const struct scene *s = ud;

	(void)vs;
	return s->down >> sim_number(&real->addr) & 1;
}

static inline bool is_spare(void *ud, const struct virtual_server *vs, const struct ipvs_dest *dest)
{
	const struct scene *s = ud;

	(void)vs;
	return s->spare >> sim_number(&dest->addr) & 1;
}

static inline struct differ_rules rules_of(struct scene *s)
{
	return (struct differ_rules){s->may_add, s->taken_over, s->evicted, is_down, is_spare, s};
}

static inline void add_wanted(struct scene *s, unsigned number, uint32_t weight)
{
	s->reals[s->vs.n_reals++] =
		(struct real_server){.addr = sim_addr(number), .port = 8080, .weight = weight};
	s->vs.reals = s->reals;
}

static inline void hold(struct scene *s, unsigned number, uint32_t weight)
{
	sim_add(&s->kernel,
		&(struct ipvs_dest){.addr = sim_addr(number), .port = 8080, .weight = weight});
}

/* A service as it is right, without real servers. */
static inline struct ipvs_service right(const struct virtual_server *vs)
{
	bool hashes = vs->scheduler == SCHEDULER_MH || vs->scheduler == SCHEDULER_SH;
	struct ipvs_service service = {.addr = vs->vip,
		.port = vs->port,
		.protocol = vs->protocol,
		.timeout = vs->persistence,
		.netmask = UINT32_MAX};

	snprintf(service.scheduler, sizeof service.scheduler, "%s", scheduler_name(vs->scheduler));
	service.flags = (vs->persistence ? IP_VS_SVC_F_PERSISTENT : 0U) |
			(hashes ? IP_VS_SVC_F_SCHED1 : 0U) |
			(hashes && !vs->persistence ? IP_VS_SVC_F_SCHED2 : 0U);
	return service;
}

/* `held` is NULL where nothing is there. */
static inline struct scene *scene_new(
	enum scheduler scheduler, const char *wanted, const char *held)
{
	struct scene *s = xnew0(struct scene);
	unsigned number;
	uint32_t weight;

	s->vs = letters_server('a');
	s->vs.scheduler = scheduler;
	s->may_add = true;
	while (sim_take(&number, &weight, &wanted))
		add_wanted(s, number, weight);
	if (held) {
		s->kernel.there = true;
		s->kernel.service = right(&s->vs);
		while (sim_take(&number, &weight, &held))
			hold(s, number, weight);
	}
	return s;
}

static inline struct ipvs_ops build(struct scene *s, bool is_wanted)
{
	const struct differ_rules rules = rules_of(s);
	struct ipvs_service read;
	const struct ipvs_service *held = sim_read(&read, &s->kernel);
	struct ipvs_ops ops = {0};

	differ_build(&ops, is_wanted ? &s->vs : NULL, held, &rules);
	free(read.dests);
	return ops;
}

static inline struct ipvs_ops reorder(const struct scene *s)
{
	struct ipvs_service read;
	const struct ipvs_service *held = sim_read(&read, &s->kernel);
	struct ipvs_ops ops = {0};

	differ_reorder(&ops, &s->vs, held);
	free(read.dests);
	return ops;
}

/* What is done about connections, of which each real server has so many. */
static inline struct ipvs_ops evict(struct scene *s, uint32_t conns)
{
	const struct differ_rules rules = rules_of(s);
	struct ipvs_service read;
	const struct ipvs_service *held;
	struct ipvs_ops ops = {0};

	for (size_t i = 0; i < s->kernel.n_dests; i++)
		s->kernel.dests[i].inactive_conns = conns;
	held = sim_read(&read, &s->kernel);
	differ_evict(&ops, &s->vs, held, &rules);
	free(read.dests);
	return ops;
}
