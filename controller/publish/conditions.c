/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/conditions.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "doc/jsonx.h"

enum { LISTED = 8 };

/* Appends an item to a list that is cut; consumes `list`. */
static char *list_add(char *list, size_t n_before, const char *item)
{
	char *longer;

	if (n_before >= LISTED)
		return list;
	longer = xasprintf("%s%s%s", list, n_before ? ", " : "", item);
	free(list);
	return longer;
}

static char *list_end(char *list, size_t n)
{
	char *longer;

	if (n <= LISTED)
		return list;
	longer = xasprintf("%s and %zu more", list, n - LISTED);
	free(list);
	return longer;
}

char *vips_text(const struct ipaddr vips[], size_t n_vips)
{
	char *list = xstrdup(""), buf[IPADDR_TEXT];

	for (size_t i = 0; i < n_vips; i++)
		list = list_add(list, i, ipaddr_format(buf, &vips[i]));
	return list_end(list, n_vips);
}

char *names_text(const char *const names[], size_t n_names)
{
	char *list = xstrdup("");

	for (size_t i = 0; i < n_names; i++)
		list = list_add(list, i, names[i]);
	return list_end(list, n_names);
}

/* Consumes `message`. */
static struct condition say(char status, enum reason reason, char *message)
{
	struct condition c = {.status = status, .reason = reason, .message = message};

	if (strlen(message) > LIMIT_CONDITION_MESSAGE) {
		c.message = xasprintf("%.*s...", LIMIT_CONDITION_MESSAGE - 3, message);
		free(message);
	}
	return c;
}

static bool has_outcome(const struct facts *f, enum fleet_outcome outcome)
{
	return f->decision && f->decision->outcome == outcome;
}

static struct condition accepted(const struct facts *f)
{
	const struct fleet_service *d = f->decision;

	if (f->service->reason)
		return say('F', f->service->reason, xstrdup(f->service->message));
	if (has_outcome(f, FLEET_REJECTED))
		return say('F', d->reason, xstrdup(d->message));
	if (has_outcome(f, FLEET_CONFLICT))
		return say('F', REASON_CONFLICT, xstrdup(d->complaint));
	if (d && reason_is_note(d->reason))
		return say('T', d->reason, xstrdup(d->complaint));
	return say('T', REASON_ACCEPTED, xstrdup("its annotations and fields are fine"));
}

/* Whether nothing of it can be served, whatever its addresses and endpoints are. */
static bool is_refused(const struct facts *f)
{
	return f->service->reason || has_outcome(f, FLEET_REJECTED);
}

/*
 * Addresses of a Service that several fleets may think theirs stay as they are: their leaders would
 * write against each other for ever. Only those of type LoadBalancer may have any.
 */
static void choose_vips(struct conditions *ret, const struct facts *f)
{
	const struct service *s = f->service;
	bool disputed = s->reason && (s->any_fleet || s->reason == REASON_FLEET_MISMATCH);

	if (s->reason == REASON_NOT_LOAD_BALANCER)
		return;
	if (disputed && held_is_marked(&s->held)) {
		ret->vips = s->held.vips;
		ret->n_vips = s->held.n_vips;
	} else if (!disputed && f->assignment) {
		ret->vips = f->assignment->vips;
		ret->n_vips = f->assignment->n_vips;
	}
}

static char *assigned_text(const struct conditions *c, const char *pool)
{
	CLEANUP_FREE char *first = vips_text(c->vips, 1);
	CLEANUP_FREE char *others = vips_text(c->vips + 1, c->n_vips - 1);
	const char *comma = *others ? ", " : "";

	return pool ? xasprintf("%s from pool %s%s%s", first, pool, comma, others)
		    : xasprintf("%s%s%s", first, comma, others);
}

/* It has not what it asks for, maybe something older. */
static struct condition unassigned(
	const struct conditions *c, enum reason reason, const char *message)
{
	CLEANUP_FREE char *kept = vips_text(c->vips, c->n_vips);

	if (c->n_vips)
		return say('F', reason, xasprintf("keeps %s: %s", kept, message));
	return say('F', reason, xstrdup(message));
}

static struct condition address_assigned(const struct conditions *c, const struct facts *f)
{
	const struct assignment *a = f->assignment;

	if (f->service->reason)
		return unassigned(c, REASON_NOT_ACCEPTED, "it is not accepted");
	if (a && a->reason)
		return unassigned(c, a->reason, a->message);
	if (!c->n_vips)
		return unassigned(c, REASON_NO_ADDRESS, "it has no address yet");
	return say('T', REASON_ADDRESS_ASSIGNED, assigned_text(c, a->pool));
}

