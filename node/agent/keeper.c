/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "agent/second.h"
#include "base/log.h"
#include "loop/loop.h"
#include "table/script.h"
#include "values/tunnel_set.h"

enum { N_HALVES = 2 };
static const int families[N_HALVES] = {AF_INET, AF_INET6};

struct keeper {
	struct hands hands;
	struct half *halves[N_HALVES];
	struct second *second;
	struct forgetting *forgetting;
	struct err errors[N_HALVES];
	sd_event_source *timer;
	struct plan *plan; /* NULL: nothing is known yet */
	unsigned told;     /* the kinds of tunnels that it takes, as last told */
	struct ipnet *sources;
	size_t n_sources;
	void (*on_changed)(void *ud);
	void *ud;
};

/* What is the same as before is not said again. */
static void note(struct keeper *k, size_t i, const struct err *e)
{
	struct err *before = &k->errors[i];

	if (strcmp(before->msg, e->msg) == 0)
		return;
	if (e->code)
		log_error("node.failed", LOG_STR("device", script_device(families[i])), LOG_ERR(e),
			LOG_STR("effect", "load balancers reach the pods of this node by NAT"),
			LOG_STR("next", "tried again within 5 s"));
	else
		log_info("node.repaired", LOG_STR("device", script_device(families[i])));
	*before = *e;
}

static void put(struct keeper *k, bool check)
{
	for (size_t i = 0; k->plan && i < N_HALVES; i++) {
		struct err e = {0};

		if (check && !k->errors[i].code)
			half_check(k->halves[i], &e);
		else
			half_put(k->halves[i], k->plan, k->sources, k->n_sources, &e);
		note(k, i, &e);
	}
	if (k->told == keeper_kinds(k))
		return;
	k->told = keeper_kinds(k);
	k->on_changed(k->ud);
}

static void on_time(void *ud)
{
	struct keeper *k = ud;

	put(k, true);
	second_check(k->second);
	loop_timer_arm(k->timer, KEEPER_LOOK);
}

int keeper_new(
	struct keeper **ret, sd_event *loop, void (*on_changed)(void *ud), void *ud, struct err *e)
{
	CLEANUP(keeper_freep) struct keeper *k = xnew0(struct keeper);
	int r = hands_open(&k->hands, e);

	if (r == 0)
		r = forgetting_new(&k->forgetting, loop, e);
	if (r == 0)
		r = loop_timer_new(&k->timer, loop, on_time, k, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < N_HALVES; i++)
		k->halves[i] = half_new(families[i], &k->hands, k->forgetting);
	k->second = second_new(&k->hands);
	k->on_changed = on_changed;
	k->ud = ud;
	*ret = steal(k);
	return 0;
}

struct keeper *keeper_free(struct keeper *k)
{
	if (!k)
		return NULL;
	for (size_t i = 0; i < N_HALVES; i++)
		half_free(k->halves[i]);
	second_free(k->second);
	forgetting_free(k->forgetting);
	sd_event_source_disable_unref(k->timer);
	hands_done(&k->hands);
	plan_free(k->plan);
	free(k->sources);
	free(k);
	return NULL;
}

void keeper_put(struct keeper *k, struct plan *plan, const struct ipnet sources[], size_t n_sources)
{
	plan_free(k->plan);
	k->plan = plan;
	free(k->sources);
	k->sources = xcalloc(n_sources, sizeof *k->sources);
	k->n_sources = n_sources;
	for (size_t i = 0; i < n_sources; i++)
		k->sources[i] = sources[i];
	put(k, false);
	if (!loop_timer_armed(k->timer))
		loop_timer_arm(k->timer, KEEPER_LOOK);
}

void keeper_put_doors(struct keeper *k, struct doors *doors)
{
	second_put(k->second, doors);
}

unsigned keeper_kinds(const struct keeper *k)
{
	unsigned kinds = 0;

	for (size_t i = 0; k->plan && i < N_HALVES; i++) {
		if (k->errors[i].code)
			continue;
		kinds |= tunnel_kind(ENCAPSULATION_IPIP, families[i]);
		if (half_takes_gue(k->halves[i]))
			kinds |= tunnel_kind(ENCAPSULATION_GUE, families[i]);
	}
	return kinds;
}

struct half_stats keeper_stats(const struct keeper *k, int family)
{
	return half_stats(k->halves[family == AF_INET6]);
}

bool keeper_fails(const struct keeper *k, int family)
{
	return k->errors[family == AF_INET6].code;
}

bool keeper_fails_second(const struct keeper *k)
{
	return second_fails(k->second);
}

size_t keeper_to_forget(const struct keeper *k)
{
	return forgetting_left(k->forgetting);
}

int keeper_remove(struct err *e)
{
	struct hands hands = {0};
	struct err other = {0};
	int r = hands_open(&hands, e), six;

	if (r == 0)
		r = second_table_remove(&hands, e);
	if (r == 0) {
		r = half_remove(AF_INET, &hands, e);
		six = half_remove(AF_INET6, &hands, r < 0 ? &other : e);
		r = r < 0 ? r : six;
	}
	hands_done(&hands);
	return r;
}

int keeper_look(struct half_sight *ret_four, struct half_sight *ret_six, struct err *e)
{
	struct hands hands = {0};
	int r = hands_open(&hands, e);

	if (r == 0)
		r = half_look(ret_four, AF_INET, &hands, e);
	if (r == 0)
		r = half_look(ret_six, AF_INET6, &hands, e);
	hands_done(&hands);
	return r;
}

bool keeper_sees_ready(const struct half_sight *four, const struct half_sight *six)
{
	return four->device && four->table && six->device == six->table;
}
