/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/members.h"

#include <string.h>

#include "base/hash.h"
#include "lead/prefix_set.h"

struct member {
	UT_hash_handle hh;
	char *uid, *version, *announces;
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

static void member_free(struct members *ms, struct member *m)
{
	HASH_DEL(ms->all, m);
	prefix_set_done(&m->set);
	free(m->uid);
	free(m->version);
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

static struct member *add(struct members *ms, const char *pod)
{
	size_t len = strlen(pod);
	struct member *m = xcalloc(1, sizeof *m + len + 1);

	memcpy(m->pod, pod, len);
	m->uid = xstrdup("");
	m->version = xstrdup("");
	m->announces = xstrdup("");
	HASH_ADD_KEYPTR(hh, ms->all, m->pod, len, m);
	return m;
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

static bool set_announces(struct member *m, const char *text, struct err *e)
{
	if (strcmp(m->announces, text) == 0)
		return false;
	xreplace(&m->announces, text);
	prefix_set_done(&m->set);
	if (prefix_set_parse(&m->set, text, e) < 0)
		err_wrap(e, "annotation %s of the Lease of %s", LEASE_ANNOUNCES, m->pod);
	return true;
}

bool members_seen(
	struct members *ms, const char *pod, const struct lease *l, uint64_t now, struct err *e)
{
	struct member *m = find(ms, pod);
	bool changed;

	advance(ms, now);
	if (!m)
		m = add(ms, pod);
	/* The same version again is no renewal: it was listed again. */
	if (strcmp(m->version, l->resource_version) == 0)
		return bury(ms);
	xreplace(&m->version, l->resource_version);
	xreplace(&m->uid, l->uid);
	m->renewed = ms->clock;
	m->duration = l->duration ? l->duration : MEMBERS_DURATION;
	changed = set_announces(m, l->announces, e);
	if (!m->lives)
		changed = m->lives = true;
	return bury(ms) || changed;
}

bool members_gone(struct members *ms, const char *pod, uint64_t now)
{
	struct member *m = find(ms, pod);
	bool changed = m && m->lives;

	advance(ms, now);
	if (m)
		member_free(ms, m);
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

bool members_garbage(const struct members *ms, struct members_garbage *ret)
{
	for (const struct member *m = ms->all; m; m = m->hh.next) {
		if (m->lives || ms->clock < m->renewed + m->duration + MEMBERS_GARBAGE)
			continue;
		*ret = (struct members_garbage){m->pod, m->uid, m->version};
		return true;
	}
	return false;
}
