/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/candidate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "lead/election.h"
#include "loop/loop.h"

struct candidate {
	const struct lease_client *client;
	struct candidate_ops ops;
	void *ud;
	char *name;
	struct election election;
	sd_event_source *timer;
	struct kube_call *call;
	bool led, told_left;
	uint64_t trouble; /* since when requests fail */
};

DEFINE_CLEANUP(struct candidate *, candidate_free);

static void act(struct candidate *c);

static void on_time(void *ud)
{
	act(ud);
}

int candidate_new(struct candidate **ret, const struct lease_client *client,
	const struct candidate_ops *ops, void *ud, struct err *e)
{
	CLEANUP(candidate_freep) struct candidate *c = xnew0(struct candidate);
	uint32_t random = 0;
	int r = loop_timer_new(&c->timer, client->loop, on_time, c, e);

	if (r < 0)
		return r;
	sd_event_source_set_priority(c->timer, LOOP_LEASES);
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random = (uint32_t)loop_clock();
	c->client = client;
	c->ops = *ops;
	c->ud = ud;
	c->name = xasprintf("kago-%s", client->fleet);
	election_init(&c->election, client->identity, random);
	*ret = steal(c);
	return 0;
}

struct candidate *candidate_free(struct candidate *c)
{
	if (!c)
		return NULL;
	kube_cancel(c->call);
	sd_event_source_disable_unref(c->timer);
	free(c->name);
	free(c);
	return NULL;
}

const char *candidate_lease(const struct candidate *c)
{
	return c->name;
}

static void on_done(void *ud, const struct kube_answer *answer)
{
	struct candidate *c = ud;

	c->call = NULL;
	election_answered(&c->election, answer->error && answer->status < 300 ? 0 : answer->status,
		lease_client_version(answer), answer->retry_after, loop_clock());
	/* If it is gone, making it again tells. */
	if (answer->status != 404 || !c->election.sent.version[0])
		lease_client_tell(c->client, &c->trouble, c->name, answer);
	act(c);
}

static void send(struct candidate *c, const struct election_step *step)
{
	const struct lease l = {.name = c->name,
		.resource_version = step->version,
		.holder = step->holder,
		.duration = ELECTION_DURATION,
		.transitions = step->transitions,
		.acquired = step->acquired};

	c->call = lease_client_put(c->client, &l, ELECTION_TIMEOUT, on_done, c);
}

static void arm(struct candidate *c, uint64_t at)
{
	uint64_t now = loop_now(c->client->loop);

	if (at == UINT64_MAX)
		loop_timer_stop(c->timer);
	else
		loop_timer_arm(c->timer, at > now ? at - now : 0);
}

static struct election_step next(struct candidate *c)
{
	return election_next(&c->election, loop_clock(), loop_date());
}

/* After everything that happens. */
static void act(struct candidate *c)
{
	struct election_step step = next(c);

	if (step.action != ELECTION_WAIT) {
		send(c, &step);
		step = next(c);
	}
	arm(c, step.at);
	if (c->led != c->election.leads) {
		c->led = c->election.leads;
		c->ops.on_leadership(c->ud, c->led);
	}
	if (election_left(&c->election) && !c->told_left) {
		c->told_left = true;
		c->ops.on_left(c->ud);
	}
}

void candidate_seen(struct candidate *c, const struct lease *l)
{
	const struct kube_answer works = {.status = 200};

	/* Who does not lead any more makes no request that could tell. */
	if (!c->call && strcmp(l->holder, c->client->identity) != 0)
		lease_client_tell(c->client, &c->trouble, c->name, &works);
	election_seen(&c->election, l, loop_clock());
	act(c);
}

void candidate_gone(struct candidate *c)
{
	election_gone(&c->election);
	act(c);
}

void candidate_synced(struct candidate *c)
{
	election_synced(&c->election, loop_clock());
	act(c);
}

bool candidate_leads(const struct candidate *c)
{
	return election_leads(&c->election, loop_clock());
}

const char *candidate_leader(const struct candidate *c)
{
	return election_leader(&c->election, loop_clock());
}

void candidate_leave(struct candidate *c)
{
	election_leave(&c->election);
	act(c);
}
