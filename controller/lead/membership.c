/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/membership.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "kube/watch.h"
#include "lead/candidate.h"
#include "lead/members.h"
#include "lead/own_lease.h"
#include "lead/prefix_set.h"
#include "loop/loop.h"

enum {
	LEAVE = 2 * 1000 * 1000,  /* for our last requests */
	RENEW = 10 * 1000 * 1000, /* our heartbeat */
	SILENCE = 3 * RENEW,
	SWEEP = 60 * 1000 * 1000, /* from one Lease of the dead to the next */
	SWEEP_TIMEOUT = 5 * 1000 * 1000,
	PARTS = 3, /* that leave: the candidate and our Leases */
};

struct membership {
	struct lease_client client;
	struct membership_ops ops;
	void *ud;
	struct watch *watch;
	struct candidate *candidate;
	struct own_lease *heartbeat, *announcement;
	struct members *members;
	/* Of the members' Leases, "kago-FLEET." and "announces.kago-FLEET.": no fleet's heartbeat
	 * begins like an announcement. */
	char *heartbeats, *announcements;
	bool synced;
	struct kube_call *sweep; /* deletes the Lease of somebody dead */
	uint64_t swept;
	sd_event_source *leave; /* runs from membership_leave to `on_left` */
	unsigned parts_left;
	void (*on_left)(void *ud);
	void *left_ud;
};

static void tell_members(struct membership *m, bool changed)
{
	if (changed && m->synced)
		m->ops.on_members(m->ud);
}

static void on_swept(void *ud, const struct kube_answer *answer)
{
	struct membership *m = ud;

	(void)answer; /* if it failed, the next one is due soon enough */
	m->sweep = NULL;
}

static void sweep(struct membership *m)
{
	CLEANUP_FREE char *name = NULL;
	struct members_garbage garbage;
	uint64_t now = loop_clock();

	if (m->sweep || now < m->swept + SWEEP || !candidate_leads(m->candidate) ||
		!members_garbage(m->members, &garbage))
		return;
	name = xasprintf(
		"%s%s", garbage.is_announcement ? m->announcements : m->heartbeats, garbage.pod);
	m->swept = now;
	m->sweep = lease_client_delete(
		&m->client, name, garbage.uid, garbage.version, SWEEP_TIMEOUT, on_swept, m);
}

/* Whose Lease of this kind it is; NULL: it is of another kind. */
static const char *pod_of(const char *lease, const char *prefix)
{
	return str_has_prefix(lease, prefix) ? lease + strlen(prefix) : NULL;
}

/* Which of ours has this name; NULL if none. */
static struct own_lease *find_ours(const struct membership *m, const char *lease)
{
	if (strcmp(lease, own_lease_name(m->heartbeat)) == 0)
		return m->heartbeat;
	return strcmp(lease, own_lease_name(m->announcement)) == 0 ? m->announcement : NULL;
}

static bool take_member(struct membership *m, const struct lease *l)
{
	const char *pod = pod_of(l->name, m->heartbeats);
	uint64_t now = loop_clock();
	struct err e = {0};
	bool changed;

	if (pod)
		return members_seen(m->members, pod, l, now);
	pod = pod_of(l->name, m->announcements);
	if (!pod)
		return members_heard(m->members, now);
	changed = members_announce(m->members, pod, l, now, &e);
	if (e.code)
		m->ops.problem(m->ud, l->name, e.msg);
	return changed;
}

static bool lose_member(struct membership *m, const char *lease)
{
	const char *pod = pod_of(lease, m->heartbeats);
	uint64_t now = loop_clock();

	if (pod)
		return members_gone(m->members, pod, now);
	pod = pod_of(lease, m->announcements);
	return pod && members_silent(m->members, pod, now);
}

static void on_upsert(void *ud, const json_t *object)
{
	struct membership *m = ud;
	struct own_lease *ours;
	struct lease l;
	struct err e = {0};

	if (lease_decode(&l, object, &e) < 0) {
		m->ops.problem(m->ud, "a Lease", e.msg);
		return;
	}
	ours = find_ours(m, l.name);
	if (ours)
		own_lease_seen(ours, &l);
	tell_members(m, take_member(m, &l));
	if (strcmp(l.name, candidate_lease(m->candidate)) == 0)
		candidate_seen(m->candidate, &l);
	sweep(m);
}

static void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct membership *m = ud;
	struct own_lease *ours = find_ours(m, name);

	(void)kind;
	(void)ns;
	tell_members(m, lose_member(m, name));
	if (ours)
		own_lease_gone(ours);
	else if (strcmp(name, candidate_lease(m->candidate)) == 0)
		candidate_gone(m->candidate);
}

static void on_synced(void *ud)
{
	struct membership *m = ud;

	m->synced = true;
	own_lease_synced(m->heartbeat);
	own_lease_synced(m->announcement);
	candidate_synced(m->candidate);
	tell_members(m, true);
}

static void on_problem(void *ud, const char *where, const char *what)
{
	const struct membership *m = ud;

	m->ops.problem(m->ud, where, what);
}

static void on_recovered(void *ud, const char *where, uint64_t lost_for)
{
	const struct membership *m = ud;

	m->ops.recovered(m->ud, where, lost_for);
}

static void on_leadership(void *ud, bool leads)
{
	const struct membership *m = ud;

	m->ops.on_leadership(m->ud, leads);
}

