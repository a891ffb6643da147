/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/story.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "publish/conditions.h"

/* What the status says now and what it shall say. */
struct change {
	const struct held *held;
	struct conditions next;
	bool differs[N_CONDITIONS]; /* which conditions are not as they are held */
};

static void change_init(struct change *ret, const struct facts *f)
{
	ret->held = &f->service->held;
	conditions_build(&ret->next, f);
	for (enum condition_type i = 0; i < N_CONDITIONS; i++) {
		json_auto_t *json = condition_json(&ret->next, i, f->service->generation);

		ret->differs[i] = held_condition_digest(json) != ret->held->conditions[i].digest;
	}
}

static bool is_reason(const struct condition *c, enum reason reason)
{
	return c->reason == reason;
}

/* Consumes `note`. */
static void add(struct story *s, bool warning, enum reason reason, char *note)
{
	s->events[s->n_events++] = (struct story_event){warning, reason, note};
}

/* The condition as a Warning. */
static void warn(struct story *s, const struct condition *c, enum reason reason)
{
	add(s, true, reason, xstrdup(c->message));
}

/* What is wrong with it as it is asked for; false: nothing. */
static bool warn_of_acceptance(struct story *s, const struct condition *c)
{
	if (c->status == 'T' && !reason_is_note(c->reason))
		return false;
	warn(s, c, c->status == 'T' || is_reason(c, REASON_CONFLICT) ? c->reason : REASON_REJECTED);
	return true;
}

static void tell_acceptance(struct story *s, const struct change *ch)
{
	const struct condition *c = &ch->next.items[CONDITION_ACCEPTED];

	if (!ch->differs[CONDITION_ACCEPTED] || warn_of_acceptance(s, c))
		return;
	if (ch->held->conditions[CONDITION_ACCEPTED].status == 'F')
		add(s, false, REASON_ACCEPTED, xstrdup(c->message));
}

static void tell_new_address(struct story *s, const struct change *ch)
{
	const struct condition *c = &ch->next.items[CONDITION_ADDRESS_ASSIGNED];
	CLEANUP_FREE char *old = vips_text(ch->held->vips, ch->held->n_vips);
	bool same = conditions_keep_vips(&ch->next, ch->held);

	if (!same && ch->held->n_vips)
		add(s, false, REASON_ADDRESS_CHANGED,
			xasprintf("%s, instead of %s", c->message, old));
	else if (!same || ch->held->conditions[CONDITION_ADDRESS_ASSIGNED].status != 'T')
		add(s, false, REASON_ADDRESS_ASSIGNED, xstrdup(c->message));
}

/* That it has no address, or not the one it asks for. What is not accepted was told. */
static void warn_of_address(struct story *s, const struct change *ch)
{
	const struct condition *c = &ch->next.items[CONDITION_ADDRESS_ASSIGNED];

	if (c->status == 'F' && !is_reason(c, REASON_NOT_ACCEPTED))
		warn(s, c, c->reason);
}

static void tell_lost_address(struct story *s, const struct change *ch)
{
	const struct condition *c = &ch->next.items[CONDITION_ADDRESS_ASSIGNED];
	CLEANUP_FREE char *old = vips_text(ch->held->vips, ch->held->n_vips);

	add(s, true, c->reason, xasprintf("%s is taken away: %s", old, c->message));
}

static void tell_address(struct story *s, const struct change *ch)
{
	if (ch->next.items[CONDITION_ADDRESS_ASSIGNED].status == 'T')
		tell_new_address(s, ch);
	else if (ch->held->n_vips && !ch->next.n_vips)
		tell_lost_address(s, ch);
	else if (ch->differs[CONDITION_ADDRESS_ASSIGNED])
		warn_of_address(s, ch);
}

/* A part that has no endpoints, while the rest is announced. */
static void warn_of_lack(struct story *s, const struct change *ch)
{
	if (ch->next.lack)
		add(s, true, REASON_NO_ENDPOINTS, xstrdup(ch->next.lack));
}

static void tell_announced(struct story *s, const struct change *ch, const struct facts *f)
{
	CLEANUP_FREE char *vips = f->n_served ? vips_text(f->served, f->n_served)
					      : vips_text(ch->next.vips, ch->next.n_vips);
	CLEANUP_FREE char *names = names_text(f->announcers, f->n_announcers);

	add(s, false, REASON_ANNOUNCED, xasprintf("%s announced by %s", vips, names));
	warn_of_lack(s, ch);
}

/* That nobody announces an address which it has. */
static void warn_of_silence(struct story *s, const struct change *ch)
{
	const struct condition *c = &ch->next.items[CONDITION_ANNOUNCED];
	CLEANUP_FREE char *vips = vips_text(ch->next.vips, ch->next.n_vips);

	add(s, true, c->reason, xasprintf("%s is %s", vips, c->message));
}

static void tell_withdrawn(struct story *s, const struct change *ch)
{
	const struct condition *c = &ch->next.items[CONDITION_ANNOUNCED];
	CLEANUP_FREE char *vips = vips_text(ch->held->vips, ch->held->n_vips);

	add(s, true, REASON_WITHDRAWN, xasprintf("%s is %s", vips, c->message));
}

/* It gets another address, which will be announced in a moment. */
static bool is_moving(const struct change *ch)
{
	return is_reason(&ch->next.items[CONDITION_ANNOUNCED], REASON_NOT_ANNOUNCED) &&
	       !conditions_keep_vips(&ch->next, ch->held);
}

static void tell_announcement(struct story *s, const struct change *ch, const struct facts *f)
{
	const struct condition *c = &ch->next.items[CONDITION_ANNOUNCED];

	if (!ch->differs[CONDITION_ANNOUNCED])
		return;
	if (c->status == 'T')
		tell_announced(s, ch, f);
	else if (ch->held->conditions[CONDITION_ANNOUNCED].status == 'T' && !is_moving(ch))
		tell_withdrawn(s, ch);
	else if (is_reason(c, REASON_NO_ENDPOINTS))
		warn_of_silence(s, ch);
}

void story_tell(struct story *ret, const struct facts *f)
{
	struct change ch;

	*ret = (struct story){0};
	change_init(&ch, f);
	tell_acceptance(ret, &ch);
	tell_address(ret, &ch);
	tell_announcement(ret, &ch, f);
	conditions_done(&ch.next);
}

/* What is not accepted, in conflict or without an address was told as such. */
static bool is_silence(const struct condition *c)
{
	return c->status == 'F' &&
	       (is_reason(c, REASON_NO_ENDPOINTS) || is_reason(c, REASON_NOT_ANNOUNCED));
}

void story_remind(struct story *ret, const struct facts *f)
{
	struct change ch;

	*ret = (struct story){0};
	change_init(&ch, f);
	warn_of_acceptance(ret, &ch.next.items[CONDITION_ACCEPTED]);
	warn_of_address(ret, &ch);
	if (is_silence(&ch.next.items[CONDITION_ANNOUNCED]))
		warn_of_silence(ret, &ch);
	else if (ch.next.items[CONDITION_ANNOUNCED].status == 'T')
		warn_of_lack(ret, &ch);
	conditions_done(&ch.next);
}

void story_done(struct story *s)
{
	for (size_t i = 0; i < s->n_events; i++)
		free(s->events[i].note);
	*s = (struct story){0};
}
