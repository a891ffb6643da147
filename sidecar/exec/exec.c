/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/exec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "exec/call.h"
#include "exec/wishes.h"
#include "loop/loop.h"
#include "values/dns.h"

/* Where there is no PATH, as of execvp(3) but for the current folder. */
#define USUAL_PATH "/usr/sbin:/usr/bin:/sbin:/bin"

/* A call that runs. */
struct slot {
	struct exec *exec;
	struct call *call;      /* NULL: none does */
	sd_event_source *timer; /* of exec.timeout */
	struct wish_call what;
	size_t n_told; /* of WISH_SYNC */
	uint64_t since;
};

struct exec {
	sd_event *loop;
	const struct config *config;
	const struct site *site;
	struct exec_ops ops;
	void *ud;
	struct wishes *wishes;
	struct call_setup setup;
	char *environment[LIMIT_EXEC_VARIABLES + 2]; /* with PATH, and NULL at the end */
	struct slot slots[LIMIT_EXEC_CALLS];
	sd_event_source *timer;    /* of the next call */
	sd_event_source *patience; /* with what the sidecar does not say: the start, and the end */
	uint64_t emptied_at;       /* when nothing was offered any more; 0: it never was */
	bool stopping, stopped;
};

static bool anything_offered(const struct exec *x)
{
	return x->emptied_at == UINT64_MAX;
}

static struct slot *free_slot(struct exec *x)
{
	struct slot *s = x->slots;

	while (s < x->slots + LIMIT_EXEC_CALLS && s->call)
		s++;
	return s < x->slots + LIMIT_EXEC_CALLS ? s : NULL;
}

static void log_done(const struct slot *s)
{
	const uint64_t took = loop_clock() - s->since;
	char vip[IPNET_TEXT];

	if (s->what.kind == WISH_SYNC)
		log_info("exec.synced",
			LOG_STR("family", s->what.family == AF_INET ? "IPv4" : "IPv6"),
			LOG_UINT("vips", s->n_told), LOG_MSEC("took_ms", took));
	else
		log_info(s->what.kind == WISH_ADD ? "vip.told" : "vip.taken_back",
			LOG_STR("vip", ipnet_format(vip, &s->what.vip)), LOG_MSEC("took_ms", took));
}

static void log_failed(const struct wish_call *what, const char *error)
{
	char call[CALL_TEXT];

	log_warn("exec.failed", LOG_STR("call", call_format(call, what)), LOG_STR("error", error),
		LOG_STR("next", "tried again, after 1 s at first and up to 60 s later; the same "
				"error is not said again"));
}

static void finish(struct exec *x)
{
	if (x->stopped)
		return;
	x->stopped = true;
	loop_timer_stop(x->timer);
	loop_timer_stop(x->patience);
	x->ops.on_stopped(x->ud);
}

static void note_end(struct exec *x, const struct wish_call *what, const char *error)
{
	if (wishes_end(x->wishes, what, error, loop_clock()) && error)
		log_failed(what, error);
}

static void call_next(struct exec *x);

static void on_end(void *ud, const char *error)
{
	struct slot *s = ud;
	struct exec *x = s->exec;

	loop_timer_stop(s->timer);
	s->call = call_free(s->call);
	if (!error)
		log_done(s);
	note_end(x, &s->what, error);
	call_next(x);
	x->ops.on_change(x->ud);
	if (x->stopping && wishes_are_met(x->wishes))
		finish(x);
}

static void on_timeout(void *ud)
{
	const struct slot *s = ud;

	call_expire(s->call);
}

static void start_call(struct exec *x, struct slot *s, const struct wish_call *what)
{
	CLEANUP_PREFIXES struct prefixes told = {0}, left = {0};
	struct err e = {0};

	if (what->kind == WISH_SYNC) {
		told = wishes_told(x->wishes, what->family);
		left = wishes_left(x->wishes, what->family);
	}
	s->what = *what;
	s->n_told = told.n_items;
	s->since = loop_clock();
	if (call_start(&s->call, x->loop, &x->setup, what, dual_of(&x->site->node, what->family),
		    &told, &left, on_end, s, &e) < 0)
		note_end(x, what, e.msg);
	else
		loop_timer_arm(s->timer, x->setup.timeout);
}

static void call_next(struct exec *x)
{
	struct wish_call what;
	struct slot *s;
	uint64_t wait;

	while (!x->stopped && (s = free_slot(x)) && wishes_next(x->wishes, &what, loop_clock()))
		start_call(x, s, &what);
	wait = wishes_wait(x->wishes, loop_clock());
	if (wait == UINT64_MAX || x->stopped)
		loop_timer_stop(x->timer);
	else
		loop_timer_arm(x->timer, wait);
}

static void on_time(void *ud)
{
	struct exec *x = ud;

	call_next(x);
	x->ops.on_change(x->ud);
}

static void on_impatience(void *ud)
{
	struct exec *x = ud;
	const struct wishes_count c = wishes_count(x->wishes);

	if (!x->stopping) {
		exec_begin(x);
		return;
	}
	log_warn("exec.left", LOG_UINT("pending", c.pending), LOG_STR("error", c.error),
		LOG_STR("why", "the calls have not succeeded within node.drain"),
		LOG_STR("effect", "the network may go on sending packets to this node"),
		LOG_STR("next", "the load balancer that starts on this node next tells all anew"));
	finish(x);
}

