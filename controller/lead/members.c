/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/members.h"

#include <ctype.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/str.h"
#include "lead/heard.h"
#include "lead/lease_addresses.h"
#include "values/prefix_set.h"

/* A Lease as it was last seen; "": there is none. */
struct seen {
	char *uid, *version;
};

struct member {
	UT_hash_handle hh;
	struct seen heartbeat, announcement;
	char *announces;
	char *shown; /* its name, and where it announces; NULL: its name alone */
	struct prefix_set set;
	struct lease_addresses pod_ips, node_ips;
	uint64_t renewed; /* on the members' clock */
	uint64_t duration;
	bool lives;
	char pod[];
};

struct members {
	struct member *all;
	struct heard heard;
	bool moved; /* addresses are others */
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
	free(m->shown);
	lease_addresses_done(&m->pod_ips);
	lease_addresses_done(&m->node_ips);
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
	m->renewed = ms->heard.clock;
	m->duration = MEMBERS_DURATION;
	HASH_ADD_KEYPTR(hh, ms->all, m->pod, len, m);
	return m;
}

static void forget_if_gone(struct members *ms, struct member *m)
{
	if (!*m->heartbeat.version && !*m->announcement.version)
		member_free(ms, m);
}

static bool bury(struct members *ms)
{
	bool changed = false;

	for (struct member *m = ms->all; m; m = m->hh.next) {
		if (!m->lives || ms->heard.clock < m->renewed + m->duration)
			continue;
		m->lives = false;
		ms->moved |= m->pod_ips.n_items > 0;
		changed = true;
	}
	return changed;
}

/* Whether they are others. */
static bool set_addresses(struct member *m, struct lease_addresses *a, const char *annotation,
	const char *text, struct err *e)
{
	struct err why = {0};
	bool other = lease_addresses_set(a, text, &why);

	if (why.code) {
		err_wrap(&why, "annotation %s of the Lease of %s", annotation, m->pod);
		*e = why;
	}
	return other;
}

static void set_places(struct members *ms, struct member *m, const struct lease *l, struct err *e)
{
	ms->moved |= set_addresses(m, &m->pod_ips, LEASE_POD_IPS, l->pod_ips, e);
	ms->moved |= set_addresses(m, &m->node_ips, LEASE_NODE_IPS, l->node_ips, e);
}

bool members_seen(
	struct members *ms, const char *pod, const struct lease *l, uint64_t now, struct err *e)
{
	struct member *m;
	bool changed;

	heard_now(&ms->heard, now);
	m = find_or_add(ms, pod);
	/* The same version again is no renewal: it was listed again. */
	if (strcmp(m->heartbeat.version, l->resource_version) == 0)
		return bury(ms);
	set_seen(&m->heartbeat, l->uid, l->resource_version);
	set_places(ms, m, l, e);
	m->renewed = ms->heard.clock;
	m->duration = l->duration ? l->duration : MEMBERS_DURATION;
	changed = !m->lives;
	m->lives = true;
	ms->moved |= changed && m->pod_ips.n_items > 0;
	return bury(ms) || changed;
}

