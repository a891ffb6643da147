/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lead/members.h"
#include "loop/backoff.h"
#include "loop/loop.h"

enum {
	RENEW = 10 * 1000 * 1000,
	PACE = 1000 * 1000,
	TIMEOUT = 5 * 1000 * 1000,
};

struct presence {
	const struct lease_client *client;
	void (*on_left)(void *ud);
	void *ud;
	char *name;
	char *announces;
	/* Of our Lease, as we have left it and as the watch has last told; "": there is none. */
	char *uid, *version, *told_uid, *told_version;
	int64_t acquired;
	sd_event_source *timer;
	struct kube_call *call;
	struct backoff backoff;
	uint64_t sent;       /* when the last request was */
	uint64_t not_before; /* the next */
	uint64_t trouble;    /* since when requests fail */
	bool known;          /* the list is complete */
	bool changed;        /* something is to be said */
	bool leaving, left;
};

DEFINE_CLEANUP(struct presence *, presence_free);

static void act(struct presence *p);

static void on_time(void *ud)
{
	act(ud);
}

int presence_new(struct presence **ret, const struct lease_client *client,
	void (*on_left)(void *ud), void *ud, struct err *e)
{
	CLEANUP(presence_freep) struct presence *p = xnew0(struct presence);
	int r = loop_timer_new(&p->timer, client->loop, on_time, p, e);

	if (r < 0)
		return r;
	p->client = client;
	p->on_left = on_left;
	p->ud = ud;
	p->name = xasprintf("kago-%s.%s", client->fleet, client->identity);
	p->backoff = (struct backoff){.min = PACE, .max = RENEW};
	p->changed = true;
	xreplace(&p->announces, "");
	xreplace(&p->uid, "");
	xreplace(&p->version, "");
	xreplace(&p->told_uid, "");
	xreplace(&p->told_version, "");
	*ret = steal(p);
	return 0;
}

struct presence *presence_free(struct presence *p)
{
	if (!p)
		return NULL;
	kube_cancel(p->call);
	sd_event_source_disable_unref(p->timer);
	free(p->name);
	free(p->announces);
	free(p->uid);
	free(p->version);
	free(p->told_uid);
	free(p->told_version);
	free(p);
	return NULL;
}

const char *presence_lease(const struct presence *p)
{
	return p->name;
}

/* From now on what the watch has told counts. */
static void adopt(struct presence *p)
{
	xreplace(&p->uid, p->told_uid);
	xreplace(&p->version, p->told_version);
}

static void renewed(struct presence *p, const struct kube_answer *answer)
{
	const json_t *meta = json_object_get(answer->body, "metadata");
	const char *uid = json_string_value(json_object_get(meta, "uid"));

	xreplace(&p->uid, uid ? uid : "");
	xreplace(&p->version, lease_client_version(answer));
	p->backoff.last = 0;
}

static void failed(struct presence *p, uint64_t retry_after)
{
	uint64_t delay = backoff_next(&p->backoff, 0);

	p->changed = true;
	p->not_before = loop_clock() + (delay > retry_after ? delay : retry_after);
}

static void on_done(void *ud, const struct kube_answer *answer)
{
	struct presence *p = ud;

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
		renewed(p, answer);
	else
		failed(p, answer->retry_after);
	lease_client_tell(p->client, &p->trouble, p->name, answer);
	act(p);
}

static void on_deleted(void *ud, const struct kube_answer *answer)
{
	struct presence *p = ud;

	(void)answer;
	p->call = NULL;
	p->left = true;
	p->on_left(p->ud);
}

static void renew(struct presence *p)
{
	const struct lease l = {.name = p->name,
		.resource_version = p->version,
		.announces = p->announces,
		.holder = p->client->identity,
		.duration = MEMBERS_DURATION,
		.acquired = p->acquired};

	p->changed = false;
	p->sent = loop_clock();
	p->call = lease_client_put(p->client, &l, TIMEOUT, on_done, p);
}

static void go(struct presence *p)
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

static uint64_t due(const struct presence *p)
{
	uint64_t at = p->sent + (p->changed ? PACE : RENEW);

	if (p->sent == 0)
		at = 0;
	return at > p->not_before ? at : p->not_before;
}

/* After everything that happens. */
static void act(struct presence *p)
{
	uint64_t now = loop_clock(), turn = loop_now(p->client->loop);

	if (p->call || p->left || !(p->known || p->leaving))
		return;
	if (p->leaving)
		go(p);
	else if (now >= due(p))
		renew(p);
	else
		loop_timer_arm(p->timer, due(p) > turn ? due(p) - turn : 0);
}

void presence_seen(struct presence *p, const struct lease *l)
{
	xreplace(&p->told_uid, l->uid);
	xreplace(&p->told_version, l->resource_version);
	if (p->acquired == 0)
		p->acquired = l->acquired;
	if (!p->known || lease_version_newer(p->told_version, p->version))
		adopt(p);
}

void presence_gone(struct presence *p)
{
	xreplace(&p->told_version, "");
	/* If that is news, we make it again. */
	p->changed = true;
	act(p);
}

void presence_synced(struct presence *p)
{
	p->known = true;
	act(p);
}

void presence_announce(struct presence *p, char *text)
{
	if (strcmp(p->announces, text) == 0) {
		free(text);
		return;
	}
	free(p->announces);
	p->announces = text;
	p->changed = true;
	act(p);
}

void presence_leave(struct presence *p)
{
	p->leaving = true;
	act(p);
}
