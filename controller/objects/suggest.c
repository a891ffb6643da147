/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/suggest.h"

#include <string.h>

enum { LONGEST = 40 }; /* of words worth comparing */

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* How many characters to add, drop or change (Levenshtein), with one row of the matrix. */
static size_t distance(const char *a, const char *b)
{
	size_t row[LONGEST + 1], a_len = strlen(a), b_len = strlen(b);

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t above = row[j];

			row[j] =
				least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_len];
}

const char *suggest_nearest(const char *text, const char *const words[], size_t n_words)
{
	const char *nearest = NULL;
	size_t best = strlen(text) / 3 + 2;

	if (strlen(text) > LONGEST)
		return NULL;
	for (size_t i = 0; i < n_words; i++) {
		size_t d = strlen(words[i]) <= LONGEST ? distance(text, words[i]) : LONGEST;

		if (d < best) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}
