/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/grace.h"

#include <stddef.h>

static void advance(struct grace *g, uint64_t now)
{
	uint64_t step = g->looked_at ? now - g->looked_at : 1;

	g->clock += step < GRACE_STEP ? step : GRACE_STEP;
	g->looked_at = now;
}

/* A connection begins with a word, as it were. */
static void hear(struct grace *g, const struct grace_facts *f)
{
	bool shall_speak = f->is_connected && (f->pulses || f->n_words == 0);

	if (!f->is_connected || f->n_words != g->n_words || !g->heard_at)
		g->heard_at = g->clock;
	g->n_words = f->n_words;
	g->hangs = shall_speak && g->clock - g->heard_at > GRACE_SILENCE;
}

/* `since`: when it failed, if it is not well. */
static void note(const struct grace *g, struct grace_part *p, bool is_well, uint64_t since)
{
	if (!is_well) {
		p->well_since = 0;
		if (!p->broken_since)
			p->broken_since = since;
	} else if (p->broken_since && !p->well_since) {
		p->well_since = g->clock;
	}
	if (p->well_since && g->clock - p->well_since >= GRACE_HOLD)
		*p = (struct grace_part){0};
}

static bool is_bad_now(const struct grace_part *p)
{
	return p->broken_since && !p->well_since;
}

/* Who is well at the moment may have used its grace up, and loses nothing before the next fault. */
static bool is_over(const struct grace *g, const struct grace_part *p, uint64_t limit)
{
	return is_bad_now(p) && g->clock - p->broken_since >= limit;
}

static const char *fault_now(const struct grace *g, uint64_t limit)
{
	if (is_over(g, &g->controller, limit))
		return g->hangs ? "the controller does not answer" : "the controller is away";
	return is_over(g, &g->keepalived, limit) ? "keepalived does not run" : NULL;
}

static void suspend(struct grace *g, const char *fault)
{
	bool is_soon = g->back_at && g->clock - g->back_at < GRACE_HOLD_MAX;

	g->reason = fault;
	g->hold = is_soon ? 2 * g->hold : GRACE_HOLD;
	if (g->hold > GRACE_HOLD_MAX)
		g->hold = GRACE_HOLD_MAX;
	g->well_at = 0;
}

static bool is_any_bad(const struct grace *g)
{
	return is_bad_now(&g->controller) || is_bad_now(&g->keepalived);
}

static void resume(struct grace *g)
{
	g->reason = NULL;
	g->back_at = g->clock;
}

static void wait_on(struct grace *g, const char *fault)
{
	if (fault)
		g->reason = fault;
	if (is_any_bad(g))
		g->well_at = 0;
	else if (!g->well_at)
		g->well_at = g->clock;
	if (g->well_at && g->clock - g->well_at >= g->hold)
		resume(g);
}

bool grace_look(struct grace *g, const struct grace_facts *f, uint64_t limit, uint64_t now)
{
	const char *before = g->reason, *fault;
	bool is_there;

	advance(g, now);
	hear(g, f);
	is_there = f->is_connected && !g->hangs;
	note(g, &g->controller, is_there, g->heard_at);
	/* Of keepalived nobody knows without a controller. */
	if (is_there)
		note(g, &g->keepalived, !f->lacks_keepalived, g->clock);
	fault = limit ? fault_now(g, limit) : NULL;
	if (!limit)
		g->reason = NULL;
	else if (g->reason)
		wait_on(g, fault);
	else if (fault)
		suspend(g, fault);
	return g->reason != before;
}

uint64_t grace_wait(const struct grace *g)
{
	uint64_t waited = g->well_at ? g->clock - g->well_at : 0;

	return g->reason && g->well_at ? g->hold - waited : 0;
}
