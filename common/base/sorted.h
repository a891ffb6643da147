/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Where the first of a sorted array is that is not before the key: where the key is, or belongs.
 * `cmp` gets the key and an element, as for bsearch(3). `items` may be NULL if there are none.
 */
size_t sorted_place(const void *key, const void *items, size_t n_items, size_t size,
	int (*cmp)(const void *key, const void *item));
