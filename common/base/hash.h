/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"

/* uthash, with the project's one way of running out of memory. */
#define uthash_fatal(msg) mem_exhausted()
/* The usual one falls through a switch, which clang reports wherever it is used. */
#define HASH_FUNCTION(key, len, hash) HASH_FNV(key, len, hash)
#include <uthash.h>

#ifdef __clang_analyzer__
/* It loses its way in the real one, and then sees memory used that was freed. */
void *hash_without(void *head, const void *element);
#undef HASH_DELETE
#define HASH_DELETE(hh, head, element) ((head) = hash_without(head, element))
#endif
