/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/checks.h"

#include "base/mem.h"
#include "loop/loop.h"

struct checks {
	sd_event_source *timer; /* the earliest time at which one is down no more */
	struct health *health;
	struct checks_ops ops;
	void *ud;
	bool made; /* by a keepalived */
};

DEFINE_CLEANUP(struct checks *, checks_free);

/* How long a check may take until it has had its say, from the start of all checks. */
static uint64_t patience(const struct checks *c, const struct place *place)
{
	const struct virtual_server *vs = c->ops.wanted(c->ud, place);

	return vs ? health_check_time(&vs->check) : 0;
}

static uint64_t verdict_due(const struct checks *c, const struct place *place)
{
	return c->made ? loop_clock() + patience(c, place) : HEALTH_NEVER;
}

static void arm(struct checks *c)
{
	uint64_t due = health_due(c->health), now = loop_clock();

	if (due == HEALTH_NEVER)
		loop_timer_stop(c->timer);
	else
		loop_timer_arm(c->timer, due > now ? due - now : 0);
}

static bool sift_overdue(void *ud, struct health_entry *entry)
{
	const struct checks *c = ud;

	if (entry->until > loop_clock())
		return true;
	c->ops.on_overdue(c->ud, &entry->place);
	return false;
}

/* The new checks found nothing wrong with them. */
static void on_time(void *ud)
{
	struct checks *c = ud;

	health_sift(c->health, sift_overdue, c);
	arm(c);
}

int checks_new(
	struct checks **ret, sd_event *loop, const struct checks_ops *ops, void *ud, struct err *e)
{
	CLEANUP(checks_freep) struct checks *c = xnew0(struct checks);
	int r = loop_timer_new(&c->timer, loop, on_time, c, e);

	if (r < 0)
		return r;
	c->health = health_new();
	c->ops = *ops;
	c->ud = ud;
	*ret = steal(c);
	return 0;
}

struct checks *checks_free(struct checks *c)
{
	if (!c)
		return NULL;
	sd_event_source_disable_unref(c->timer);
	health_free(c->health);
	free(c);
	return NULL;
}

bool checks_is_down(
	const struct checks *c, const struct virtual_server *vs, const struct real_server *real)
{
	const struct place at = virtual_server_place(vs);

	return health_is_down(c->health, &at, &real->addr, real->port);
}

size_t checks_n_down(const struct checks *c)
{
	return health_n_down(c->health);
}

void checks_told(struct checks *c, const struct place *place, const struct ipaddr *addr,
	uint16_t port, bool up)
{
	if (up)
		health_set_up(c->health, place, addr, port);
	else
		health_set_down(c->health, place, addr, port, HEALTH_NEVER);
}

static bool sift_doubt(void *ud, struct health_entry *entry)
{
	entry->until = verdict_due(ud, &entry->place);
	return true;
}

void checks_begin(struct checks *c)
{
	c->made = true;
	health_sift(c->health, sift_doubt, c);
	arm(c);
}

void checks_end(struct checks *c)
{
	c->made = false;
	health_sift(c->health, sift_doubt, c);
	arm(c);
}

static bool is_unexplained(const struct checks *c, const struct virtual_server *vs,
	const struct real_server *real, const struct ipvs_service *held)
{
	const struct ipvs_dest *dest = ipvs_service_find(held, &real->addr, real->port);

	return vs->check.type != CHECK_NONE && real->weight > 0 && dest && dest->weight == 0 &&
	       !checks_is_down(c, vs, real);
}

bool checks_is_doubtful(
	const struct checks *c, const struct virtual_server *vs, const struct ipvs_service *held)
{
	for (size_t i = 0; i < vs->n_reals; i++)
		if (is_unexplained(c, vs, &vs->reals[i], held))
			return true;
	return false;
}

void checks_doubt(
	struct checks *c, const struct virtual_server *vs, const struct ipvs_service *held)
{
	const struct place at = virtual_server_place(vs);

	for (size_t i = 0; i < vs->n_reals; i++) {
		const struct real_server *real = &vs->reals[i];

		if (is_unexplained(c, vs, real, held))
			health_set_down(
				c->health, &at, &real->addr, real->port, verdict_due(c, &at));
	}
	arm(c);
}

static bool sift_wanted(void *ud, struct health_entry *entry)
{
	const struct checks *c = ud;
	const struct virtual_server *vs = c->ops.wanted(c->ud, &entry->place);

	return vs && virtual_server_real(vs, &entry->addr, entry->port);
}

void checks_forget_unwanted(struct checks *c)
{
	health_sift(c->health, sift_wanted, c);
	arm(c);
}
