/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/candidate.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "bgp/conf_check.h"
#include "bgp/exabgp_conf.h"
#include "loop/loop.h"

enum { CHECK_AGAIN = 5 * 1000 * 1000 }; /* after one that was killed */

struct candidate {
	sd_event *loop;
	struct candidate_origin origin;
	struct peering next; /* view NULL: there is none */
	bool is_good;
	struct conf_check *check;
	sd_event_source *timer;
	char refused[ERR_MSG_SIZE];
	void (*on_good)(void *ud);
	void *ud;
};

static void drop(struct candidate *k)
{
	k->check = conf_check_free(k->check);
	loop_timer_stop(k->timer);
	unlink(k->origin.path); /* it may hold a password */
	peering_done(&k->next);
	k->is_good = false;
}

static void refuse(struct candidate *k, const char *why)
{
	drop(k);
	snprintf(k->refused, sizeof k->refused, "%s", why);
	log_error("bgp.refused", LOG_STR("error", why),
		LOG_STR("effect", "the peers and sessions before stand"));
}

static void accept_it(struct candidate *k)
{
	if (k->refused[0])
		log_info("bgp.accepted", LOG_STR("next", "exabgp is told"));
	k->refused[0] = '\0';
	k->is_good = true;
	k->on_good(k->ud);
}

static void check_later(struct candidate *k, const char *why)
{
	log_warn("bgp.unchecked", LOG_STR("why", why),
		LOG_STR("effect", "the peers and sessions before stand"),
		LOG_MSEC("next_check_in_ms", CHECK_AGAIN));
	loop_timer_arm(k->timer, CHECK_AGAIN);
}

static void on_verdict(void *ud, enum conf_verdict verdict, const char *why)
{
	struct candidate *k = ud;
	struct conf_check *check = k->check; /* whose `why` is */

	k->check = NULL;
	unlink(k->origin.path);
	if (verdict == CONF_GOOD)
		accept_it(k);
	else if (verdict == CONF_REFUSED)
		refuse(k, why);
	else
		check_later(k, why);
	conf_check_free(check);
}

static void on_check_time(void *ud)
{
	struct candidate *k = ud;
	const struct candidate_origin *o = &k->origin;
	struct err e = {0};
	int r = exabgp_conf_write(o->path, o->template, k->next.view, &e);

	if (r == 0)
		r = conf_check_start(
			&k->check, k->loop, o->config, o->path, o->program, on_verdict, k, &e);
	if (r == -EINVAL || r == -EFBIG)
		refuse(k, e.msg);
	else if (r < 0)
		check_later(k, e.msg);
}

int candidate_new(struct candidate **ret, sd_event *loop, const struct candidate_origin *origin,
	void (*on_good)(void *ud), void *ud, struct err *e)
{
	CLEANUP(candidate_freep) struct candidate *k = xnew0(struct candidate);
	int r;

	k->loop = loop;
	k->origin = *origin;
	k->on_good = on_good;
	k->ud = ud;
	r = loop_timer_new(&k->timer, loop, on_check_time, k, e);
	if (r < 0)
		return r;
	*ret = steal(k);
	return 0;
}

struct candidate *candidate_free(struct candidate *k)
{
	if (!k)
		return NULL;
	conf_check_free(k->check);
	sd_event_source_disable_unref(k->timer);
	peering_done(&k->next);
	free(k);
	return NULL;
}

void candidate_propose(struct candidate *k, const struct peering *in_use)
{
	const struct candidate_origin *o = &k->origin;
	struct err e = {0};

	drop(k);
	if (peering_make(&k->next, o->config, o->site, o->passwords, o->program, &e) < 0)
		refuse(k, e.msg);
	else if (k->next.peers.n_items == 0 || json_equal(k->next.view, in_use->view))
		accept_it(k);
	else
		on_check_time(k);
}

bool candidate_is_good(const struct candidate *k)
{
	return k->is_good;
}

struct peering candidate_take(struct candidate *k)
{
	k->is_good = false;
	return peering_take(&k->next);
}

const char *candidate_why_refused(const struct candidate *k)
{
	return k->refused;
}
