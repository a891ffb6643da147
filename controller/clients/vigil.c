/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/vigil.h"

#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "clients/generation.h"
#include "clients/nft.h"
#include "loop/errand.h"

enum { UNKNOWN = -1 };

struct vigil {
	sd_event *loop;
	void (*on_lost)(void *ud);
	void *ud;
	bool rests;
	struct errand *child;          /* reads the table; NULL: none does */
	int digest;                    /* of the table as it shall be; UNKNOWN: not read yet */
	uint32_t generation;           /* when it was seen to be so */
	uint32_t generation_at_a_look; /* when `child` was started */
	bool unread;                   /* and said so */
};

struct vigil *vigil_new(sd_event *loop, void (*on_lost)(void *ud), void *ud)
{
	struct vigil *v = xnew0(struct vigil);

	v->loop = sd_event_ref(loop);
	v->on_lost = on_lost;
	v->ud = ud;
	v->rests = true;
	v->digest = UNKNOWN;
	return v;
}

struct vigil *vigil_free(struct vigil *v)
{
	if (!v)
		return NULL;
	errand_free(v->child);
	sd_event_unref(v->loop);
	free(v);
	return NULL;
}

/* That says nothing of the table. */
static void note_unread(struct vigil *v, const struct err *e)
{
	if (!v->unread)
		log_warn("clients.not_read", LOG_ERR(e),
			LOG_STR("effect", "none: the rules that were put in place are taken to be "
					  "there"),
			LOG_STR("next", "they are looked at again every 10 s"));
	v->unread = true;
}

static void on_digest(void *ud, int result, const struct err *e)
{
	struct vigil *v = ud;
	bool is_there = result >= 0;

	v->child = errand_free(v->child);
	if (!is_there && result != -ENOENT) {
		note_unread(v, e);
		return;
	}
	v->unread = false;
	if (!is_there || (v->digest != UNKNOWN && v->digest != result)) {
		v->on_lost(v->ud);
		return;
	}
	v->digest = result;
	v->generation = v->generation_at_a_look;
}

void vigil_look(struct vigil *v)
{
	struct err e = {0};
	uint32_t now = 0;
	int r;

	if (v->rests || v->child)
		return;
	r = generation_read(&now, &e);
	if (r == 0 && v->digest != UNKNOWN && v->generation == now)
		return;
	v->generation_at_a_look = now;
	if (r == 0)
		r = errand_start(&v->child, v->loop, nft_digest, NULL, on_digest, v, &e);
	if (r < 0)
		note_unread(v, &e);
}

void vigil_begin(struct vigil *v, bool is_new)
{
	v->rests = false;
	if (!is_new)
		return;
	v->digest = UNKNOWN;
	vigil_look(v);
}

void vigil_rest(struct vigil *v)
{
	v->rests = true;
	v->child = errand_free(v->child);
}
