/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* FNV-1a with 64 bits: for telling whether something has changed, not for secrets. */

#define DIGEST_INIT 0xcbf29ce484222325U

static inline void digest_add(uint64_t *digest, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		*digest = (*digest ^ bytes[i]) * 0x100000001b3U;
}

/* With its end, so that texts in a row do not run into each other; NULL is not "". */
static inline void digest_add_text(uint64_t *digest, const char *text)
{
	if (text)
		digest_add(digest, text, strlen(text) + 1);
	else
		digest_add(digest, "\xff", 1);
}

/*
 * A digest of few bytes, or any number, made fit to be cut or divided: each bit of it counts for
 * each bit of the result. The finalizer of splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
 */
static inline uint64_t digest_spread(uint64_t x)
{
	x += 0x9e3779b97f4a7c15U;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}
