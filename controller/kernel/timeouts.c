/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/timeouts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"

struct timeouts {
	sd_event_source *timer;
	struct ipvs *ipvs;
	struct ipvs_timeouts wanted, held;
	bool were_right; /* so that it was somebody else if they are not */
	char trouble[ERR_MSG_SIZE];
};

DEFINE_CLEANUP(struct timeouts *, timeouts_free);

static bool are_right(const struct timeouts *t)
{
	return t->held.tcp == t->wanted.tcp && t->held.tcp_fin == t->wanted.tcp_fin &&
	       t->held.udp == t->wanted.udp;
}

static int look(struct timeouts *t, struct err *e)
{
	int r = ipvs_read_timeouts(&t->held, t->ipvs, e);

	if (r < 0)
		t->held = (struct ipvs_timeouts){0};
	return r;
}

static void tell_set(const struct timeouts *t, const struct ipvs_timeouts *found)
{
	log_write(t->were_right ? LOG_WARN : LOG_INFO,
		t->were_right ? "timeouts.restored" : "timeouts.set",
		LOG_FIELDS(LOG_UINT("tcp_s", t->held.tcp), LOG_UINT("tcp_fin_s", t->held.tcp_fin),
			LOG_UINT("udp_s", t->held.udp), LOG_UINT("tcp_found_s", found->tcp),
			LOG_UINT("tcp_fin_found_s", found->tcp_fin),
			LOG_UINT("udp_found_s", found->udp)));
}

static int put_right(struct timeouts *t, struct err *e)
{
	struct ipvs_timeouts found;
	int r = look(t, e);

	if (r < 0 || are_right(t))
		return r;
	found = t->held;
	r = ipvs_write_timeouts(t->ipvs, &t->wanted, e);
	if (r == 0)
		r = look(t, e);
	if (r == 0 && !are_right(t))
		r = err_set(e, EINVAL, "the timeouts of IPVS stay tcp %u s, tcpFin %u s, udp %u s",
			t->held.tcp, t->held.tcp_fin, t->held.udp);
	if (r == 0)
		tell_set(t, &found);
	return r;
}

static void keep(void *ud)
{
	struct timeouts *t = ud;
	struct err e = {0};
	int r = put_right(t, &e);

	if (r < 0 && strcmp(t->trouble, e.msg) != 0)
		log_error("timeouts.failed", LOG_ERR(&e),
			LOG_STR("effect", "silent connections are forgotten at other times"),
			LOG_STR("next", "this is tried again"));
	if (r < 0)
		memcpy(t->trouble, e.msg, sizeof t->trouble);
	else
		t->trouble[0] = '\0';
	t->were_right = r == 0;
	loop_timer_arm(t->timer, TIMEOUTS_LOOK);
}

int timeouts_new(struct timeouts **ret, sd_event *loop, struct ipvs *ipvs,
	const struct ipvs_timeouts *wanted, struct err *e)
{
	CLEANUP(timeouts_freep) struct timeouts *t = xnew0(struct timeouts);
	int r = loop_timer_new(&t->timer, loop, keep, t, e);

	if (r < 0)
		return r;
	t->ipvs = ipvs;
	t->wanted = *wanted;
	keep(t);
	*ret = steal(t);
	return 0;
}

struct timeouts *timeouts_free(struct timeouts *t)
{
	if (!t)
		return NULL;
	sd_event_source_disable_unref(t->timer);
	free(t);
	return NULL;
}

void timeouts_want(struct timeouts *t, const struct ipvs_timeouts *wanted)
{
	t->wanted = *wanted;
	if (are_right(t))
		return;
	t->were_right = false;
	keep(t);
}

struct timeouts_status timeouts_status(const struct timeouts *t)
{
	return (struct timeouts_status){t->held, t->trouble};
}
