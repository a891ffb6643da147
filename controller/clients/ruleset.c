/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/ruleset.h"

#include <string.h>

#include "base/apart.h"
#include "base/log.h"
#include "base/mem.h"
#include "clients/nft.h"
#include "clients/vigil.h"
#include "loop/backoff.h"
#include "loop/errand.h"
#include "loop/loop.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

enum { RETRY_MIN = 100 * 1000, RETRY_MAX = 30 * 1000 * 1000 };

struct ruleset {
	sd_event *loop;
	char *path;
	struct mustache *template;
	void (*on_guards)(void *ud);
	void *ud;
	struct virtual_server own;   /* a listener of ours; port 0: there is none */
	struct guards current;       /* what the table holds */
	bool is_ours;                /* the table is what our template makes of it */
	const struct guards *before; /* that were in force until now; NULL: they still are */

	struct errand *nft;   /* NULL: it does not run */
	struct guards wanted; /* what it puts in place */
	uint64_t started_at;
	bool waiting; /* for it, or to be tried again: */
	struct guards next;
	sd_event_source *retry;
	struct backoff backoff;
	char error[ERR_MSG_SIZE];
	struct vigil *vigil;
};

DEFINE_CLEANUP(struct ruleset *, ruleset_free);

static struct guards take(struct guards *g)
{
	struct guards taken = *g;

	*g = (struct guards){0};
	return taken;
}

static int wrap(int r, const char *path, struct err *e)
{
	return r < 0 ? err_wrap(e, "applying %s with nftables", path) : r;
}

int ruleset_apply(const char *template_path, const struct guards *g, struct err *e)
{
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	int r = mustache_load(&m, template_path, e);

	return r < 0 ? r : wrap(apart(nft_put, &(struct nft_order){m, g}, e), template_path, e);
}

int ruleset_remove(struct err *e)
{
	int r = apart(nft_remove, NULL, e);

	return r < 0 ? err_wrap(e, "removing the nftables table " NFT_TABLE) : 0;
}

static void run(void *ud);

/* Nothing is covered until it is back. */
static void on_lost(void *ud)
{
	struct ruleset *r = ud;

	log_warn("clients.table_lost", LOG_STR("table", NFT_TABLE),
		LOG_STR("reason", "somebody has changed or removed it"),
		LOG_STR("next", "it is put in place anew"));
	r->is_ours = false;
	if (!r->waiting)
		guards_keep(&r->next, &r->current, NULL, 0);
	r->waiting = true;
	run(r);
}

int ruleset_new(struct ruleset **ret, sd_event *loop, const char *template_path,
	const struct ipvs_table *kernel, struct err *e)
{
	CLEANUP(ruleset_freep) struct ruleset *r = xnew0(struct ruleset);
	int found;

	r->loop = sd_event_ref(loop);
	r->path = xstrdup(template_path);
	r->backoff = (struct backoff){.min = RETRY_MIN, .max = RETRY_MAX};
	r->vigil = vigil_new(loop, on_lost, r);
	found = loop_timer_new(&r->retry, loop, run, r, e);
	if (found >= 0)
		found = mustache_load(&r->template, template_path, e);
	if (found < 0)
		return found;
	found = wrap(apart(nft_set_up, &(struct nft_order){r->template, &r->current}, e),
		template_path, e);
	if (found < 0)
		return found;
	r->is_ours = found == 0;
	if (r->is_ours)
		vigil_begin(r->vigil, true);
	else
		r->current = guards_closed(kernel);
	*ret = steal(r);
	return 0;
}

struct ruleset *ruleset_free(struct ruleset *r)
{
	if (!r)
		return NULL;
	errand_free(r->nft);
	vigil_free(r->vigil);
	sd_event_source_disable_unref(r->retry);
	mustache_free(r->template);
	guards_done(&r->current);
	guards_done(&r->wanted);
	guards_done(&r->next);
	free(r->own.sources);
	sd_event_unref(r->loop);
	free(r->path);
	free(r);
	return NULL;
}

void ruleset_on_guards(struct ruleset *r, void (*on_guards)(void *ud), void *ud)
{
	r->on_guards = on_guards;
	r->ud = ud;
}

static void tell(const struct ruleset *r)
{
	if (r->on_guards)
		r->on_guards(r->ud);
}

/* What is newer than what failed stands. */
static void try_again(struct ruleset *r, const struct err *e)
{
	uint64_t delay = backoff_next(&r->backoff, 0);

	if (r->waiting)
		guards_done(&r->wanted);
	else
		r->next = take(&r->wanted);
	r->waiting = true;
	memcpy(r->error, e->msg, sizeof r->error);
	log_error("clients.not_guarded", LOG_ERR(e),
		LOG_STR("effect", "the rules stay as they are, so does what they are for"),
		LOG_MSEC("retry_in_ms", delay));
	loop_timer_arm(r->retry, delay);
	if (r->is_ours)
		vigil_begin(r->vigil, false);
}

