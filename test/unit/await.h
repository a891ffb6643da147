/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "loop/loop.h"

/* Runs the loop of `f` until it is so; TURN and PATIENCE are the test's, in usec. */
#define AWAIT(f, condition)                                                                        \
	do {                                                                                       \
		uint64_t until_ = loop_clock() + PATIENCE;                                         \
		while (!(condition) && loop_clock() < until_)                                      \
			assert_true(sd_event_run((f)->loop, TURN) >= 0);                           \
		assert_true(condition);                                                            \
	} while (0)
