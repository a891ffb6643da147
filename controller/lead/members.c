/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/members.h"

#include <string.h>

#include "base/hash.h"
#include "lead/prefix_set.h"

/* A Lease as it was last seen; "": there is none. */
struct seen {
	char *uid, *version;
};

struct member {
	UT_hash_handle hh;
	struct seen heartbeat, announcement;
	char *announces;
	struct prefix_set set;
	uint64_t renewed; /* on the members' clock */
	uint64_t duration;
	bool lives;
	char pod[];
};

struct members {
	struct member *all;
	uint64_t clock; /* the time in which something was heard */
	uint64_t heard; /* the last time; 0: never */
};

struct members *members_new(void)
{
	return xnew0(struct members);
}

static void set_seen(struct seen *s, const char *uid, const char *version)
{
	xreplace(&s->uid, uid);
	xreplace(&s->version, version);
}

static void seen_done(struct seen *s)
{
	free(s->uid);
	free(s->version);
}

static void member_free(struct members *ms, struct member *m)
{
	HASH_DEL(ms->all, m);
	prefix_set_done(&m->set);
	seen_done(&m->heartbeat);
	seen_done(&m->announcement);
	free(m->announces);
	free(m);
}

struct members *members_free(struct members *ms)
{
	struct member *m, *next;

	if (!ms)
		return NULL;
	HASH_ITER(hh, ms->all, m, next)
		member_free(ms, m);
	free(ms);
	return NULL;
}

static struct member *find(const struct members *ms, const char *pod)
{
	struct member *m;

	HASH_FIND_STR(ms->all, pod, m);
	return m;
}

static struct member *find_or_add(struct members *ms, const char *pod)
{
	size_t len = strlen(pod);
	struct member *m = find(ms, pod);

	if (m)
		return m;
	m = xcalloc(1, sizeof *m + len + 1);
	memcpy(m->pod, pod, len);
	set_seen(&m->heartbeat, "", "");
	set_seen(&m->announcement, "", "");
	m->announces = xstrdup("");
	m->renewed = ms->clock;
	m->duration = MEMBERS_DURATION;
	HASH_ADD_KEYPTR(hh, ms->all, m->pod, len, m);
	return m;
}

static void forget_if_gone(struct members *ms, struct member *m)
{
	if (!*m->heartbeat.version && !*m->announcement.version)
		member_free(ms, m);
}

static void advance(struct members *ms, uint64_t now)
{
	if (ms->heard && now > ms->heard)
		ms->clock += now - ms->heard < MEMBERS_HEARD ? now - ms->heard : MEMBERS_HEARD;
	ms->heard = now;
}

static bool bury(struct members *ms)
{
	bool changed = false;

	for (struct member *m = ms->all; m; m = m->hh.next) {
		if (!m->lives || ms->clock < m->renewed + m->duration)
			continue;
		m->lives = false;
		changed = true;
	}
	return changed;
}

bool members_seen(struct members *ms, const char *pod, const struct lease *l, uint64_t now)
{
	struct member *m;
	bool changed;

	advance(ms, now);
	m = find_or_add(ms, pod);
	/* The same version again is no renewal: it was listed again. */
	if (strcmp(m->heartbeat.version, l->resource_version) == 0)
		return bury(ms);
	set_seen(&m->heartbeat, l->uid, l->resource_version);
	m->renewed = ms->clock;
	m->duration = l->duration ? l->duration : MEMBERS_DURATION;
	changed = !m->lives;
	m->lives = true;
	return bury(ms) || changed;
}

bool members_gone(struct members *ms, const char *pod, uint64_t now)
{
	struct member *m = find(ms, pod);
	bool changed = m && m->lives;

	advance(ms, now);
	if (m) {
		set_seen(&m->heartbeat, "", "");
		m->lives = false;
		forget_if_gone(ms, m);
	}
	return bury(ms) || changed;
}

static bool set_announces(struct member *m, const char *text, struct err *e)
{
	if (strcmp(m->announces, text) == 0)
		return false;
	xreplace(&m->announces, text);
	prefix_set_done(&m->set);
	if (prefix_set_parse(&m->set, text, e) < 0)
		err_wrap(e, "annotation %s of the Lease of %s", LEASE_ANNOUNCES, m->pod);
	return m->lives;
}

bool members_announce(
	struct members *ms, const char *pod, const struct lease *l, uint64_t now, struct err *e)
{
	struct member *m;
	bool changed;

	advance(ms, now);
	m = find_or_add(ms, pod);
	set_seen(&m->announcement, l->uid, l->resource_version);
	changed = set_announces(m, l->announces, e);
	return bury(ms) || changed;
}

bool members_silent(struct members *ms, const char *pod, uint64_t now)
{
	struct member *m = find(ms, pod);
	struct err e = {0};
	bool changed = m && set_announces(m, "", &e);

	advance(ms, now);
	if (m) {
		set_seen(&m->announcement, "", "");
		forget_if_gone(ms, m);
	}
	return bury(ms) || changed;
}

bool members_heard(struct members *ms, uint64_t now)
{
	advance(ms, now);
	return bury(ms);
}

static bool announces_all(const struct member *m, const struct ipaddr vips[], size_t n_vips)
{
	for (size_t i = 0; i < n_vips; i++)
		if (!prefix_set_contains(&m->set, &vips[i]))
			return false;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **members_announcers(
	const struct members *ms, const struct ipaddr vips[], size_t n_vips, size_t *ret_n)
{
	const char **names = xcalloc(HASH_COUNT(ms->all), sizeof(const char *));
	size_t n = 0;

	for (const struct member *m = ms->all; m; m = m->hh.next)
		if (m->lives && announces_all(m, vips, n_vips))
			names[n++] = m->pod;
	if (n > 1)
		qsort(names, n, sizeof *names, by_name);
	*ret_n = n;
	return names;
}

/* Its heartbeat last: that says since when it is dead. */
static struct members_garbage garbage_of(const struct member *m)
{
	bool announces = *m->announcement.version != '\0';
	const struct seen *s = announces ? &m->announcement : &m->heartbeat;

	return (struct members_garbage){m->pod, s->uid, s->version, announces};
}

bool members_garbage(const struct members *ms, struct members_garbage *ret)
{
	for (const struct member *m = ms->all; m; m = m->hh.next) {
		if (m->lives || ms->clock < m->renewed + m->duration + MEMBERS_GARBAGE)
			continue;
		*ret = garbage_of(m);
		return true;
	}
	return false;
}