bool conditions_keep_vips(const struct conditions *c, const struct held *held)
{
	return ipaddrs_equal(c->vips, c->n_vips, held->vips, held->n_vips);
}

static struct condition unannounced(enum reason reason, const char *why)
{
	return say('F', reason, xasprintf("announced by nobody: %s", why));
}

/* What else than health checks may be wrong. */
static const char *no_way(const struct facts *f)
{
	if (f->by_program)
		return "no load balancer's exec.program has told the network";
	return f->on_layer_2 ? "no load balancer's node is in its network" : "no BGP session is up";
}

static struct condition unannounced_though_accepted(
	const struct conditions *c, const struct facts *f)
{
	CLEANUP_FREE char *why = NULL;

	if (c->lack)
		return unannounced(f->decision->reason, c->lack);
	if (has_outcome(f, FLEET_CONFLICT) && f->decision->n_virtual_servers == 0)
		return unannounced(REASON_CONFLICT, c->items[CONDITION_ACCEPTED].message);
	if (!f->decision || has_outcome(f, FLEET_PENDING) ||
		!conditions_keep_vips(c, &f->service->held))
		return unannounced(
			REASON_NOT_ANNOUNCED, "the load balancers do not know of its address yet");
	if (c->n_vips > 1)
		return say('F', REASON_NOT_ANNOUNCED,
			xasprintf(
				"not announced as a whole: health checks fail, or %s", no_way(f)));
	why = xasprintf("all health checks fail, or %s", no_way(f));
	return unannounced(REASON_NOT_ANNOUNCED, why);
}

static size_t count_served(const struct conditions *c, const struct facts *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_served; i++)
		n += ipaddrs_have(c->vips, c->n_vips, &f->served[i]);
	return n;
}

/* Whether what is announced is what it has; or, where one address is enough, is among it. */
static bool is_enough(const struct conditions *c, const struct facts *f)
{
	if (f->n_announcers == 0)
		return false;
	return conditions_keep_vips(c, &f->service->held) ||
	       (facts_may_lack(f->service) && f->n_served > 0 && count_served(c, f) == f->n_served);
}

/* ", but not fd00::1", or "": what they do not announce, unless that has no endpoints. */
static char *exception_text(const struct conditions *c, const struct facts *f)
{
	CLEANUP_FREE struct ipaddr *others = xcalloc(c->n_vips, sizeof *others);
	CLEANUP_FREE char *text = NULL;
	size_t n = 0;

	for (size_t i = 0; f->n_served > 0 && !c->lack && i < c->n_vips; i++)
		if (!ipaddrs_have(f->served, f->n_served, &c->vips[i]))
			others[n++] = c->vips[i];
	text = vips_text(others, n);
	return n ? xasprintf(", but not %s", text) : xstrdup("");
}

static struct condition announced(const struct conditions *c, const struct facts *f)
{
	CLEANUP_FREE char *names = NULL, *exception = NULL;

	if (is_refused(f))
		return unannounced(REASON_NOT_ACCEPTED, "it is not accepted");
	if (c->n_vips == 0)
		return unannounced(REASON_NO_ADDRESS, "it has no address");
	if (!is_enough(c, f))
		return unannounced_though_accepted(c, f);
	names = names_text(f->announcers, f->n_announcers);
	exception = exception_text(c, f);
	return say('T', REASON_ANNOUNCED,
		xasprintf("announced by %s%s%s%s%s", names, facts_where(f), exception,
			c->lack ? "; " : "", c->lack ? c->lack : ""));
}

void conditions_build(struct conditions *ret, const struct facts *f)
{
	*ret = (struct conditions){0};
	choose_vips(ret, f);
	if (has_outcome(f, FLEET_NO_ENDPOINTS))
		ret->lack = xstrdup(f->decision->complaint);
	ret->items[CONDITION_ACCEPTED] = accepted(f);
	ret->items[CONDITION_ADDRESS_ASSIGNED] = address_assigned(ret, f);
	ret->items[CONDITION_ANNOUNCED] = announced(ret, f);
}

void conditions_done(struct conditions *c)
{
	for (size_t i = 0; i < N_CONDITIONS; i++)
		free(c->items[i].message);
	free(c->lack);
	*c = (struct conditions){0};
}

json_t *condition_json(const struct conditions *c, enum condition_type type, int64_t generation)
{
	const struct condition *one = &c->items[type];
	json_t *json = jsonx_must(json_pack("{s:s, s:s, s:s, s:s}", "type",
		condition_type_name(type), "status", one->status == 'T' ? "True" : "False",
		"reason", reason_name(one->reason), "message", one->message));

	if (generation)
		jsonx_set(json, "observedGeneration", json_integer(generation));
	return json;
}
