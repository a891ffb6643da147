/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/own_lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "lead/members.h"
#include "loop/backoff.h"
#include "loop/loop.h"

enum {
	PACE = 1000 * 1000,
	TRY_MAX = 10 * 1000 * 1000, /* between two tries */
	TOLD = 10 * 1000 * 1000,    /* the watch tells of what was written */
	REPAIR_MAX = 60 * 1000 * 1000,
	TIMEOUT = 5 * 1000 * 1000,
};

struct own_lease {
	const struct lease_client *client;
	void (*on_left)(void *ud);
	void *ud;
	char *name;
	/* Annotations; NULL: it does not say. */
	char *announces, *announced_on, *tunnels, *node, *pod_ips, *node_ips, *tables;
	uint64_t renew; /* usec; 0: news alone are written */
	/* Of our Lease, as we have left it and as the watch has last told; "": there is none. */
	char *uid, *version, *told_uid, *told_version;
	int64_t acquired;
	sd_event_source *timer;
	struct kube_call *call;
	struct backoff backoff;
	uint64_t sent;       /* when the last request was */
	uint64_t renewed;    /* when the last one was that succeeded; 0: none has */
	uint64_t not_before; /* the next */
	uint64_t trouble;    /* since when requests fail */
	bool known;          /* the list is complete */
	bool changed;        /* something is to be said */
	bool untold;         /* the watch has not told yet what we wrote last */
	bool wrong;          /* as the watch has last told, it says something else than we do */
	struct backoff repairs;
	uint64_t repaired;          /* when we last wrote for that reason alone */
	uint64_t repair_not_before; /* the next time */
	bool leaving, left;
	uint64_t leave_at; /* not before; that of `not_before` is for what we say */
};

DEFINE_CLEANUP(struct own_lease *, own_lease_free);

static void act(struct own_lease *p);

static void on_time(void *ud)
{
	act(ud);
}

int own_lease_new(struct own_lease **ret, const struct lease_client *client, const char *name,
	uint64_t renew, void (*on_left)(void *ud), void *ud, struct err *e)
{
	CLEANUP(own_lease_freep) struct own_lease *p = xnew0(struct own_lease);
	int r;

	if (strlen(name) > LIMIT_NAME)
		return err_set(e, EINVAL, "the name of our Lease, %s, has more than %d bytes", name,
			LIMIT_NAME);
	r = loop_timer_new(&p->timer, client->loop, on_time, p, e);
	if (r < 0)
		return r;
	sd_event_source_set_priority(p->timer, LOOP_LEASES);
	p->client = client;
	p->on_left = on_left;
	p->ud = ud;
	p->name = xstrdup(name);
	p->renew = renew;
	p->backoff = (struct backoff){.min = PACE, .max = TRY_MAX};
	p->repairs = (struct backoff){.min = PACE, .max = REPAIR_MAX};
	p->changed = true;
	xreplace(&p->uid, "");
	xreplace(&p->version, "");
	xreplace(&p->told_uid, "");
	xreplace(&p->told_version, "");
	*ret = steal(p);
	return 0;
}

struct own_lease *own_lease_free(struct own_lease *p)
{
	if (!p)
		return NULL;
	kube_cancel(p->call);
	sd_event_source_disable_unref(p->timer);
	free(p->name);
	free(p->announces);
	free(p->announced_on);
	free(p->tunnels);
	free(p->node);
	free(p->pod_ips);
	free(p->node_ips);
	free(p->tables);
	free(p->uid);
	free(p->version);
	free(p->told_uid);
	free(p->told_version);
	free(p);
	return NULL;
}

const char *own_lease_name(const struct own_lease *p)
{
	return p->name;
}

uint64_t own_lease_renewed(const struct own_lease *p)
{
	return p->renewed;
}

/* From now on what the watch has told counts. */
static void adopt(struct own_lease *p)
{
	xreplace(&p->uid, p->told_uid);
	xreplace(&p->version, p->told_version);
	p->untold = false;
}

/* The watch has told what we wrote last, or what came after it. */
static bool is_told(const struct own_lease *p)
{
	return strcmp(p->told_version, p->version) == 0 ||
	       lease_version_newer(p->told_version, p->version);
}

static void note_renewed(struct own_lease *p, const struct kube_answer *answer)
{
	const json_t *meta = json_object_get(answer->body, "metadata");
	const char *uid = json_string_value(json_object_get(meta, "uid"));

	xreplace(&p->uid, uid ? uid : "");
	xreplace(&p->version, lease_client_version(answer));
	p->untold = !is_told(p);
	p->renewed = p->sent;
	p->backoff.last = 0;
}

static void failed(struct own_lease *p, uint64_t retry_after)
{
	uint64_t delay = backoff_next(&p->backoff, 0);

	p->changed = true;
	p->not_before = loop_clock() + (delay > retry_after ? delay : retry_after);
}

static void on_done(void *ud, const struct kube_answer *answer)
{
	struct own_lease *p = ud;

	p->call = NULL;
	if (answer->status == 404 && p->version[0]) {
		xreplace(&p->version, "");
		p->changed = true;
		act(p);
		return;
	}
	if (answer->status == 409)
		adopt(p);
	if (lease_client_version(answer)[0])
		note_renewed(p, answer);
	else
		failed(p, answer->retry_after);
	lease_client_tell(p->client, &p->trouble, p->name, answer);
	act(p);
}

