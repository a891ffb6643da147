/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/ruleset.h"

#include "base/apart.h"
#include "base/log.h"
#include "base/mem.h"
#include "clients/nft.h"
#include "loop/loop.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

struct ruleset {
	sd_event *loop;
	char *path;
	struct mustache *template;
	struct guards current; /* what the table holds */
	bool is_ours;          /* the table is what our template makes of it */

	/* While nft runs: */
	sd_event_source *io; /* NULL: it does not */
	struct apart child;
	struct guards wanted;
	uint64_t started_at;
	ruleset_fn *done; /* NULL: nobody is interested */
	void *ud;

	/* What waits for it. */
	bool waiting;
	struct guards next;
	ruleset_fn *next_done;
	void *next_ud;
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

int ruleset_new(struct ruleset **ret, sd_event *loop, const char *template_path,
	const struct ipvs_table *kernel, struct err *e)
{
	CLEANUP(ruleset_freep) struct ruleset *r = xnew0(struct ruleset);
	int found;

	r->loop = sd_event_ref(loop);
	r->path = xstrdup(template_path);
	found = mustache_load(&r->template, template_path, e);
	if (found < 0)
		return found;
	found = wrap(apart(nft_set_up, &(struct nft_order){r->template, &r->current}, e),
		template_path, e);
	if (found < 0)
		return found;
	r->is_ours = found == 0;
	if (!r->is_ours)
		r->current = guards_closed(kernel);
	*ret = steal(r);
	return 0;
}

struct ruleset *ruleset_free(struct ruleset *r)
{
	if (!r)
		return NULL;
	if (r->io) {
		sd_event_source_disable_unref(r->io);
		apart_cancel(&r->child);
	}
	mustache_free(r->template);
	guards_done(&r->current);
	guards_done(&r->wanted);
	guards_done(&r->next);
	sd_event_unref(r->loop);
	free(r->path);
	free(r);
	return NULL;
}

static void start(struct ruleset *r, struct guards *wanted, ruleset_fn *done, void *ud);

static void finish(struct ruleset *r, int result, const struct err *e)
{
	ruleset_fn *done = r->done;
	void *ud = r->ud;

	if (result >= 0) {
		guards_done(&r->current);
		r->current = take(&r->wanted);
		r->is_ours = true;
		log_info("clients.guarded", LOG_UINT("virtual_servers", r->current.n_items),
			LOG_MSEC("took_ms", loop_clock() - r->started_at));
	} else {
		guards_done(&r->wanted);
		log_error("clients.not_guarded", LOG_ERR(e),
			LOG_STR("effect", "the rules stay as they are"));
	}
	if (done)
		done(ud, true, result < 0 ? e->msg : NULL);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct ruleset *r = ud;
	struct err e = {0};
	int result;

	(void)source;
	(void)fd;
	(void)events;
	r->io = sd_event_source_disable_unref(r->io);
	result = wrap(apart_finish(&r->child, &e), r->path, &e);
	finish(r, result, &e);
	if (!r->io && r->waiting) {
		r->waiting = false;
		start(r, &r->next, r->next_done, r->next_ud);
	}
	return 0;
}

/* Takes over `wanted`. */
static void start(struct ruleset *r, struct guards *wanted, ruleset_fn *done, void *ud)
{
	struct err e = {0};
	int result;

	r->wanted = take(wanted);
	if (r->is_ours && guards_equal(&r->wanted, &r->current)) {
		guards_done(&r->wanted);
		if (done)
			done(ud, false, NULL);
		return;
	}
	r->done = done;
	r->ud = ud;
	r->started_at = loop_clock();
	result = apart_start(&r->child, nft_put, &(struct nft_order){r->template, &r->wanted}, &e);
	if (result >= 0) {
		result = sd_event_add_io(r->loop, &r->io, r->child.fd, EPOLLIN, on_answer, r);
		if (result < 0) {
			apart_cancel(&r->child);
			err_set(&e, -result, "watching nftables");
		}
	}
	if (result < 0)
		finish(r, result, &e);
}

void ruleset_guard(struct ruleset *r, const struct virtual_server *const servers[],
	size_t n_servers, ruleset_fn *done, void *ud)
{
	CLEANUP(guards_donep) struct guards wanted = guards_of(servers, n_servers);

	guards_keep(&wanted, &r->current, servers, n_servers);
	if (!r->io) {
		start(r, &wanted, done, ud);
		return;
	}
	r->waiting = true;
	r->next = take(&wanted);
	r->next_done = done;
	r->next_ud = ud;
}

void ruleset_prune(
	struct ruleset *r, const struct virtual_server *const servers[], size_t n_servers)
{
	CLEANUP(guards_donep) struct guards wanted = guards_of(servers, n_servers);

	/* What is being put in place is for virtual servers to come. */
	if (!r->io)
		start(r, &wanted, NULL, NULL);
}
