/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/scribes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "loop/errand.h"

/* Bytes that are written at once: what is long is written in few pieces. */
enum { BUFFER = 64 * 1024 };

struct scribe {
	struct errand *errand; /* NULL: none is at work in this place */
	void (*done)(void *ud, int result);
	void *ud;
};

struct scribes {
	sd_event *loop;
	struct scribe all[LIMIT_SCRIBES];
};

struct task {
	int fd;
	void (*fn)(const void *arg, FILE *out);
	const void *arg;
};

struct scribes *scribes_new(sd_event *loop)
{
	struct scribes *s = xnew0(struct scribes);

	s->loop = sd_event_ref(loop);
	return s;
}

struct scribes *scribes_free(struct scribes *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < LIMIT_SCRIBES; i++)
		errand_free(s->all[i].errand);
	sd_event_unref(s->loop);
	free(s);
	return NULL;
}

static int write_all(const void *arg, struct err *e)
{
	const struct task *t = arg;
	int flags = fcntl(t->fd, F_GETFL);
	FILE *out = fdopen(t->fd, "w");

	if (out)
		setvbuf(out, NULL, _IOFBF, BUFFER);
	alarm(SCRIBES_TIME);
	if (!out || flags < 0 || fcntl(t->fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return err_errno(e, errno, "opening a stream");
	t->fn(t->arg, out);
	return fflush(out) == 0 ? 0 : err_errno(e, errno, "writing an answer");
}

static void on_done(void *ud, int result, const struct err *e)
{
	struct scribe *scribe = ud;

	(void)e;
	scribe->errand = errand_free(scribe->errand);
	if (scribe->done)
		scribe->done(scribe->ud, result);
}

int scribes_start(struct scribes *s, int fd, void (*fn)(const void *arg, FILE *out),
	const void *arg, void (*done)(void *ud, int result), void *ud, struct err *e)
{
	const struct task task = {fd, fn, arg};
	size_t i = 0;

	while (i < LIMIT_SCRIBES && s->all[i].errand)
		i++;
	if (i == LIMIT_SCRIBES)
		return err_set(e, EBUSY, "%d answers are being written already", LIMIT_SCRIBES);
	s->all[i].done = done;
	s->all[i].ud = ud;
	return errand_start(&s->all[i].errand, s->loop, write_all, &task, on_done, &s->all[i], e);
}
