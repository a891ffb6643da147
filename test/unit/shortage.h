/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "loop/loop.h"

/*
 * A process that has no file descriptor left: the limit is where the next one would be. Not under
 * valgrind, which lets the kernel take a connection and closes it then.
 */
static inline void shortage_begin(struct rlimit *ret_before)
{
	struct rlimit now;
	const char *preload = getenv("LD_PRELOAD");
	int next;

	if (preload && strstr(preload, "vgpreload"))
		skip();
	next = dup(STDERR_FILENO);
	assert_true(next >= 0);
	assert_int_equal(close(next), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, ret_before), 0);
	now = *ret_before;
	now.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(dup(STDERR_FILENO), -1);
}

/* One is left. */
static inline void shortage_ease(void)
{
	struct rlimit now;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	now.rlim_cur++;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static inline void shortage_end(const struct rlimit *before)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, before), 0);
}

/* How many turns the loop makes in 300 ms: few, if nothing keeps it busy. */
static inline unsigned turns_of(sd_event *loop)
{
	uint64_t end = loop_clock() + 300 * 1000;
	unsigned n = 0;

	for (uint64_t now = loop_clock(); now < end; now = loop_clock(), n++)
		assert_true(sd_event_run(loop, end - now) >= 0);
	return n;
}
