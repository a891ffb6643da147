/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "config/config.h"

/* What keepalived reads and writes of VRRP besides its configuration, in l2.stateDir. */

/*
 * The FIFO that it writes to, made anew: of us alone, and open at both ends, so that whoever comes
 * and goes at the other one is nobody's business. Errors: also those of making the folder.
 */
int vrrp_files_words(int *ret_fd, const struct config *c, struct err *e);

/* What it adds to its priority for a share; it reads the file as soon as it is closed. */
int vrrp_files_set_share(const struct config *c, unsigned share, int value, struct err *e);

/* The same for the pulse. */
int vrrp_files_set_pulse(const struct config *c, int value, struct err *e);
