/* SPDX-License-Identifier: Apache-2.0 */
#include "values/sketch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/mem.h"

static uint64_t hash_of(const struct sketch_entry *entry)
{
	return digest_spread(digest_spread(entry->key) ^ entry->value);
}

static size_t cell_of(uint64_t hash, unsigned part)
{
	return part * SKETCH_PART + (hash >> (8 * part) & 0xff) % SKETCH_PART;
}

void sketch_toggle(struct sketch *s, const struct sketch_entry *entry)
{
	uint64_t hash = hash_of(entry);

	for (unsigned i = 0; i < SKETCH_HASHES; i++) {
		struct sketch_cell *c = &s->cells[cell_of(hash, i)];

		c->key ^= entry->key;
		c->value ^= entry->value;
		c->check ^= (uint32_t)(hash >> 32);
	}
}

static bool is_empty(const struct sketch_cell *c)
{
	return c->key == 0 && c->value == 0 && c->check == 0;
}

static struct sketch combine(const struct sketch *a, const struct sketch *b)
{
	struct sketch s = *a;

	for (size_t i = 0; i < SKETCH_CELLS; i++) {
		s.cells[i].key ^= b->cells[i].key;
		s.cells[i].value ^= b->cells[i].value;
		s.cells[i].check ^= b->cells[i].check;
	}
	return s;
}

static bool all_empty(const struct sketch *s)
{
	for (size_t i = 0; i < SKETCH_CELLS; i++)
		if (!is_empty(&s->cells[i]))
			return false;
	return true;
}

bool sketch_equal(const struct sketch *a, const struct sketch *b)
{
	const struct sketch s = combine(a, b);

	return all_empty(&s);
}

uint64_t sketch_digest(const struct sketch *s)
{
	uint64_t digest = 0;

	for (size_t i = 0; i < SKETCH_CELLS; i++) {
		const struct sketch_cell *c = &s->cells[i];

		digest = digest_spread(digest ^ c->key);
		digest = digest_spread(digest ^ c->value);
		digest = digest_spread(digest ^ c->check);
	}
	return digest;
}

/* Whether one entry alone is in the cell. */
static bool is_alone(const struct sketch *s, size_t i, struct sketch_entry *ret)
{
	const struct sketch_cell *c = &s->cells[i];
	uint64_t hash;

	*ret = (struct sketch_entry){c->key, c->value};
	hash = hash_of(ret);
	return c->check == (uint32_t)(hash >> 32) &&
	       cell_of(hash, (unsigned)(i / SKETCH_PART)) == i;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct sketch_entry *x = a, *y = b;

	return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
				: (x->value > y->value) - (x->value < y->value);
}

size_t sketch_difference(struct sketch_entry ret[static SKETCH_DIFFERENT], bool *ret_all,
	const struct sketch *a, const struct sketch *b)
{
	struct sketch left = combine(a, b);
	size_t n = 0;
	bool found = true;

	while (found && n < SKETCH_DIFFERENT) {
		found = false;
		for (size_t i = 0; i < SKETCH_CELLS && n < SKETCH_DIFFERENT; i++) {
			if (is_empty(&left.cells[i]) || !is_alone(&left, i, &ret[n]))
				continue;
			sketch_toggle(&left, &ret[n++]);
			found = true;
		}
	}
	*ret_all = all_empty(&left);
	qsort(ret, n, sizeof *ret, entry_cmp);
	return n;
}

static unsigned char *put_number(unsigned char *to, uint64_t n, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*to++ = (unsigned char)(n >> (8 * i));
	return to;
}

static uint64_t take_number(const unsigned char **from, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n |= (uint64_t) * (*from)++ << (8 * i);
	return n;
}

char *sketch_format(const struct sketch *s)
{
	unsigned char bytes[SKETCH_BYTES], *to = bytes;

	for (size_t i = 0; i < SKETCH_CELLS; i++) {
		to = put_number(to, s->cells[i].key, 8);
		to = put_number(to, s->cells[i].value, 8);
		to = put_number(to, s->cells[i].check, 4);
	}
	return base64_encode(bytes, sizeof bytes);
}

int sketch_parse(struct sketch *ret, const char *text, struct err *e)
{
	CLEANUP_FREE char *bytes = NULL;
	const unsigned char *from;
	size_t len;
	int r = base64_decode(&bytes, &len, text, e);

	if (r < 0)
		return r;
	if (len != SKETCH_BYTES)
		return err_set(e, EINVAL, "has %zu bytes and not %d", len, SKETCH_BYTES);
	from = (const unsigned char *)bytes;
	for (size_t i = 0; i < SKETCH_CELLS; i++) {
		ret->cells[i].key = take_number(&from, 8);
		ret->cells[i].value = take_number(&from, 8);
		ret->cells[i].check = (uint32_t)take_number(&from, 4);
	}
	return 0;
}
