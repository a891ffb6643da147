/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/configtest.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "loop/child.h"
#include "loop/loop.h"

enum {
	COMPLAINTS_SIZE = 1024,
	/* Of keepalived, lib/scheduler.h and core/main.c. */
	EXIT_CONFIG = 2,
	EXIT_FATAL = 4,
	EXIT_WARNED = 5,
	EXIT_SECURITY = 6,
};

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

static enum configtest_verdict verdict_of(int status)
{
	if (!WIFEXITED(status))
		return CONFIGTEST_UNKNOWN;
	switch (WEXITSTATUS(status)) {
	case 0:
		return CONFIGTEST_ACCEPTED;
	case EXIT_WARNED:
		return CONFIGTEST_WARNED;
	case EXIT_CONFIG:
	case EXIT_FATAL:
	case EXIT_SECURITY:
		return CONFIGTEST_REFUSED;
	default:
		return CONFIGTEST_UNKNOWN;
	}
}

static void on_end(void *ud, int status)
{
	struct configtest *t = ud;
	enum configtest_verdict verdict = verdict_of(status);
	char text[64], complaints[COMPLAINTS_SIZE];

	t->child = child_free(t->child);
	if (verdict == CONFIGTEST_UNKNOWN && t->len == 0)
		on_line(t, child_status_text(text, status));
	/* `done` frees the test and reads on. */
	memcpy(complaints, t->complaints, sizeof complaints);
	t->done(t->ud, verdict, complaints);
}

static void on_deadline(void *ud)
{
	struct configtest *t = ud;

	t->child = child_free(t->child);
	t->done(t->ud, CONFIGTEST_UNKNOWN, "the test did not end in time");
}

static int start(struct configtest *t, sd_event *loop, const char *const argv[],
	const struct child_ops *ops, struct err *e)
{
	int r = loop_timer_new(&t->deadline, loop, on_deadline, t, e);

	if (r < 0)
		return r;
	r = child_start(&t->child, loop, argv, ops, t, e);
	if (r < 0)
		return r;
	loop_timer_arm(t->deadline, CONFIGTEST_TIMEOUT);
	return 0;
}

static struct configtest *configtest_new(configtest_fn *done, void *ud)
{
	struct configtest *t = xnew0(struct configtest);

	t->done = done;
	t->ud = ud;
	return t;
}

int configtest_start(struct configtest **ret, sd_event *loop, const char *program, const char *path,
	const char *folder, configtest_fn *done, void *ud, struct err *e)
{
	CLEANUP(configtest_freep) struct configtest *t = configtest_new(done, ud);
	const char *const argv[] = {program, "--config-test", "--check", "--use-file", path, NULL};
	const char *const writable[] = {folder, NULL};
	const struct confine confine = {.writable = writable};
	const struct child_ops ops = {.on_line = on_line, .on_exit = on_end, .confine = &confine};
	int r = start(t, loop, argv, &ops, e);

	if (r < 0)
		return r;
	*ret = steal(t);
	return 0;
}

int configtest_start_nameless(struct configtest **ret, sd_event *loop, const char *program, int fd,
	configtest_fn *done, void *ud, struct err *e)
{
	CLEANUP(configtest_freep) struct configtest *t = configtest_new(done, ud);
	const char *const argv[] = {
		program, "--config-test", "--check", "--use-file", CONFIGTEST_NAMELESS, NULL};
	const struct confine confine = {0};
	const struct child_ops ops = {
		.on_line = on_line, .on_exit = on_end, .input = fd, .confine = &confine};
	int r = start(t, loop, argv, &ops, e);

	if (r < 0)
		return r;
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
