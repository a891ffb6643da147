/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/election.h"

#include <stdio.h>
#include <string.h>

enum {
	RETRY_LEADING = 500 * 1000,
	RETRY_MIN = 1000 * 1000,
	RETRY_MAX = 4 * 1000 * 1000,
	/* A Lease that is nobody's is taken sooner than one whose holder may only be late. */
	FREE_JITTER_PART = 5,
};

void election_init(struct election *el, const char *identity, uint64_t random)
{
	*el = (struct election){.identity = identity, .jitter = random % ELECTION_JITTER};
}

/* Also while it is gone: the holder of a Lease that was taken away stays in the sight. */
static bool is_ours(const struct election *el, const struct election_sight *s)
{
	return strcmp(s->holder, el->identity) == 0;
}

/* What is known of the Lease now, from wherever it is newer. */
static const struct election_sight *current(const struct election *el)
{
	if (!el->held.present)
		return &el->told;
	if (el->told.present && lease_version_newer(el->told.version, el->held.version))
		return &el->told;
	return &el->held;
}

static void set_holder(struct election_sight *s, const char *holder)
{
	snprintf(s->holder, sizeof s->holder, "%s", holder);
}

static void set_version(struct election_sight *s, const char *version)
{
	snprintf(s->version, sizeof s->version, "%s", version);
}

void election_seen(struct election *el, const struct lease *l, uint64_t now)
{
	struct election_sight s = {.present = true,
		.at = now,
		.duration = l->duration ? l->duration : ELECTION_DURATION,
		.transitions = l->transitions,
		.acquired = l->acquired};

	/* Listed again: nobody has renewed it. */
	if (el->told.present && strcmp(el->told.version, l->resource_version) == 0)
		return;
	set_holder(&s, l->holder);
	set_version(&s, l->resource_version);
	el->told = s;
	if (!el->leads) {
		el->not_before = 0;
		return;
	}
	if (current(el) == &el->told && !is_ours(el, &el->told))
		el->leads = false;
}

/*
 * A leader goes on, and makes it again when its renewal finds nothing. The others wait as if it
 * were there: the leader may not know yet.
 */
void election_gone(struct election *el)
{
	el->told.present = false;
	if (!el->leads)
		el->held.present = false;
}

void election_synced(struct election *el, uint64_t now)
{
	if (!el->known && !el->told.present)
		el->told.at = now;
	el->known = true;
}

void election_leave(struct election *el)
{
	el->leaving = true;
	el->leads = false;
	el->not_before = 0;
}

bool election_left(const struct election *el)
{
	return el->left;
}

bool election_leads(const struct election *el, uint64_t now)
{
	return el->leads && now < el->renewed + ELECTION_LEADS;
}

const char *election_leader(const struct election *el, uint64_t now)
{
	const struct election_sight *s = current(el);

	if (election_leads(el, now))
		return el->identity;
	if (!s->present || is_ours(el, s) || now >= s->at + s->duration)
		return "";
	return s->holder;
}

/* When we may send a request to take or to renew it. */
static uint64_t due(const struct election *el)
{
	const struct election_sight *s = current(el);
	uint64_t at;

	if (el->leads)
		at = el->renewed + ELECTION_RENEW;
	else if (is_ours(el, s))
		at = 0;
	else if (s->holder[0] == '\0')
		at = s->at + el->jitter / FREE_JITTER_PART;
	else
		at = s->at + s->duration + el->jitter;
	return at > el->not_before ? at : el->not_before;
}

static struct election_step wait_until(const struct election *el, uint64_t at)
{
	struct election_step step = {.action = ELECTION_WAIT, .at = at};

	if (el->leads && el->renewed + ELECTION_LEADS < at)
		step.at = el->renewed + ELECTION_LEADS;
	return step;
}

static struct election_step send(struct election *el, enum election_action action, uint64_t now)
{
	el->pending = true;
	el->sent_at = now;
	return (struct election_step){.action = action,
		.version = el->sent.version,
		.holder = el->sent.holder,
		.transitions = el->sent.transitions,
		.acquired = el->sent.acquired};
}

static struct election_step take(struct election *el, uint64_t now, int64_t wall)
{
	const struct election_sight *s = current(el);

	el->sent = *s;
	el->sent.duration = ELECTION_DURATION;
	if (!is_ours(el, s)) {
		set_holder(&el->sent, el->identity);
		el->sent.acquired = wall;
		el->sent.transitions += s->present;
	}
	if (s->present)
		return send(el, ELECTION_UPDATE, now);
	set_version(&el->sent, "");
	return send(el, ELECTION_CREATE, now);
}

static struct election_step release(struct election *el, uint64_t now)
{
	const struct election_sight *s = current(el);

	if (!s->present || !is_ours(el, s)) {
		el->left = true;
		return wait_until(el, UINT64_MAX);
	}
	el->sent = *s;
	set_holder(&el->sent, "");
	return send(el, ELECTION_RELEASE, now);
}

struct election_step election_next(struct election *el, uint64_t now, int64_t wall)
{
	if (!election_leads(el, now))
		el->leads = false;
	if (el->pending || el->left)
		return wait_until(el, UINT64_MAX);
	if (el->leaving)
		return now < el->not_before ? wait_until(el, el->not_before) : release(el, now);
	if (!el->known)
		return wait_until(el, UINT64_MAX);
	return now < due(el) ? wait_until(el, due(el)) : take(el, now, wall);
}

static void succeeded(struct election *el, const char *version, uint64_t now)
{
	el->retry_delay = 0;
	el->not_before = 0;
	el->held = el->sent;
	el->held.present = true;
	el->held.at = now;
	set_version(&el->held, version);
	if (el->sent.holder[0] == '\0') {
		el->left = true;
		return;
	}
	el->renewed = el->sent_at;
	el->leads = !el->leaving && now < el->renewed + ELECTION_LEADS;
}

static void try_later(struct election *el, uint64_t retry_after, uint64_t now)
{
	uint64_t delay = el->retry_delay * 2;

	if (delay < RETRY_MIN)
		delay = RETRY_MIN;
	if (delay > RETRY_MAX)
		delay = RETRY_MAX;
	el->retry_delay = el->leads ? 0 : delay;
	if (el->leads)
		delay = RETRY_LEADING;
	el->not_before = now + (delay > retry_after ? delay : retry_after);
}

/*
 * The Lease is not what we thought. If an answer to us was lost, it is ours and the watch has told
 * or will tell. Else somebody has changed it a moment ago, whatever was seen last.
 */
static void lost_race(struct election *el, uint64_t retry_after, uint64_t now)
{
	if (el->told.present && is_ours(el, &el->told) &&
		lease_version_newer(el->told.version, el->sent.version))
		return;
	el->leads = false;
	el->held = (struct election_sight){0};
	el->told.at = now;
	try_later(el, retry_after, now);
}

void election_answered(
	struct election *el, int status, const char *version, uint64_t retry_after, uint64_t now)
{
	bool created = el->sent.version[0] == '\0';

	el->pending = false;
	if (status >= 200 && status < 300 && version[0] != '\0')
		succeeded(el, version, now);
	else if (status == 409)
		lost_race(el, retry_after, now);
	else if (status == 404 && !created)
		el->held.present = el->told.present = false;
	else
		try_later(el, retry_after, now);
}
