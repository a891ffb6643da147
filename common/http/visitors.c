/* SPDX-License-Identifier: Apache-2.0 */
#include "http/visitors.h"

#include <sys/socket.h>
#include <utlist.h>

#include "base/mem.h"
#include "loop/loop.h"

struct visitor {
	struct visitor *prev, *next; /* in the order they came */
	struct visitors *visitors;
	struct ipaddr from;
	int fd;
	uint64_t came, due; /* loop_clock */
	bool dismissed;     /* counts no more */
	void *owner;
};

struct visitors {
	sd_event_source *timer;
	struct visitors_rules rules;
	struct visitor *all;
	void (*dismissed)(void *ud, struct visitor *v);
	void *ud;
};

DEFINE_CLEANUP(struct visitors *, visitors_free);

static void dismiss(struct visitor *v)
{
	static const struct linger at_once = {.l_onoff = 1};

	v->dismissed = true;
	/* The kernel shall not keep for minutes what the client does not take. */
	setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	/* Whoever reads or writes it is told at once, whatever it waits for. */
	shutdown(v->fd, SHUT_RDWR);
	v->visitors->dismissed(v->visitors->ud, v);
}

static void arm_timer(const struct visitors *vs)
{
	uint64_t now = loop_clock(), first = UINT64_MAX;

	for (const struct visitor *v = vs->all; v; v = v->next)
		if (!v->dismissed && v->due < first)
			first = v->due;
	if (first == UINT64_MAX)
		loop_timer_stop(vs->timer);
	else
		loop_timer_arm(vs->timer, first > now ? first - now : 0);
}

static void on_time(void *ud)
{
	struct visitors *vs = ud;
	uint64_t now = loop_clock();

	for (struct visitor *v = vs->all; v; v = v->next)
		if (!v->dismissed && v->due <= now)
			dismiss(v);
	arm_timer(vs);
}

static size_t count_of(const struct visitors *vs, const struct ipaddr *from)
{
	size_t n = 0;

	for (const struct visitor *v = vs->all; v; v = v->next)
		n += !v->dismissed && ipaddr_equal(&v->from, from);
	return n;
}

static size_t count(const struct visitors *vs)
{
	size_t n = 0;

	for (const struct visitor *v = vs->all; v; v = v->next)
		n += !v->dismissed;
	return n;
}

static struct visitor *first_of(const struct visitors *vs, const struct ipaddr *from)
{
	struct visitor *v = vs->all;

	while (v && (v->dismissed || !ipaddr_equal(&v->from, from)))
		v = v->next;
	return v;
}

static struct visitor *first_of_most(const struct visitors *vs)
{
	struct visitor *found = NULL;
	size_t most = 0;

	for (struct visitor *v = vs->all; v; v = v->next) {
		size_t n = v->dismissed ? 0 : count_of(vs, &v->from);

		if (n > most) {
			most = n;
			found = v;
		}
	}
	return found;
}

void visitors_make_room(struct visitors *vs, const struct ipaddr *from)
{
	struct visitor *out = NULL;

	if (count_of(vs, from) >= vs->rules.max_each)
		out = first_of(vs, from);
	else if (count(vs) >= vs->rules.max)
		out = first_of_most(vs);
	if (out)
		dismiss(out);
}

struct visitor *visitors_enter(struct visitors *vs, int fd, const struct ipaddr *from, void *owner)
{
	struct visitor *v = xnew0(struct visitor);

	v->visitors = vs;
	v->fd = fd;
	v->from = *from;
	v->owner = owner;
	v->came = loop_clock();
	v->due = v->came + vs->rules.ask_within;
	DL_APPEND(vs->all, v);
	arm_timer(vs);
	return v;
}

void *visitor_owner(const struct visitor *v)
{
	return v->owner;
}

void visitor_asked(struct visitor *v)
{
	v->due = v->came + v->visitors->rules.leave_within;
	arm_timer(v->visitors);
}

bool visitor_is_dismissed(const struct visitor *v)
{
	return v->dismissed;
}

struct visitor *visitors_leave(struct visitor *v)
{
	struct visitors *vs = v->visitors;

	DL_DELETE(vs->all, v);
	free(v);
	arm_timer(vs);
	return NULL;
}

int visitors_new(struct visitors **ret, sd_event *loop, const struct visitors_rules *rules,
	void (*dismissed)(void *ud, struct visitor *v), void *ud, struct err *e)
{
	CLEANUP(visitors_freep) struct visitors *vs = xnew0(struct visitors);
	int r = loop_timer_new(&vs->timer, loop, on_time, vs, e);

	if (r < 0)
		return r;
	vs->rules = *rules;
	vs->dismissed = dismissed;
	vs->ud = ud;
	*ret = steal(vs);
	return 0;
}

struct visitors *visitors_free(struct visitors *vs)
{
	if (!vs)
		return NULL;
	sd_event_source_disable_unref(vs->timer);
	free(vs);
	return NULL;
}
