/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/story.h"

#include <stdlib.h>

#include "base/mem.h"
#include "publish/conditions.h"

/* What a status said before and what it shall say. */
struct change {
	struct story *story;
	const struct facts *facts;
	const struct held *held;
	bool reminds; /* only what is wrong */
	struct conditions next;
	bool differs[N_CONDITIONS]; /* which conditions are not as they are held */
};

/* Consumes `note`. */
static void add(const struct change *ch, bool warning, enum reason reason, char *note)
{
	if (warning || !ch->reminds)
		ch->story->events[ch->story->n_events++] =
			(struct story_event){warning, reason, note};
	else
		free(note);
}

static void tell_acceptance(const struct change *ch, const struct condition *c)
{
	bool fits = c->status == 'T' && !reason_is_note(c->reason);
	bool is_reason = c->status == 'T' || c->reason == REASON_CONFLICT;

	if (!fits)
		add(ch, true, is_reason ? c->reason : REASON_REJECTED, xstrdup(c->message));
	else if (ch->held->conditions[CONDITION_ACCEPTED].status == 'F')
		add(ch, false, REASON_ACCEPTED, xstrdup(c->message));
}

static void tell_address(const struct change *ch, const struct condition *c)
{
	CLEANUP_FREE char *old = vips_text(ch->held->vips, ch->held->n_vips);
	bool same = conditions_keep_vips(&ch->next, ch->held), had = ch->held->n_vips > 0;

	if (c->status == 'T' && !same && had)
		add(ch, false, REASON_ADDRESS_CHANGED,
			xasprintf("%s, instead of %s", c->message, old));
	else if (c->status == 'T' &&
		 (!same || ch->held->conditions[CONDITION_ADDRESS_ASSIGNED].status != 'T'))
		add(ch, false, REASON_ADDRESS_ASSIGNED, xstrdup(c->message));
	else if (c->status != 'T' && had && !ch->next.n_vips)
		add(ch, true, c->reason, xasprintf("%s is taken away: %s", old, c->message));
	else if (c->status == 'F' && ch->differs[CONDITION_ADDRESS_ASSIGNED] &&
		 c->reason != REASON_NOT_ACCEPTED) /* which was told */
		add(ch, true, c->reason, xstrdup(c->message));
}

static void tell_announced(const struct change *ch)
{
	const struct facts *f = ch->facts;
	CLEANUP_FREE char *vips = f->n_served ? vips_text(f->served, f->n_served)
					      : vips_text(ch->next.vips, ch->next.n_vips);
	CLEANUP_FREE char *names = names_text(f->announcers, f->n_announcers);

	add(ch, false, REASON_ANNOUNCED,
		xasprintf("%s announced by %s%s", vips, names, facts_where(f)));
	/* A part that has no endpoints, while the rest is announced; whether it is accepted says
	 * other reasons. */
	if (ch->next.lack && f->decision->reason == REASON_NO_ENDPOINTS)
		add(ch, true, REASON_NO_ENDPOINTS, xstrdup(ch->next.lack));
}

/* Nobody announces it. With each new Service that is so for a moment. */
static void tell_silence(const struct change *ch, const struct condition *c)
{
	bool may_move = c->reason == REASON_NOT_ANNOUNCED;
	bool same = conditions_keep_vips(&ch->next, ch->held);
	bool was_announced = ch->held->conditions[CONDITION_ANNOUNCED].status == 'T';
	bool withdrawn = was_announced && (same || !may_move);
	CLEANUP_FREE char *vips = withdrawn ? vips_text(ch->held->vips, ch->held->n_vips)
					    : vips_text(ch->next.vips, ch->next.n_vips);

	if (withdrawn || c->reason == REASON_NO_ENDPOINTS || (ch->reminds && may_move))
		add(ch, true, withdrawn ? REASON_WITHDRAWN : c->reason,
			xasprintf("%s is %s", vips, c->message));
}

static void tell(struct change *ch)
{
	const struct condition *next = ch->next.items;
	const struct condition *announced = &next[CONDITION_ANNOUNCED];

	if (ch->differs[CONDITION_ACCEPTED])
		tell_acceptance(ch, &next[CONDITION_ACCEPTED]);
	if (ch->differs[CONDITION_ADDRESS_ASSIGNED] || !conditions_keep_vips(&ch->next, ch->held))
		tell_address(ch, &next[CONDITION_ADDRESS_ASSIGNED]);
	if (ch->differs[CONDITION_ANNOUNCED] && announced->status == 'T')
		tell_announced(ch);
	else if (ch->differs[CONDITION_ANNOUNCED])
		tell_silence(ch, announced);
}

static void compare(struct story *ret, const struct facts *f, const struct held *held, bool reminds)
{
	struct change ch = {.story = ret, .facts = f, .held = held, .reminds = reminds};

	*ret = (struct story){0};
	conditions_build(&ch.next, f);
	for (enum condition_type i = 0; i < N_CONDITIONS; i++) {
		json_auto_t *json = condition_json(&ch.next, i, f->service->generation);

		ch.differs[i] = held_condition_digest(json) != held->conditions[i].digest;
	}
	tell(&ch);
	conditions_done(&ch.next);
}

void story_tell(struct story *ret, const struct facts *f)
{
	compare(ret, f, &f->service->held, false);
}

void story_remind(struct story *ret, const struct facts *f)
{
	static const struct held nothing;

	compare(ret, f, &nothing, true);
}

void story_done(struct story *s)
{
	for (size_t i = 0; i < s->n_events; i++)
		free(s->events[i].note);
	*s = (struct story){0};
}
