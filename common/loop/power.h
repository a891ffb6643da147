/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * Gives up all capabilities for good, as root, too: no_new_privs keeps any program that is started
 * later from getting one back (capabilities(7)).
 */
int power_give_up(struct err *e);
