/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/conf_check.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "loop/child.h"
#include "loop/loop.h"

enum { TIMEOUT = 60 * 1000 * 1000 }; /* Python on a busy node takes its time */

/* How exabgp 4.2 is asked, and 5.0, which ends with status 2 when it is asked as 4.2 is. */
static const char *const words[] = {"--validate", "validate"};
enum { N_WORDS = sizeof words / sizeof words[0], NOT_UNDERSTOOD = 2 };

struct conf_check {
	sd_event *loop;
	const struct config *config;
	char *path, *program;
	struct child *child;
	sd_event_source *timer;
	size_t word; /* of `words` */
	char why[ERR_MSG_SIZE];
	void (*told)(void *ud, enum conf_verdict verdict, const char *why);
	void *ud;
};

/* The last line says what is wrong; but a good file is printed with all that is in it. */
static void on_line(void *ud, const char *line)
{
	struct conf_check *k = ud;

	if (line[0] && !strstr(line, "password"))
		snprintf(k->why, sizeof k->why, "%s", line);
}

static int ask(struct conf_check *k, struct err *e);

static void on_end(void *ud, int status)
{
	struct conf_check *k = ud;
	struct err e = {0};
	char text[64];

	k->child = child_free(k->child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > NOT_UNDERSTOOD)
		k->told(k->ud, CONF_UNKNOWN, child_status_text(text, status));
	else if (WEXITSTATUS(status) == 0)
		k->told(k->ud, CONF_GOOD, "");
	else if (WEXITSTATUS(status) == NOT_UNDERSTOOD && ++k->word < N_WORDS && ask(k, &e) == 0)
		return;
	else if (e.code)
		k->told(k->ud, CONF_UNKNOWN, e.msg);
	else
		k->told(k->ud, CONF_REFUSED, k->why);
}

static int ask(struct conf_check *k, struct err *e)
{
	const char *const argv[] = {k->config->bgp.program, words[k->word], k->path, NULL};
	const char *const readable[] = {k->program, NULL};
	const char *const writable[] = {k->config->bgp.state_dir, NULL};
	const struct confine confine = {readable, writable};
	const struct child_ops ops = {
		.on_line = on_line, .on_exit = on_end, .powerless = true, .confine = &confine};

	return child_start(&k->child, k->loop, argv, &ops, k, e);
}

static void on_time(void *ud)
{
	struct conf_check *k = ud;

	k->child = child_free(k->child);
	k->told(k->ud, CONF_UNKNOWN, "it took too long");
}

int conf_check_start(struct conf_check **ret, sd_event *loop, const struct config *c,
	const char *path, const char *program,
	void (*told)(void *ud, enum conf_verdict verdict, const char *why), void *ud, struct err *e)
{
	struct conf_check *k = xnew0(struct conf_check);
	int r;

	k->loop = loop;
	k->config = c;
	k->path = xstrdup(path);
	k->program = xstrdup(program);
	k->told = told;
	k->ud = ud;
	r = loop_timer_new(&k->timer, loop, on_time, k, e);
	if (r == 0)
		r = ask(k, e);
	if (r < 0) {
		conf_check_free(k);
		return r;
	}
	loop_timer_arm(k->timer, TIMEOUT);
	*ret = k;
	return 0;
}

struct conf_check *conf_check_free(struct conf_check *k)
{
	if (!k)
		return NULL;
	child_free(k->child);
	sd_event_source_disable_unref(k->timer);
	free(k->path);
	free(k->program);
	free(k);
	return NULL;
}
