/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/errand.h"

#include "base/apart.h"
#include "base/mem.h"
#include "loop/loop.h"

struct errand {
	sd_event_source *io; /* NULL: the child has answered */
	struct apart child;
	errand_fn *done;
	void *ud;
};

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct errand *x = ud;
	struct err e = {0};
	int result;

	loop_doing(LOOP_HERE("on_answer"));
	(void)source;
	(void)fd;
	(void)events;
	x->io = sd_event_source_disable_unref(x->io);
	result = apart_finish(&x->child, &e);
	x->done(x->ud, result, &e);
	return 0;
}

int errand_start(struct errand **ret, sd_event *loop, int (*fn)(const void *arg, struct err *e),
	const void *arg, errand_fn *done, void *ud, struct err *e)
{
	CLEANUP_FREE struct errand *x = xnew0(struct errand);
	int r = apart_start(&x->child, fn, arg, e);

	if (r < 0)
		return r;
	x->done = done;
	x->ud = ud;
	r = sd_event_add_io(loop, &x->io, x->child.fd, EPOLLIN, on_answer, x);
	if (r < 0) {
		apart_cancel(&x->child);
		return err_errno(e, -r, "watching a child");
	}
	*ret = steal(x);
	return 0;
}

struct errand *errand_free(struct errand *x)
{
	if (!x)
		return NULL;
	if (x->io) {
		sd_event_source_disable_unref(x->io);
		apart_cancel(&x->child);
	}
	free(x);
	return NULL;
}