static void on_deleted(void *ud, const struct kube_answer *answer)
{
	struct own_lease *p = ud;

	p->call = NULL;
	lease_client_tell(p->client, &p->trouble, p->name, answer);
	/* 409: it is another one by now, which is not ours to take away. */
	if (answer->error && answer->status != 404 && answer->status != 409) {
		p->leave_at = loop_clock() + PACE;
		act(p);
		return;
	}
	p->left = true;
	p->on_left(p->ud);
}

/* Two who write it in turns must not do so without a pause. */
static void count_repair(struct own_lease *p)
{
	uint64_t pause = backoff_next(&p->repairs, p->sent - p->repaired);

	p->repaired = p->sent;
	p->repair_not_before = p->sent + pause;
}

static void renew(struct own_lease *p)
{
	const struct lease l = {.name = p->name,
		.resource_version = p->version,
		.announces = p->announces,
		.announced_on = p->announced_on,
		.tunnels = p->tunnels,
		.node = p->node,
		.pod_ips = p->pod_ips,
		.node_ips = p->node_ips,
		.tables = p->tables,
		.holder = p->client->identity,
		.duration = MEMBERS_DURATION,
		.acquired = p->acquired};

	p->sent = loop_clock();
	if (p->wrong && !p->changed)
		count_repair(p);
	p->changed = p->wrong = false;
	p->call = lease_client_put(p->client, &l, TIMEOUT, on_done, p);
}

static void go(struct own_lease *p)
{
	loop_timer_stop(p->timer);
	if (p->uid[0]) {
		p->call = lease_client_delete(
			p->client, p->name, p->uid, NULL, TIMEOUT, on_deleted, p);
		return;
	}
	p->left = true;
	p->on_left(p->ud);
}

/*
 * When to write over what somebody else has written. What is told late, from before our last
 * writing, is no such thing; but after a restore of etcd that may be all there is.
 */
static uint64_t repair_due(const struct own_lease *p)
{
	uint64_t at = p->sent + (p->untold ? TOLD : PACE);

	if (!p->wrong)
		return UINT64_MAX;
	return at > p->repair_not_before ? at : p->repair_not_before;
}

/* UINT64_MAX: never, as things are. */
static uint64_t due(const struct own_lease *p)
{
	uint64_t at = repair_due(p), regular = UINT64_MAX;

	if (p->sent == 0)
		regular = 0;
	else if (p->changed || p->renew)
		regular = p->sent + (p->changed ? PACE : p->renew);
	if (at > regular)
		at = regular;
	return at > p->not_before ? at : p->not_before;
}

/* After everything that happens. */
static void act(struct own_lease *p)
{
	uint64_t now = loop_clock(), turn = loop_now(p->client->loop), at = due(p);

	if (p->call || p->left || !(p->known || p->leaving))
		return;
	if (p->leaving)
		at = p->leave_at;
	if (p->leaving && now >= at)
		go(p);
	else if (now >= at)
		renew(p);
	else if (at != UINT64_MAX)
		loop_timer_arm(p->timer, at > turn ? at - turn : 0);
}

static bool says(const char *text, const char *ours)
{
	return strcmp(text, ours ? ours : "") == 0;
}

/* Its tables may differ: what we carry now is for the next renewal. */
static bool is_right(const struct own_lease *p, const struct lease *l)
{
	return says(l->announces, p->announces) && says(l->announced_on, p->announced_on) &&
	       says(l->tunnels, p->tunnels) && says(l->node, p->node) &&
	       says(l->pod_ips, p->pod_ips) && says(l->node_ips, p->node_ips);
}

void own_lease_seen(struct own_lease *p, const struct lease *l)
{
	xreplace(&p->told_uid, l->uid);
	xreplace(&p->told_version, l->resource_version);
	if (p->acquired == 0)
		p->acquired = l->acquired;
	if (!p->known || !p->untold || is_told(p))
		adopt(p);
	p->wrong = !is_right(p, l);
	act(p);
}

void own_lease_gone(struct own_lease *p)
{
	xreplace(&p->told_version, "");
	p->untold = p->wrong = false;
	/* If that is news, we make it again. */
	p->changed = true;
	act(p);
}

void own_lease_synced(struct own_lease *p)
{
	p->known = true;
	act(p);
}

void own_lease_announce(struct own_lease *p, char *text)
{
	if (p->announces && strcmp(p->announces, text) == 0) {
		free(text);
		return;
	}
	free(p->announces);
	p->announces = text;
	p->changed = true;
	act(p);
}

void own_lease_carry(struct own_lease *p, char *tables)
{
	free(p->tables);
	p->tables = tables;
}

/* Whether it is another one. */
static bool replace(char **text, const char *with)
{
	if (str_equal(*text, with))
		return false;
	free(*text);
	*text = with ? xstrdup(with) : NULL;
	return true;
}

void own_lease_annotate(struct own_lease *p, const struct lease *says)
{
	bool other = replace(&p->announced_on, says->announced_on);

	other |= replace(&p->tunnels, says->tunnels);
	other |= replace(&p->node, says->node);
	other |= replace(&p->pod_ips, says->pod_ips);
	other |= replace(&p->node_ips, says->node_ips);
	p->changed |= other;
	if (other)
		act(p);
}

void own_lease_leave(struct own_lease *p)
{
	p->leaving = true;
	act(p);
}
