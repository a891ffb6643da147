/* SPDX-License-Identifier: Apache-2.0 */
#include "node/strays.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "node/nft_look.h"
#include "node/slot.h"
#include "node/stray_table.h"

/* The rules of a family. */
struct half {
	struct stray_table table;
	uint32_t wanted;          /* as table.metric, once all is well */
	char error[ERR_MSG_SIZE]; /* the one already logged */
	bool left[SLOT_MAX + 1];  /* by metric: nobody has seen that there is no table */
	bool told_left;
};

enum { N_HALVES = 2 };

struct strays {
	struct nl_sock *sock;
	struct half halves[N_HALVES];
	uint32_t generation; /* of nftables when nothing was missing; 0: not known */
	bool told_unknown;
};

struct strays *strays_new(struct nl_sock *netfilter)
{
	struct strays *s = xnew0(struct strays);

	s->sock = netfilter;
	for (size_t i = 0; i < N_HALVES; i++)
		memset(s->halves[i].left, true, sizeof s->halves[i].left);
	s->halves[0].table =
		(struct stray_table){.family = AF_INET, .device = "kago0", .sock = netfilter};
	s->halves[1].table =
		(struct stray_table){.family = AF_INET6, .device = "kago6", .sock = netfilter};
	return s;
}

struct strays *strays_free(struct strays *s)
{
	if (!s)
		return NULL;
	nl_socket_free(s->sock);
	for (size_t i = 0; i < N_HALVES; i++)
		stray_table_forget(&s->halves[i].table);
	free(s);
	return NULL;
}

static const char *family_of(const struct half *h)
{
	return h->table.family == AF_INET ? "IPv4" : "IPv6";
}

static void report(struct half *h, const struct err *e)
{
	if (strcmp(h->error, e->msg) == 0)
		return;
	if (e->code)
		log_error("strays.failed", LOG_ERR(e), LOG_STR("family", family_of(h)),
			LOG_STR("effect",
				"connections through tunnels may be dropped on this node"),
			LOG_STR("next", "retried every second"));
	else
		log_info("strays.repaired", LOG_STR("family", family_of(h)));
	memcpy(h->error, e->msg, sizeof h->error);
}

static struct prefixes of_family(const struct prefixes *all, int family)
{
	struct prefixes some = {0};

	for (size_t i = 0; i < all->n_items; i++)
		if (all->items[i].addr.family == family)
			prefixes_add(&some, &all->items[i]);
	return some;
}

static void note_left(struct half *h, uint32_t metric)
{
	if (metric <= SLOT_MAX)
		h->left[metric] = true;
}

static void report_left(struct half *h, const struct err *e)
{
	if (!h->told_left)
		log_warn("strays.left", LOG_ERR(e), LOG_STR("family", family_of(h)),
			LOG_STR("effect", "rules that nobody needs stay on the node"),
			LOG_STR("next", "retried every second"));
	h->told_left = true;
}

/* Of a metric that is not that of our table. */
static void remove_left(struct half *h, uint32_t metric, const char *why)
{
	struct err e = {0};
	int r = stray_table_remove(&h->table, metric, &e);

	if (r < 0 && r != -ENOENT) {
		report_left(h, &e);
		return;
	}
	h->left[metric] = false;
	if (r == 0 && why)
		log_info("strays.purged", LOG_STR("family", family_of(h)),
			LOG_UINT("metric", metric), LOG_STR("why", why));
}

static void set_half(struct half *h, uint32_t metric, const struct prefixes *all_some,
	const struct prefixes *all_only, const struct places *places)
{
	struct stray_table *t = &h->table;
	CLEANUP_PREFIXES struct prefixes some = of_family(all_some, t->family),
					 only = of_family(all_only, t->family);
	CLEANUP_SERVED struct served served = {0};
	const uint32_t former = t->metric;
	struct err e = {0};

	h->wanted = former == 0 && some.n_items == 0 ? 0 : metric;
	if (!h->wanted)
		return;
	served = served_of(places, &only);
	if (former == metric && prefixes_equal(&t->some, &some) &&
		served_equal(&t->served, &served))
		return;
	/* Whatever is there then is not what we think. */
	if (stray_table_set(t, metric, &some, &served, &e) < 0) {
		stray_table_forget(t);
		note_left(h, metric);
	}
	report(h, &e);
	if (former == metric || former == 0)
		return;
	note_left(h, former);
	if (t->metric)
		remove_left(h, former, NULL);
}

