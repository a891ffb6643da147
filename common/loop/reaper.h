/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"

/*
 * What our children leave behind becomes ours, as it does for process 1 of a container anyway
 * (PR_SET_CHILD_SUBREAPER), and is collected when it ends: see base/offspring.h. It lives as long
 * as the loop. SIGCHLD is blocked from here on, as sd_event wants it for children.
 */
int reaper_attach(sd_event *loop, struct err *e);
