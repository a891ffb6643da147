/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/call.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "loop/child.h"

struct call {
	const struct call_setup *setup;
	struct child *child;
	struct wish_call what;
	call_fn *on_end;
	void *ud;
	size_t n_lines;
	char last[STR_QUOTED_SIZE]; /* the line that came last, quoted */
};

static const char *const names[] = {
	[WISH_ADD] = "add", [WISH_REMOVE] = "remove", [WISH_SYNC] = "sync"};

const char *call_format(char ret_buf[static CALL_TEXT], const struct wish_call *what)
{
	char net[IPNET_TEXT];

	if (what->kind == WISH_SYNC)
		snprintf(ret_buf, CALL_TEXT, "sync");
	else
		snprintf(ret_buf, CALL_TEXT, "%s %s", names[what->kind],
			ipnet_format(net, &what->vip));
	return ret_buf;
}

static void on_line(void *ud, const char *line)
{
	struct call *c = ud;
	char text[CALL_TEXT];

	str_quote(c->last, line);
	if (c->n_lines++ > LIMIT_EXEC_LINES)
		return;
	if (c->n_lines > LIMIT_EXEC_LINES)
		line = "(what it says from here on is left out)";
	log_info("exec.log", LOG_STR("call", call_format(text, &c->what)), LOG_STR("line", line));
}

/* The caller may be freed by it. */
static void end(struct call *c, const char *how)
{
	CLEANUP_FREE char *error = NULL;

	if (how)
		error = xasprintf("%s%s%s", how, *c->last ? ", its last words: " : "", c->last);
	c->child = child_free(c->child);
	c->on_end(c->ud, error);
}

static void on_exit_status(void *ud, int status)
{
	char text[64];

	end(ud, status ? child_status_text(text, status) : NULL);
}

void call_expire(struct call *c)
{
	char after[32], how[80];

	snprintf(how, sizeof how, "it was killed after %s (exec.timeout)",
		str_from_usec(after, c->setup->timeout));
	end(c, how);
}

static int write_list(int fd, const struct prefixes *p, const char *mark)
{
	char text[IPNET_TEXT];

	for (size_t i = 0; i < p->n_items; i++)
		if (dprintf(fd, "%s%s\n", ipnet_format(text, &p->items[i]), mark) < 0)
			return -1;
	return 0;
}

/* A file in memory, for it has to be written before anybody reads. Negative: as functions do. */
static int open_list(const struct prefixes *told, const struct prefixes *left, struct err *e)
{
	CLEANUP_CLOSE int fd = memfd_create("kago-exec-vips", MFD_CLOEXEC);

	if (fd < 0 || write_list(fd, told, "") < 0 || write_list(fd, left, " other") < 0 ||
		lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, errno, "writing the list of VIPs");
	return steal_fd(&fd);
}

static int open_input(const struct call *c, const struct prefixes *told,
	const struct prefixes *left, struct err *e)
{
	int fd;

	if (c->what.kind == WISH_SYNC)
		return open_list(told, left, e);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, errno, "opening /dev/null") : fd;
}

static int start(
	struct call *c, sd_event *loop, const struct ipaddr *node, int input, struct err *e)
{
	static const char *const readable[] = {"/", NULL}, *const writable[] = {"/tmp", NULL};
	static const struct confine wall = {readable, writable};
	const struct child_ops ops = {.on_line = on_line,
		.on_exit = on_exit_status,
		.powerless = true,
		.input = input,
		.confine = &wall,
		.environment = c->setup->environment};
	char net[IPNET_TEXT], addr[IPADDR_TEXT];
	const char *argv[6];
	size_t n = 0;

	argv[n++] = c->setup->program;
	argv[n++] = names[c->what.kind];
	if (c->what.kind != WISH_SYNC)
		argv[n++] = ipnet_format(net, &c->what.vip);
	argv[n++] = ipaddr_format(addr, node);
	argv[n++] = c->setup->node_name;
	argv[n] = NULL;
	return child_start(&c->child, loop, argv, &ops, c, e);
}

int call_start(struct call **ret, sd_event *loop, const struct call_setup *setup,
	const struct wish_call *what, const struct ipaddr *node, const struct prefixes *told,
	const struct prefixes *left, call_fn *on_end, void *ud, struct err *e)
{
	CLEANUP(call_freep) struct call *c = xnew0(struct call);
	CLEANUP_CLOSE int input = -1;
	int r;

	*c = (struct call){.setup = setup, .what = *what, .on_end = on_end, .ud = ud};
	input = open_input(c, told, left, e);
	if (input < 0)
		return input;
	r = start(c, loop, node, input, e);
	if (r < 0)
		return r;
	*ret = steal(c);
	return 0;
}

struct call *call_free(struct call *c)
{
	if (!c)
		return NULL;
	child_free(c->child);
	free(c);
	return NULL;
}
