/* SPDX-License-Identifier: Apache-2.0 */
#include "app/outcomes.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "decide/fleet_diff.h"
#include "loop/loop.h"

enum {
	AT_ONCE = 1000,   /* usec to write lines right after a decision */
	SLICE = 5 * 1000, /* usec to write lines before others have a turn */
};

struct outcomes {
	sd_event_source *timer;
	struct fleet *told; /* that all lines are about; NULL: none were written yet */
	struct fleet *now;  /* that they come to be about; NULL: all is told */
	struct fleet *next; /* a newer one; NULL: none */
	struct fleet_walk walk;
};

static const char *const events[] = {
	[FLEET_SERVED] = "service.served",
	[FLEET_NO_ENDPOINTS] = "service.no_endpoints",
	[FLEET_CONFLICT] = "service.conflict",
	[FLEET_REJECTED] = "service.rejected",
	[FLEET_PENDING] = "service.pending",
};

static char *vips_text(const struct fleet_service *svc)
{
	char *text = xstrdup("");
	char addr[IPADDR_TEXT];

	for (size_t i = 0; i < svc->n_vips; i++) {
		char *longer =
			xasprintf("%s%s%s", text, i ? "," : "", ipaddr_format(addr, &svc->vips[i]));

		free(text);
		text = longer;
	}
	return text;
}

static void log_outcome(const struct fleet_service *svc)
{
	CLEANUP_FREE char *service = xasprintf("%s/%s", svc->ns, svc->name);
	CLEANUP_FREE char *vips = vips_text(svc);
	bool in_full = svc->reason == REASON_SERVED;

	if (svc->reason == REASON_INVALID_OBJECT)
		return; /* told when the object came */
	log_write(in_full ? LOG_INFO : LOG_WARN, events[svc->outcome],
		LOG_FIELDS(LOG_STR("service", service), LOG_STR("vips", *vips ? vips : NULL),
			LOG_UINT("virtual_servers", svc->n_virtual_servers),
			LOG_STR("reason", reason_name(svc->reason)), LOG_STR("msg", svc->message)));
}

static void log_gone(const struct fleet_service *svc)
{
	CLEANUP_FREE char *service = xasprintf("%s/%s", svc->ns, svc->name);

	log_info("service.gone", LOG_STR("service", service),
		LOG_STR("msg", "deleted, or no longer of this fleet"));
}

static void let_go(struct outcomes *o)
{
	fleet_unref(o->told);
	o->told = steal(o->now);
	o->now = steal(o->next);
	o->walk = (struct fleet_walk){0};
}

/* False: there is more, but the time is over. */
static bool log_until(struct outcomes *o, uint64_t end)
{
	while (o->now) {
		while (fleet_walk_next(&o->walk, o->told, o->now)) {
			if (o->walk.new)
				log_outcome(o->walk.new);
			else
				log_gone(o->walk.old);
			if (loop_clock() >= end)
				return false;
		}
		let_go(o);
	}
	return true;
}

static void on_time(void *ud)
{
	struct outcomes *o = ud;

	if (!log_until(o, loop_clock() + SLICE))
		loop_timer_arm(o->timer, 0);
}

void outcomes_tell(struct outcomes *o, struct fleet *fleet)
{
	if (!o->now) {
		o->now = fleet_ref(fleet);
		if (log_until(o, loop_clock() + AT_ONCE))
			return;
	} else {
		fleet_unref(o->next);
		o->next = fleet_ref(fleet);
	}
	loop_timer_arm(o->timer, 0);
}

int outcomes_new(struct outcomes **ret, sd_event *loop, struct err *e)
{
	struct outcomes *o = xnew0(struct outcomes);
	int r = loop_timer_new(&o->timer, loop, on_time, o, e);

	if (r < 0) {
		outcomes_free(o);
		return r;
	}
	sd_event_source_set_priority(o->timer, LOOP_PATIENT);
	*ret = o;
	return 0;
}

struct outcomes *outcomes_free(struct outcomes *o)
{
	if (!o)
		return NULL;
	log_until(o, UINT64_MAX);
	fleet_unref(o->told);
	sd_event_source_disable_unref(o->timer);
	free(o);
	return NULL;
}
