/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/outages.h"

#include <string.h>

#include "base/hash.h"

enum {
	SECOND = 1000 * 1000,
	PAUSE_MIN = SECOND,
	PAUSE_MAX = 30 * SECOND,
};

struct outage_ns {
	char *name;
	struct outage outage;
	const struct outage_member *failed; /* one that did; NULL: none since a success */
	size_t n_members, n_on_way;
	UT_hash_handle hh;
};

struct outages {
	struct outage_ns *namespaces;
	struct outage outage;
	const struct outage_ns *failed; /* as above */
	size_t n_on_way;
	unsigned round; /* pauses of those before are over */
};

struct outages *outages_new(void)
{
	return xnew0(struct outages);
}

struct outages *outages_free(struct outages *o)
{
	free(o);
	return NULL;
}

static struct outage_ns *ns_of(struct outages *o, const char *name)
{
	size_t len = strlen(name);
	struct outage_ns *ns;

	HASH_FIND(hh, o->namespaces, name, len, ns);
	if (ns)
		return ns;
	ns = xnew0(struct outage_ns);
	ns->name = xstrdup(name);
	HASH_ADD_KEYPTR(hh, o->namespaces, ns->name, len, ns);
	return ns;
}

void outages_join(struct outages *o, struct outage_member *m, const char *ns)
{
	m->ns = ns_of(o, ns);
	m->ns->n_members++;
}

void outages_leave(struct outages *o, struct outage_member *m)
{
	struct outage_ns *ns = steal(m->ns);

	if (ns->failed == m)
		ns->failed = NULL;
	if (--ns->n_members > 0)
		return;
	if (o->failed == ns)
		o->failed = NULL;
	HASH_DELETE(hh, o->namespaces, ns);
	free(ns->name);
	free(ns);
}

static uint64_t end_of(const struct outages *o, const struct outage *outage)
{
	return outage->round == o->round ? outage->until : 0;
}

uint64_t outages_until(const struct outages *o, const struct outage_member *m)
{
	uint64_t at = end_of(o, &m->own), of_ns = end_of(o, &m->ns->outage);
	uint64_t of_all = m->ns->failed || o->n_on_way > 0 ? end_of(o, &o->outage) : 0;

	if (m->ns->outage.pause && m->ns->n_on_way > 0)
		return UINT64_MAX;
	if (at < of_ns)
		at = of_ns;
	return at < of_all ? of_all : at;
}

void outages_begin(struct outages *o, struct outage_member *m)
{
	o->n_on_way++;
	m->ns->n_on_way++;
}

void outages_end(struct outages *o, struct outage_member *m)
{
	o->n_on_way--;
	m->ns->n_on_way--;
}

static void go_on(const struct outages *o, struct outage *outage, uint64_t now)
{
	if (end_of(o, outage) > now)
		return;
	outage->pause = outage->pause ? 2 * outage->pause : PAUSE_MIN;
	if (outage->pause > PAUSE_MAX)
		outage->pause = PAUSE_MAX;
	outage->until = now + outage->pause;
	outage->round = o->round;
}

void outages_failed(struct outages *o, struct outage_member *m, uint64_t now)
{
	struct outage_ns *ns = m->ns;

	go_on(o, &m->own, now);
	if (ns->failed && ns->failed != m)
		go_on(o, &ns->outage, now);
	if (o->failed && o->failed != ns)
		go_on(o, &o->outage, now);
	ns->failed = m;
	o->failed = ns;
}

void outages_answered(struct outages *o, struct outage_member *m)
{
	m->own = m->ns->outage = o->outage = (struct outage){0};
	m->ns->failed = NULL;
	o->failed = NULL;
}

void outages_wake(struct outages *o)
{
	o->round++;
}