void strays_set(struct strays *s, uint32_t metric, const struct prefixes *some,
	const struct prefixes *only, const struct places *places)
{
	for (size_t i = 0; s && i < N_HALVES; i++)
		set_half(&s->halves[i], metric, some, only, places);
}

/* Which of them there are indeed. */
static bool see_what_is_left(struct half *h, const struct slot_view *others)
{
	bool found[SLOT_MAX + 1];
	struct err e = {0};

	if (stray_table_list(found, &h->table, &e) < 0) {
		report_left(h, &e);
		return false;
	}
	for (uint32_t metric = SLOT_MIN; metric <= SLOT_MAX; metric++)
		h->left[metric] = others->held[metric] || found[metric];
	return true;
}

static bool is_left(const struct half *h, const struct slot_view *others, uint32_t metric)
{
	return h->left[metric] && !others->held[metric] && metric != h->table.metric;
}

static void purge_half(struct half *h, const struct slot_view *others)
{
	bool any = false;

	for (uint32_t metric = SLOT_MIN; metric <= SLOT_MAX; metric++) {
		h->left[metric] |= others->held[metric];
		any |= is_left(h, others, metric);
	}
	h->told_left &= any;
	/* Until ours could be set, what is there may do for it. */
	if (!any || h->wanted != h->table.metric || !see_what_is_left(h, others))
		return;
	for (uint32_t metric = SLOT_MIN; metric <= SLOT_MAX; metric++)
		if (is_left(h, others, metric))
			remove_left(h, metric, "left by a dead pod or process");
}

void strays_purge(struct strays *s, const struct slot_view *others)
{
	for (size_t i = 0; s && i < N_HALVES; i++)
		purge_half(&s->halves[i], others);
}

static int look_at(struct half *h, struct err *e)
{
	bool is_whole = true;
	int r = h->table.metric ? stray_table_is_whole(&is_whole, &h->table, e) : 0;

	if (r < 0 || is_whole)
		return r;
	log_warn("strays.lost", LOG_STR("family", family_of(h)),
		LOG_UINT("metric", h->table.metric),
		LOG_STR("why", "somebody else has removed rules of nftables on the node"),
		LOG_STR("next", "they are set again"));
	stray_table_forget(&h->table);
	return 0;
}

static void report_look(struct strays *s, const struct err *e)
{
	if (e->code && !s->told_unknown)
		log_warn("strays.unknown", LOG_ERR(e),
			LOG_STR("effect", "what was set on the node is taken to be there"),
			LOG_STR("next", "asked again every second"));
	else if (!e->code && s->told_unknown)
		log_info("strays.known");
	s->told_unknown = e->code;
}

void strays_look(struct strays *s)
{
	uint32_t generation;
	struct err e = {0};
	int r;

	if (!s || (s->halves[0].table.metric == 0 && s->halves[1].table.metric == 0))
		return;
	r = nft_look_generation(&generation, s->sock, &e);
	if (r == 0 && generation == s->generation)
		return;
	s->generation = 0;
	for (size_t i = 0; r == 0 && i < N_HALVES; i++)
		r = look_at(&s->halves[i], &e);
	/* What changes from now on is seen by the next look. */
	if (r == 0)
		s->generation = generation;
	report_look(s, &e);
}

void strays_remove(struct strays *s)
{
	for (size_t i = 0; s && i < N_HALVES; i++) {
		struct half *h = &s->halves[i];

		const uint32_t metric = h->table.metric;

		stray_table_forget(&h->table);
		if (metric)
			remove_left(h, metric, NULL);
	}
}
