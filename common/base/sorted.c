/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sorted.h"

size_t sorted_place(const void *key, const void *items, size_t n_items, size_t size,
	int (*cmp)(const void *key, const void *item))
{
	size_t low = 0, high = n_items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cmp(key, (const char *)items + middle * size) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
