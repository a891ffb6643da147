/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "check/kernel.h"
#include "check/sysctls.h"

/* Looks at the kernel by trying it; blocks for some milliseconds. Makes the kernel load modules. */
void host_try_kernel(struct kernel_facts *ret);

/* `fix`: sets what is not right; without it nothing is written. IPVS must have been tried. */
void host_look_at_sysctls(struct sysctls_facts *ret, bool fix);
