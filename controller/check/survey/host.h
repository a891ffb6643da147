/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "check/kernel.h"
#include "check/sysctls.h"
#include "config/config.h"

/*
 * Looks at the kernel by trying it, and tunnels if the fleet forwards by them; blocks for some
 * milliseconds. Makes the kernel load modules.
 */
void host_try_kernel(struct kernel_facts *ret, const struct config *config);

/* `fix`: sets what is not right; without it nothing is written. IPVS must have been tried. */
void host_look_at_sysctls(struct sysctls_facts *ret, bool fix);