bool members_gone(struct members *ms, const char *pod, uint64_t now)
{
	struct member *m = find(ms, pod);
	bool changed = m && m->lives;
	struct err e = {0};

	heard_now(&ms->heard, now);
	if (m) {
		set_seen(&m->heartbeat, "", "");
		set_places(ms, m, &(struct lease){.pod_ips = "", .node_ips = ""}, &e);
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
	if (prefix_set_parse(&m->set, text, LIMIT_ANNOUNCES, e) < 0)
		err_wrap(e, "annotation %s of the Lease of %s", LEASE_ANNOUNCES, m->pod);
	return m->lives;
}

/* For people to read, so only what is on one line and short. */
static bool is_readable(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (!isprint((unsigned char)text[i]))
			return false;
	return len > 0 && len <= LIMIT_ANNOUNCED_ON;
}

static bool set_place(struct member *m, const char *where)
{
	CLEANUP_FREE char *shown = is_readable(where) ? xasprintf("%s (%s)", m->pod, where) : NULL;

	if (str_equal(m->shown, shown))
		return false;
	free(m->shown);
	m->shown = steal(shown);
	return m->lives;
}

bool members_announce(
	struct members *ms, const char *pod, const struct lease *l, uint64_t now, struct err *e)
{
	struct member *m;
	bool changed;

	heard_now(&ms->heard, now);
	m = find_or_add(ms, pod);
	set_seen(&m->announcement, l->uid, l->resource_version);
	changed = set_announces(m, l->announces, e);
	changed |= set_place(m, l->announced_on);
	return bury(ms) || changed;
}

bool members_silent(struct members *ms, const char *pod, uint64_t now)
{
	struct member *m = find(ms, pod);
	struct err e = {0};
	bool changed = m && set_announces(m, "", &e);

	if (m)
		changed |= set_place(m, "");
	heard_now(&ms->heard, now);
	if (m) {
		set_seen(&m->announcement, "", "");
		forget_if_gone(ms, m);
	}
	return bury(ms) || changed;
}

bool members_lives(const struct members *ms, const char *pod)
{
	const struct member *m = find(ms, pod);

	return m && m->lives;
}

bool members_heard(struct members *ms, uint64_t now)
{
	heard_now(&ms->heard, now);
	return bury(ms);
}

static bool announces_all(const struct member *m, const struct ipaddr vips[], size_t n_vips)
{
	for (size_t i = 0; i < n_vips; i++)
		if (!prefix_set_contains(&m->set, &vips[i]))
			return false;
	return true;
}

static const char *shown_of(const struct member *m)
{
	return m->shown ? m->shown : m->pod;
}

static bool announces_one(const struct member *m, const struct ipaddr vips[], size_t n_vips)
{
	for (size_t i = 0; i < n_vips; i++)
		if (prefix_set_contains(&m->set, &vips[i]))
			return true;
	return false;
}

static bool is_announced(const struct members *ms, const struct ipaddr *vip)
{
	for (const struct member *m = ms->all; m; m = m->hh.next)
		if (m->lives && prefix_set_contains(&m->set, vip))
			return true;
	return false;
}

static bool are_announced(const struct members *ms, const struct ipaddr vips[], size_t n_vips)
{
	for (size_t i = 0; i < n_vips; i++)
		if (!is_announced(ms, &vips[i]))
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
			names[n++] = shown_of(m);
	if (n == 0 && are_announced(ms, vips, n_vips))
		for (const struct member *m = ms->all; m; m = m->hh.next)
			if (m->lives && announces_one(m, vips, n_vips))
				names[n++] = shown_of(m);
	if (n > 1)
		qsort(names, n, sizeof *names, by_name);
	*ret_n = n;
	return names;
}

static int by_address(const void *a, const void *b)
{
	const struct member_address *left = a, *right = b;
	int order = ipaddr_cmp(&left->addr, &right->addr);

	return order ? order : (int)left->is_node - (int)right->is_node;
}

static size_t add_addresses(
	struct member_address list[], size_t n, const struct lease_addresses *a, bool is_node)
{
	for (size_t i = 0; i < a->n_items; i++)
		list[n++] = (struct member_address){a->items[i], is_node};
	return n;
}

struct member_address *members_addresses(const struct members *ms, size_t *ret_n)
{
	size_t max = HASH_COUNT(ms->all) * (2 * LIMIT_LEASE_ADDRESSES), n = 0, kept = 0;
	struct member_address *list = xcalloc(max, sizeof *list);

	for (const struct member *m = ms->all; m; m = m->hh.next) {
		if (m->lives)
			n = add_addresses(list, n, &m->pod_ips, false);
		n = add_addresses(list, n, &m->node_ips, true);
	}
	if (n > 1)
		qsort(list, n, sizeof *list, by_address);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !ipaddr_equal(&list[kept - 1].addr, &list[i].addr))
			list[kept++] = list[i];
	*ret_n = kept;
	return list;
}

bool members_moved(struct members *ms)
{
	bool moved = ms->moved;

	ms->moved = false;
	return moved;
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
		if (m->lives || ms->heard.clock < m->renewed + m->duration + MEMBERS_GARBAGE)
			continue;
		*ret = garbage_of(m);
		return true;
	}
	return false;
}