/* `on_left` is called by the timer alone, where nothing of us is on the stack. */
static void on_part_left(void *ud)
{
	struct membership *m = ud;

	if (++m->parts_left == PARTS)
		loop_timer_arm(m->leave, 0);
}

static void on_leave_time(void *ud)
{
	struct membership *m = ud;
	void (*on_left)(void *ud) = steal(m->on_left);

	if (on_left)
		on_left(m->left_ud);
}

static int start_watch(struct membership *m, struct err *e)
{
	static const struct watch_ops ops = {
		on_upsert, on_remove, on_synced, on_problem, on_recovered};
	CLEANUP_FREE char *ns = kube_escape(m->client.ns);
	CLEANUP_FREE char *path = xasprintf("/apis/" LEASE_API_VERSION "/namespaces/%s/leases", ns);
	CLEANUP_FREE char *label = xasprintf(LEASE_FLEET_LABEL "=%s", m->client.fleet);
	CLEANUP_FREE char *value = kube_escape(label);
	CLEANUP_FREE char *selector = xasprintf("labelSelector=%s", value);
	const struct watch_spec spec = {.api_version = LEASE_API_VERSION,
		.kind = "Lease",
		.path = path,
		.selectors = selector,
		.silence = SILENCE};

	return watch_new(&m->watch, m->client.loop, m->client.kube, &spec, &ops, m, e);
}

static int make_own(struct own_lease **ret, struct membership *m, const char *prefix,
	uint64_t renew, struct err *e)
{
	CLEANUP_FREE char *name = xasprintf("%s%s", prefix, m->client.identity);

	if (strlen(name) > LIMIT_NAME)
		return err_set(e, EINVAL, "the name of our Lease, %s, has more than %d bytes", name,
			LIMIT_NAME);
	return own_lease_new(ret, &m->client, name, renew, on_part_left, m, e);
}

static int start(struct membership *m, struct err *e)
{
	static const struct candidate_ops ops = {on_leadership, on_part_left};
	int r = candidate_new(&m->candidate, &m->client, &ops, m, e);

	if (r == 0)
		r = make_own(&m->heartbeat, m, m->heartbeats, RENEW, e);
	if (r == 0)
		r = make_own(&m->announcement, m, m->announcements, 0, e);
	if (r == 0)
		r = loop_timer_new(&m->leave, m->client.loop, on_leave_time, m, e);
	return r < 0 ? r : start_watch(m, e);
}

int membership_new(struct membership **ret, sd_event *loop, struct kube *kube,
	const struct membership_spec *spec, const struct membership_ops *ops, void *ud,
	struct err *e)
{
	CLEANUP(membership_freep) struct membership *m = xnew0(struct membership);
	int r;

	m->client = (struct lease_client){.kube = kube,
		.loop = loop,
		.ns = xstrdup(spec->namespace),
		.fleet = xstrdup(spec->fleet),
		.identity = xstrdup(spec->identity),
		.problem = on_problem,
		.recovered = on_recovered,
		.ud = m};
	m->ops = *ops;
	m->ud = ud;
	m->members = members_new();
	m->heartbeats = xasprintf("kago-%s.", spec->fleet);
	m->announcements = xasprintf("announces.kago-%s.", spec->fleet);
	r = start(m, e);
	if (r < 0)
		return r;
	*ret = steal(m);
	return 0;
}

struct membership *membership_free(struct membership *m)
{
	if (!m)
		return NULL;
	kube_cancel(m->sweep);
	watch_free(m->watch);
	candidate_free(m->candidate);
	own_lease_free(m->heartbeat);
	own_lease_free(m->announcement);
	members_free(m->members);
	sd_event_source_disable_unref(m->leave);
	free(m->heartbeats);
	free(m->announcements);
	free(m->client.ns);
	free(m->client.fleet);
	free(m->client.identity);
	free(m);
	return NULL;
}

bool membership_leads(const struct membership *m)
{
	return candidate_leads(m->candidate);
}

const char *membership_leader(const struct membership *m)
{
	return candidate_leader(m->candidate);
}

void membership_announce(struct membership *m, const json_t *prefixes)
{
	struct ipnet *nets = xcalloc(json_array_size(prefixes), sizeof *nets);
	struct prefix_set set;
	const json_t *item;
	size_t i, n = 0;

	json_array_foreach(prefixes, i, item) {
		const char *text = json_string_value(item);
		struct err e = {0};

		if (text && ipnet_parse(&nets[n], text, &e) == 0)
			n++;
	}
	prefix_set_build(&set, nets, n);
	own_lease_announce(m->announcement, prefix_set_format(&set, LIMIT_ANNOUNCES));
	prefix_set_done(&set);
	free(nets);
}

const char **membership_announcers(
	const struct membership *m, const struct ipaddr vips[], size_t n_vips, size_t *ret_n)
{
	return members_announcers(m->members, vips, n_vips, ret_n);
}

void membership_leave(struct membership *m, void (*done)(void *ud), void *ud)
{
	m->on_left = done;
	m->left_ud = ud;
	loop_timer_arm(m->leave, LEAVE);
	candidate_leave(m->candidate);
	own_lease_leave(m->announcement);
	own_lease_leave(m->heartbeat);
}

void membership_wake(struct membership *m)
{
	watch_wake(m->watch);
}
