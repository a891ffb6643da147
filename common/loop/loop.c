/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "loop/reaper.h"

/* Of the one loop that a program runs. */
static struct loop_holds holds = {
	.classes = {{1000, 0}, {5 * 1000, 0}, {20 * 1000, 0}, {100 * 1000, 0}, {500 * 1000, 0},
		{UINT64_MAX, 0}},
};

static const char *doing; /* what the event that is being handled is about */
static void (*on_held)(void *ud, const struct loop_hold *hold);
static void *on_held_ud;

/* What a callback of ours needs; it lives as long as the event source that it belongs to. */
struct hook {
	void (*call)(void *ud);
	const char *what;
	void *ud;
};

static struct hook *hook_new(void (*call)(void *ud), const char *what, void *ud)
{
	struct hook *h = xnew0(struct hook);

	h->call = call;
	h->what = what;
	h->ud = ud;
	return h;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *ud)
{
	const struct hook *h = ud;

	(void)source;
	(void)info;
	doing = h->what;
	h->call(h->ud);
	return 0;
}

static int watch_signal(sd_event *loop, int sig, void (*on_stop)(void *ud), void *ud)
{
	sd_event_source *source;
	struct hook *h = hook_new(on_stop, LOOP_HERE("on_signal"), ud);
	int r = sd_event_add_signal(loop, &source, sig, on_signal, h);

	if (r < 0) {
		free(h);
		return r;
	}
	sd_event_source_set_destroy_callback(source, free);
	sd_event_source_set_floating(source, 1);
	sd_event_source_unref(source);
	return 0;
}

int loop_new(sd_event **ret, void (*on_stop)(void *ud), void *ud, struct err *e)
{
	CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
	sigset_t stop;
	int r = sd_event_new(&loop);

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	if (r >= 0 && sigprocmask(SIG_BLOCK, &stop, NULL) < 0)
		r = -errno;
	if (r >= 0)
		r = watch_signal(loop, SIGTERM, on_stop, ud);
	if (r >= 0)
		r = watch_signal(loop, SIGINT, on_stop, ud);
	if (r < 0)
		return err_errno(e, -r, "starting the event loop");
	r = reaper_attach(loop, e);
	if (r < 0)
		return r;
	*ret = steal(loop);
	return 0;
}

static void note_held(const struct loop_hold *hold)
{
	size_t i = 0;

	while (hold->took > holds.classes[i].limit)
		i++;
	holds.classes[i].n++;
	holds.sum += hold->took;
	if (hold->took > holds.longest.took)
		holds.longest = *hold;
	if (hold->took > LOOP_HELD_LONG && on_held)
		on_held(on_held_ud, hold);
}

static uint64_t usec_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int run_once(sd_event *loop)
{
	int r = sd_event_prepare(loop);
	struct loop_hold hold;

	if (r == 0)
		r = sd_event_wait(loop, UINT64_MAX);
	if (r <= 0)
		return r;
	doing = "another";
	hold.took = loop_clock();
	hold.busy = usec_of(CLOCK_THREAD_CPUTIME_ID);
	r = sd_event_dispatch(loop);
	hold.took = loop_clock() - hold.took;
	hold.busy = usec_of(CLOCK_THREAD_CPUTIME_ID) - hold.busy;
	hold.what = doing;
	note_held(&hold);
	return r;
}

int loop_run(sd_event *loop, struct err *e)
{
	int r = 0, code = 0;

	while (r >= 0 && sd_event_get_state(loop) != SD_EVENT_FINISHED)
		r = run_once(loop);
	if (r >= 0)
		r = sd_event_get_exit_code(loop, &code);
	return r < 0 ? err_errno(e, -r, "running the event loop") : code;
}

struct loop_holds loop_holds(void)
{
	return holds;
}

void loop_doing(const char *what)
{
	doing = what;
}

void loop_on_held(void (*tell)(void *ud, const struct loop_hold *hold), void *ud)
{
	on_held = tell;
	on_held_ud = ud;
}

void loop_exit(sd_event *loop, int code)
{
	sd_event_exit(loop, code);
}

uint64_t loop_now(sd_event *loop)
{
	uint64_t now = 0;

	sd_event_now(loop, CLOCK_MONOTONIC, &now);
	return now;
}

int64_t loop_date(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t loop_clock(void)
{
	return usec_of(CLOCK_MONOTONIC);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ud)
{
	const struct hook *h = ud;

	(void)source;
	(void)usec;
	doing = h->what;
	h->call(h->ud);
	return 0;
}

int loop_timer_new_named(sd_event_source **ret, sd_event *loop, void (*on_time)(void *ud),
	const char *what, void *ud, struct err *e)
{
	CLEANUP(sd_event_source_disable_unrefp) sd_event_source *timer = NULL;
	struct hook *h = hook_new(on_time, what, ud);
	/* 1 usec of accuracy: sd_event's default would make every timer up to 250 ms late. */
	int r = sd_event_add_time(loop, &timer, CLOCK_MONOTONIC, 0, 1, on_timer, h);

	if (r < 0) {
		free(h);
		return err_errno(e, -r, "creating a timer");
	}
	sd_event_source_set_destroy_callback(timer, free);
	sd_event_source_set_enabled(timer, SD_EVENT_OFF);
	*ret = steal(timer);
	return 0;
}

void loop_timer_arm(sd_event_source *timer, uint64_t after)
{
	sd_event_source_set_time_relative(timer, after);
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void loop_timer_stop(sd_event_source *timer)
{
	sd_event_source_set_enabled(timer, SD_EVENT_OFF);
}

int loop_timer_armed(sd_event_source *timer)
{
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(timer, &enabled);
	return enabled != SD_EVENT_OFF;
}