static void take_effect(struct ruleset *r)
{
	static const struct guards none;
	CLEANUP(guards_donep) struct guards before = take(&r->current);

	r->before = r->is_ours ? &before : &none;
	r->current = take(&r->wanted);
	r->is_ours = true;
	r->backoff.last = 0;
	r->error[0] = '\0';
	log_info("clients.guarded", LOG_UINT("virtual_servers", r->current.n_items),
		LOG_MSEC("took_ms", loop_clock() - r->started_at));
	run(r);
	if (!r->nft)
		vigil_begin(r->vigil, true);
	tell(r);
	r->before = NULL;
}

static void on_nft(void *ud, int result, const struct err *e)
{
	struct ruleset *r = ud;
	struct err wrapped = *e;

	r->nft = errand_free(r->nft);
	if (result == 0) {
		take_effect(r);
		return;
	}
	wrap(result, r->path, &wrapped);
	try_again(r, &wrapped);
	tell(r);
}

static void run(void *ud)
{
	struct ruleset *r = ud;
	struct err e = {0};
	int result;

	if (r->nft || !r->waiting)
		return;
	loop_timer_stop(r->retry);
	r->waiting = false;
	r->wanted = take(&r->next);
	if (r->is_ours && guards_equal(&r->wanted, &r->current)) {
		guards_done(&r->wanted);
		r->error[0] = '\0';
		return;
	}
	r->started_at = loop_clock();
	vigil_rest(r->vigil);
	result = errand_start(&r->nft, r->loop, nft_put,
		&(struct nft_order){r->template, &r->wanted}, on_nft, r, &e);
	if (result < 0) {
		wrap(result, r->path, &e);
		try_again(r, &e);
	}
}

/* Takes over `wanted`. */
static void want(struct ruleset *r, struct guards *wanted)
{
	guards_done(&r->next);
	r->next = take(wanted);
	r->waiting = true;
	run(r);
}

/* These and our own, sorted, in a new array. */
static const struct virtual_server **with_own(size_t *n_all, const struct ruleset *r,
	const struct virtual_server *const servers[], size_t n_servers)
{
	const struct virtual_server **all = xcalloc(n_servers + 1, sizeof(*all));
	bool comes = r->own.port != 0;
	size_t n = 0;

	for (size_t i = 0; i < n_servers; i++) {
		int order = comes ? virtual_server_cmp(&r->own, servers[i]) : 1;

		if (order < 0)
			all[n++] = &r->own;
		comes = order > 0 && comes;
		all[n++] = servers[i];
	}
	if (comes)
		all[n++] = &r->own;
	*n_all = n;
	return all;
}

void ruleset_protect(struct ruleset *r, const struct virtual_server *own)
{
	free(r->own.sources);
	r->own = *own;
	r->own.sources = xcalloc(own->n_sources, sizeof *own->sources);
	for (size_t i = 0; i < own->n_sources; i++)
		r->own.sources[i] = own->sources[i];
}

void ruleset_guard(
	struct ruleset *r, const struct virtual_server *const servers[], size_t n_servers)
{
	size_t n;
	CLEANUP_FREE const struct virtual_server **all = with_own(&n, r, servers, n_servers);
	struct guards wanted = guards_of(all, n);

	guards_keep(&wanted, &r->current, all, n);
	want(r, &wanted);
}

void ruleset_prune(
	struct ruleset *r, const struct virtual_server *const servers[], size_t n_servers)
{
	size_t n;
	CLEANUP_FREE const struct virtual_server **all = with_own(&n, r, servers, n_servers);
	struct guards wanted = guards_of(all, n);

	want(r, &wanted);
}

/* Its guard, if it needs one. */
static bool guards_it(const struct guards *g, const struct virtual_server *vs)
{
	CLEANUP(guards_donep) struct guards one = guards_of(&vs, 1);

	return one.n_items == 0 || guards_have(g, &one.items[0]);
}

bool ruleset_covers(const struct ruleset *r, const struct virtual_server *vs)
{
	return guards_it(r->is_ours ? &r->current : &(struct guards){0}, vs);
}

bool ruleset_has_come(const struct ruleset *r, const struct virtual_server *vs)
{
	return r->before && ruleset_covers(r, vs) && !guards_it(r->before, vs);
}

void ruleset_check(struct ruleset *r)
{
	vigil_look(r->vigil);
}

bool ruleset_is_behind(const struct ruleset *r)
{
	return r->nft || r->waiting;
}

const char *ruleset_error(const struct ruleset *r)
{
	return r->error;
}
