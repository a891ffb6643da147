/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/offspring.h"
#include "loop/loop.h"

enum { LOOK_AGAIN = 100 * 1000 /* usec: what an owner takes to collect a child */ };

struct reaper {
	sd_event_source *timer; /* the loop's */
};

static void reap(void *ud)
{
	const struct reaper *r = ud;

	if (offspring_reap())
		loop_timer_arm(r->timer, LOOK_AGAIN);
}

static int on_sigchld(sd_event_source *source, const struct signalfd_siginfo *info, void *ud)
{
	(void)source;
	(void)info;
	reap(ud);
	return 0;
}

static int block_sigchld(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

/* Consumes the source: the loop frees it, and calls `destroy` then, if it is not NULL. */
static void leave_to_loop(sd_event_source *source, sd_event_destroy_t destroy)
{
	sd_event_source_set_floating(source, 1);
	if (destroy)
		sd_event_source_set_destroy_callback(source, destroy);
	sd_event_source_unref(source);
}

static int watch(struct reaper **r, sd_event *loop)
{
	sd_event_source *source;
	int n = sd_event_add_signal(loop, &source, SIGCHLD, on_sigchld, *r);

	if (n < 0)
		return n;
	leave_to_loop((*r)->timer, NULL);
	leave_to_loop(source, free);
	*r = NULL;
	return 0;
}

int reaper_attach(sd_event *loop, struct err *e)
{
	CLEANUP_FREE struct reaper *r = xnew0(struct reaper);
	int n = loop_timer_new(&r->timer, loop, reap, r, e);

	if (n < 0)
		return n;
	n = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : block_sigchld();
	if (n >= 0)
		n = watch(&r, loop);
	if (n >= 0)
		return 0;
	sd_event_source_disable_unref(r->timer);
	return err_errno(e, -n, "watching for children that end");
}
