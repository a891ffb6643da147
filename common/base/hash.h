/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"

/* uthash, with the project's one way of running out of memory. */
#define uthash_fatal(msg) mem_exhausted()
#include <uthash.h>
