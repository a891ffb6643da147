/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/node_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lead/agents.h"
#include "loop/backoff.h"
#include "loop/loop.h"

enum {
	PACE = 1000 * 1000,
	MAKE_PACE = 100 * 1000,     /* from one text to the next: with many nodes it takes long */
	TRY_MAX = 10 * 1000 * 1000, /* between two tries */
	TOLD = 10 * 1000 * 1000,    /* the watch tells of what was written */
	TIMEOUT = 5 * 1000 * 1000,
};

struct node_list {
	const struct lease_client *client;
	bool (*make)(struct node_list_words *ret, void *ud);
	void *ud;
	char *name;
	struct node_list_words told; /* by the watch, last */
	char *version;               /* of that; "": there is none */
	bool leads;
	bool stale;                    /* `wanted` is to be made anew */
	struct node_list_words wanted; /* NULL: it was never made */
	char *written; /* the version that we have left it in, until the watch tells; "" */
	int64_t acquired;
	sd_event_source *timer;
	struct kube_call *call;
	struct backoff backoff;
	uint64_t not_before; /* the next request */
	uint64_t make_after; /* the next text */
	uint64_t told_by;    /* `written` counts no longer */
	uint64_t trouble;    /* since when requests fail */
};

DEFINE_CLEANUP(struct node_list *, node_list_free);

static void act(void *ud);

static void words_done(struct node_list_words *w)
{
	free(w->nodes);
	free(w->own);
}

static void set_words(struct node_list_words *w, const char *nodes, const char *own)
{
	xreplace(&w->nodes, nodes);
	xreplace(&w->own, own);
}

static bool are_words(const struct node_list_words *w, const char *nodes, const char *own)
{
	return strcmp(w->nodes, nodes) == 0 && strcmp(w->own, own) == 0;
}

int node_list_new(struct node_list **ret, const struct lease_client *client, const char *name,
	bool (*make)(struct node_list_words *ret, void *ud), void *ud, struct err *e)
{
	CLEANUP(node_list_freep) struct node_list *p = xnew0(struct node_list);
	int r = loop_timer_new(&p->timer, client->loop, act, p, e);

	if (r < 0)
		return r;
	sd_event_source_set_priority(p->timer, LOOP_LEASES);
	p->client = client;
	p->make = make;
	p->ud = ud;
	p->name = xstrdup(name);
	p->backoff = (struct backoff){.min = PACE, .max = TRY_MAX};
	set_words(&p->told, "", "");
	xreplace(&p->version, "");
	xreplace(&p->written, "");
	*ret = steal(p);
	return 0;
}

struct node_list *node_list_free(struct node_list *p)
{
	if (!p)
		return NULL;
	kube_cancel(p->call);
	sd_event_source_disable_unref(p->timer);
	free(p->name);
	words_done(&p->told);
	words_done(&p->wanted);
	free(p->version);
	free(p->written);
	free(p);
	return NULL;
}

const char *node_list_name(const struct node_list *p)
{
	return p->name;
}

const struct node_list_words *node_list_says(const struct node_list *p)
{
	return &p->told;
}

/* The watch has told this version, or one after it. */
static bool is_told(const struct node_list *p, const char *version)
{
	return p->version[0] &&
	       (strcmp(version, p->version) == 0 || lease_version_newer(p->version, version));
}

static void on_done(void *ud, const struct kube_answer *answer)
{
	struct node_list *p = ud;
	const char *version = lease_client_version(answer);
	uint64_t delay = PACE;

	p->call = NULL;
	if (version[0]) {
		p->backoff.last = 0;
		if (!is_told(p, version))
			xreplace(&p->written, version);
		p->told_by = loop_clock() + TOLD;
	} else {
		delay = backoff_next(&p->backoff, 0);
	}
	p->not_before = loop_clock() + (delay > answer->retry_after ? delay : answer->retry_after);
	lease_client_tell(p->client, &p->trouble, p->name, answer);
	act(p);
}

static void write_it(struct node_list *p)
{
	const struct lease l = {.name = p->name,
		.resource_version = p->version,
		.tunnel_nodes = p->wanted.nodes,
		.node_ips = p->wanted.own,
		.holder = p->client->identity,
		.duration = AGENTS_DURATION,
		.acquired = p->acquired};

	p->call = lease_client_put(p->client, &l, TIMEOUT, on_done, p);
}

/*
 * What we have written is not written over before the watch has told it. It may never do so: after
 * a restore of etcd what was written is lost, and versions are older ones.
 */
static uint64_t due(const struct node_list *p)
{
	return p->written[0] && p->not_before < p->told_by ? p->told_by : p->not_before;
}

/* Whether it says what it shall say. */
static bool is_right(const struct node_list *p)
{
	if (p->stale)
		return false;
	if (!p->version[0] && p->told.nodes[0])
		return false;
	return are_words(&p->wanted, p->told.nodes, p->told.own);
}

static void make(struct node_list *p)
{
	struct node_list_words words;
	bool made = p->make(&words, p->ud);

	p->make_after = loop_clock() + (made ? MAKE_PACE : PACE);
	if (!made)
		return;
	words_done(&p->wanted);
	p->wanted = words;
	p->stale = false;
}

static void act(void *ud)
{
	struct node_list *p = ud;
	uint64_t now = loop_clock(), at = due(p);

	if (p->call || !p->leads || is_right(p))
		return;
	if (p->stale && now >= at && now >= p->make_after)
		make(p);
	if (p->stale && at < p->make_after)
		at = p->make_after;
	if (is_right(p))
		return;
	if (now >= at)
		write_it(p);
	else
		loop_timer_arm(p->timer, at - now);
}

bool node_list_seen(struct node_list *p, const struct lease *l)
{
	bool changed = !are_words(&p->told, l->tunnel_nodes, l->node_ips);

	if (changed)
		set_words(&p->told, l->tunnel_nodes, l->node_ips);
	xreplace(&p->version, l->resource_version);
	if (is_told(p, p->written))
		xreplace(&p->written, "");
	p->acquired = l->acquired;
	p->stale = true;
	act(p);
	return changed;
}

void node_list_gone(struct node_list *p)
{
	xreplace(&p->version, "");
	xreplace(&p->written, "");
	act(p);
}

void node_list_lead(struct node_list *p)
{
	p->leads = p->stale = true;
	act(p);
}

void node_list_news(struct node_list *p)
{
	p->stale = true;
	act(p);
}

void node_list_rest(struct node_list *p)
{
	p->leads = false;
	p->call = kube_cancel(p->call);
	loop_timer_stop(p->timer);
}
