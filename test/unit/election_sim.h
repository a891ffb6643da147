/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lead/election.h"

/*
 * An API server with one Lease, and processes that want to lead, on a clock of ticks. Requests,
 * answers and events of the watch are under way for a while; a request that takes too long fails
 * for who sent it and may yet arrive.
 */

enum {
	SIM_TICK = 10 * 1000,
	SIM_SECOND = 1000 * 1000,
	SIM_PROCESSES = 3,
	SIM_VERSIONS = 512, /* of the Lease in one run */
};

struct sim_version {
	bool exists;
	char holder[16];
	uint64_t made;
};

struct sim_request {
	bool arrives, ends; /* are still to come */
	bool release;
	uint64_t arrives_at, ends_at;
	int status;
	size_t version; /* what it asks for, and then what it made */
	char holder[16];
};

struct sim_process {
	char name[16];
	bool lives;
	struct election election;
	struct sim_request request, late; /* late: it was given up and has not arrived */
	size_t seen;                      /* versions that the watch has told */
	bool synced;
};

struct sim {
	uint64_t now, random;
	struct sim_version versions[SIM_VERSIONS]; /* the first is that there is none */
	size_t n_versions;
	struct sim_process processes[SIM_PROCESSES];
	uint64_t request_delay, watch_delay; /* the most there is of either */
	bool server_away;
	unsigned twice, changes; /* ticks with two leaders; how often somebody else led */
	const struct sim_process *led;
};

static inline uint64_t sim_random(struct sim *s, uint64_t below)
{
	s->random = s->random * 6364136223846793005U + 1442695040888963407U;
	return below ? (s->random >> 33) % below : 0;
}

static inline void sim_start(struct sim *s, size_t i)
{
	struct sim_process *p = &s->processes[i];

	memset(p, 0, sizeof *p);
	snprintf(p->name, sizeof p->name, "lb-%zu", i);
	p->lives = true;
	p->seen = s->n_versions - 1; /* a list has what is there now */
	election_init(&p->election, p->name, sim_random(s, UINT32_MAX));
}

static inline void sim_init(struct sim *s, uint64_t seed, size_t n_processes)
{
	memset(s, 0, sizeof *s);
	s->random = seed;
	s->now = (uint64_t)1000 * SIM_SECOND;
	s->n_versions = 1;
	for (size_t i = 0; i < n_processes; i++)
		sim_start(s, i);
}

static inline void sim_tell(struct sim *s, struct sim_process *p, size_t version)
{
	char text[24];
	struct lease l = {.resource_version = text,
		.holder = s->versions[version].holder,
		.duration = ELECTION_DURATION};

	snprintf(text, sizeof text, "%zu", version);
	if (s->versions[version].exists)
		election_seen(&p->election, &l, s->now);
	else if (version > 0)
		election_gone(&p->election);
}

static inline void sim_watch(struct sim *s, struct sim_process *p)
{
	if (s->server_away)
		return;
	if (!p->synced) {
		sim_tell(s, p, p->seen++);
		election_synced(&p->election, s->now);
		p->synced = true;
	}
	while (p->seen < s->n_versions &&
		s->versions[p->seen].made + sim_random(s, s->watch_delay) <= s->now)
		sim_tell(s, p, p->seen++);
}

/* A new state of the Lease; returns its version. */
static inline size_t sim_write(struct sim *s, bool exists, const char *holder)
{
	struct sim_version *v = &s->versions[s->n_versions];

	if (s->n_versions == SIM_VERSIONS)
		return 0;
	v->exists = exists;
	v->made = s->now;
	snprintf(v->holder, sizeof v->holder, "%s", holder);
	return s->n_versions++;
}

static inline void sim_serve(struct sim *s, struct sim_request *r)
{
	const struct sim_version *v = &s->versions[s->n_versions - 1];

	r->arrives = false;
	if (s->server_away) {
		r->status = 0;
	} else if (r->version > 0 && !v->exists) {
		r->status = 404;
	} else if (r->version > 0 ? r->version != s->n_versions - 1 : v->exists) {
		r->status = 409;
	} else {
		r->status = 200;
		r->version = sim_write(s, true, r->holder);
	}
}

static inline void sim_send(struct sim *s, struct sim_process *p, const struct election_step *step)
{
	struct sim_request *r = &p->request;

	if (r->arrives)
		p->late = *r;
	*r = (struct sim_request){.arrives = true, .ends = true};
	r->version = step->version[0] ? (size_t)strtoul(step->version, NULL, 10) : 0;
	r->arrives_at = s->now + sim_random(s, s->request_delay);
	r->ends_at = r->arrives_at + sim_random(s, s->request_delay);
	snprintf(r->holder, sizeof r->holder, "%s", step->holder);
	if (r->ends_at - s->now > ELECTION_TIMEOUT)
		r->ends_at = s->now + ELECTION_TIMEOUT;
}

static inline void sim_answer(struct sim *s, struct sim_process *p)
{
	struct sim_request *r = &p->request;
	bool in_time = !r->arrives && r->ends_at - r->arrives_at < ELECTION_TIMEOUT;
	int status = in_time ? r->status : 0;
	char version[24] = "";

	r->ends = false;
	if (status == 200)
		snprintf(version, sizeof version, "%zu", r->version);
	election_answered(&p->election, status, version, 0, s->now);
}

static inline void sim_requests(struct sim *s, struct sim_process *p)
{
	if (p->late.arrives && p->late.arrives_at <= s->now)
		sim_serve(s, &p->late);
	if (p->request.arrives && p->request.arrives_at <= s->now)
		sim_serve(s, &p->request);
	if (p->lives && p->request.ends && p->request.ends_at <= s->now)
		sim_answer(s, p);
}

static inline void sim_act(struct sim *s, struct sim_process *p)
{
	struct election_step step;

	sim_watch(s, p);
	step = election_next(&p->election, s->now, (int64_t)s->now);
	if (step.action != ELECTION_WAIT)
		sim_send(s, p, &step);
}

/* Who leads; NULL if nobody does. */
static inline const struct sim_process *sim_leader(struct sim *s)
{
	const struct sim_process *leader = NULL;

	for (size_t i = 0; i < SIM_PROCESSES; i++) {
		const struct sim_process *p = &s->processes[i];

		if (!p->lives || !election_leads(&p->election, s->now))
			continue;
		s->twice += leader != NULL;
		leader = p;
	}
	if (leader && leader != s->led) {
		s->changes++;
		s->led = leader;
	}
	return leader;
}

static inline void sim_tick(struct sim *s)
{
	s->now += SIM_TICK;
	for (size_t i = 0; i < SIM_PROCESSES; i++) {
		sim_requests(s, &s->processes[i]);
		if (s->processes[i].lives)
			sim_act(s, &s->processes[i]);
	}
	sim_leader(s);
}

static inline void sim_run(struct sim *s, unsigned seconds)
{
	for (uint64_t end = s->now + (uint64_t)seconds * SIM_SECOND; s->now < end;)
		sim_tick(s);
}

/* Runs until somebody leads; returns the milliseconds it took, or UINT64_MAX after a minute. */
static inline uint64_t sim_until_led(struct sim *s)
{
	uint64_t begin = s->now;

	while (!sim_leader(s)) {
		if (s->now - begin > (uint64_t)60 * SIM_SECOND)
			return UINT64_MAX;
		sim_tick(s);
	}
	return (s->now - begin) / 1000;
}