static int set_node_name(struct exec *x, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	x->setup.node_name = getenv("NODE_NAME");
	if (!x->setup.node_name)
		return err_set(e, EINVAL,
			"with `announce: exec` the environment's NODE_NAME has "
			"to be the name of the node");
	if (!dns_subdomain_valid(x->setup.node_name))
		return err_set(e, EINVAL, "NODE_NAME: %s is not a DNS name",
			str_quote(quoted, x->setup.node_name));
	return 0;
}

static void set_environment(struct exec *x)
{
	const struct config *c = x->config;
	const char *path = getenv("PATH");
	size_t n = 0;

	x->environment[n++] = xasprintf("PATH=%s", path && *path ? path : USUAL_PATH);
	for (size_t i = 0; i < c->exec.n_environment; i++) {
		const char *name = c->exec.environment[i], *value = getenv(name);

		if (!value)
			log_warn("exec.no_variable", LOG_STR("name", name),
				LOG_STR("effect", "the program does not get it"),
				LOG_STR("remedy", "set it for this container (exabgp.extraEnv)"));
		else if (strcmp(name, "PATH") != 0)
			x->environment[n++] = xasprintf("%s=%s", name, value);
	}
	x->setup.environment = (const char *const *)x->environment;
}

static int make_slots(struct exec *x, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < LIMIT_EXEC_CALLS; i++) {
		x->slots[i].exec = x;
		r = loop_timer_new(&x->slots[i].timer, x->loop, on_timeout, &x->slots[i], e);
	}
	return r;
}

int exec_start(struct exec **ret, sd_event *loop, const struct config *c, const struct site *site,
	const struct exec_ops *ops, void *ud, struct err *e)
{
	CLEANUP(exec_freep) struct exec *x = xnew0(struct exec);
	int r;

	*x = (struct exec){.loop = loop, .config = c, .site = site, .ops = *ops, .ud = ud};
	x->setup = (struct call_setup){.program = c->exec.program, .timeout = c->exec.timeout};
	x->wishes = wishes_new(dual_of(&site->node, AF_INET), dual_of(&site->node, AF_INET6));
	r = set_node_name(x, e);
	if (r == 0)
		r = make_slots(x, e);
	if (r == 0)
		r = loop_timer_new(&x->timer, loop, on_time, x, e);
	if (r == 0)
		r = loop_timer_new(&x->patience, loop, on_impatience, x, e);
	if (r < 0)
		return r;
	set_environment(x);
	if (c->node.grace > 0)
		loop_timer_arm(x->patience, c->node.grace);
	*ret = steal(x);
	return 0;
}

static void slot_done(struct slot *s)
{
	call_free(s->call);
	sd_event_source_disable_unref(s->timer);
}

struct exec *exec_free(struct exec *x)
{
	if (!x)
		return NULL;
	for (size_t i = 0; i < LIMIT_EXEC_CALLS; i++)
		slot_done(&x->slots[i]);
	for (size_t i = 0; x->environment[i]; i++)
		free(x->environment[i]);
	sd_event_source_disable_unref(x->timer);
	sd_event_source_disable_unref(x->patience);
	wishes_free(x->wishes);
	free(x);
	return NULL;
}

void exec_offer(struct exec *x, const struct prefixes *offered)
{
	if (offered->n_items > 0)
		x->emptied_at = UINT64_MAX;
	else if (anything_offered(x))
		x->emptied_at = loop_clock();
	wishes_want(x->wishes, offered, loop_clock());
	call_next(x);
}

void exec_spare(struct exec *x, const struct prefixes *others)
{
	wishes_spare(x->wishes, others, loop_clock());
	call_next(x);
}

void exec_begin(struct exec *x)
{
	if (wishes_begun(x->wishes))
		return;
	loop_timer_stop(x->patience);
	wishes_begin(x->wishes);
	call_next(x);
}

const struct prefixes *exec_heard(const struct exec *x)
{
	return wishes_heard(x->wishes);
}

bool exec_is_heard(const struct exec *x)
{
	return wishes_are_heard(x->wishes);
}

json_t *exec_report(const struct exec *x)
{
	const struct wishes_count c = wishes_count(x->wishes);

	return jsonx_must(json_pack("{s:I, s:I, s:s}", "pending", (json_int_t)c.pending, "failing",
		(json_int_t)c.failing, "error", c.error ? c.error : ""));
}

static void report_vip(
	void *ud, const struct ipnet *vip, bool wanted, bool heard, const char *error)
{
	json_t *item;
	char text[IPNET_TEXT];

	item = jsonx_must(json_pack("{s:s, s:b, s:b}", "vip", ipnet_format(text, vip), "wanted",
		wanted, "told", heard));
	if (error)
		jsonx_set(item, "error", json_string(error));
	jsonx_append(ud, item);
}

json_t *exec_report_vips(const struct exec *x)
{
	json_t *vips = jsonx_must(json_array());

	wishes_each(x->wishes, report_vip, vips);
	return vips;
}

/* When nothing was offered for longer, calls have had their time. */
void exec_stop(struct exec *x)
{
	const struct prefixes nothing = {0};
	uint64_t now = loop_clock(), end;

	exec_offer(x, &nothing);
	if (x->emptied_at == 0)
		x->emptied_at = now;
	x->stopping = true;
	exec_begin(x);
	end = x->emptied_at + x->config->node.drain;
	if (wishes_are_met(x->wishes))
		finish(x);
	else
		loop_timer_arm(x->patience, end > now ? end - now : 0);
}
