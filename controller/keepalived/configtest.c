/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/configtest.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "loop/child.h"
#include "loop/loop.h"

enum { COMPLAINTS_SIZE = 1024, EXIT_WARNED = 5 };

struct configtest {
	struct child *child;
	sd_event_source *deadline;
	configtest_fn *done;
	void *ud;
	size_t len;
	char complaints[COMPLAINTS_SIZE];
};

DEFINE_CLEANUP(struct configtest *, configtest_free);

/* With -t keepalived prints "(FILE: Line N) what" and "FILE: ..."; only the first lines matter. */
static void on_line(void *ud, const char *line)
{
	struct configtest *t = ud;
	size_t room = sizeof t->complaints - t->len;
	int n = snprintf(t->complaints + t->len, room, "%s%s", t->len ? "; " : "", line);

	t->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void on_end(void *ud, int status)
{
	struct configtest *t = ud;
	enum configtest_verdict verdict = CONFIGTEST_REFUSED;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		verdict = CONFIGTEST_ACCEPTED;
	else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WARNED)
		verdict = CONFIGTEST_WARNED;
	t->child = child_free(t->child);
	t->done(t->ud, verdict, t->complaints);
}

static void on_deadline(void *ud)
{
	struct configtest *t = ud;

	t->child = child_free(t->child);
	t->done(t->ud, CONFIGTEST_REFUSED, "the test did not end in time");
}

static const struct child_ops ops = {.on_line = on_line, .on_exit = on_end};

int configtest_start(struct configtest **ret, sd_event *loop, const char *program, const char *path,
	configtest_fn *done, void *ud, struct err *e)
{
	CLEANUP(configtest_freep) struct configtest *t = xnew0(struct configtest);
	const char *const argv[] = {program, "--config-test", "--check", "--use-file", path, NULL};
	int r;

	t->done = done;
	t->ud = ud;
	r = loop_timer_new(&t->deadline, loop, on_deadline, t, e);
	if (r < 0)
		return r;
	r = child_start(&t->child, loop, argv, &ops, t, e);
	if (r < 0)
		return r;
	loop_timer_arm(t->deadline, CONFIGTEST_TIMEOUT);
	*ret = steal(t);
	return 0;
}

struct configtest *configtest_free(struct configtest *t)
{
	if (!t)
		return NULL;
	child_free(t->child);
	sd_event_source_disable_unref(t->deadline);
	free(t);
	return NULL;
}
