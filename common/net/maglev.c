/* SPDX-License-Identifier: Apache-2.0 */
#include "net/maglev.h"

#include <arpa/inet.h>
#include <linux/ip_vs.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The kernel's two hash functions are one, with these as both halves of the key. */
#define KEY_OFFSET 2654435761U
#define KEY_SKIP 2654446892U

enum { FALLBACK = IP_VS_SVC_F_SCHED1, BY_PORT = IP_VS_SVC_F_SCHED2 };

struct maglev {
	const struct ipvs_service *service;
	const struct ipvs_dest *slots[MAGLEV_SLOTS]; /* all NULL without real servers */
};

/* Where a real server is on its walk through the table. */
struct walk {
	const struct ipvs_dest *dest;
	size_t slot, skip;
};

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

/* Aumasson and Bernstein, SipHash: a fast short-input PRF, section 2.1. */
static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 of four bytes, folded to 32 bits. */
static uint32_t sip_hash(uint32_t data, uint64_t key)
{
	const uint64_t word = UINT64_C(4) << 56 | data;
	uint64_t v[] = {0x736f6d6570736575 ^ key, 0x646f72616e646f6d ^ key,
		0x6c7967656e657261 ^ key, 0x7465646279746573 ^ key};

	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* The first four bytes of an IPv4 address, and of an IPv6 address all of them folded. */
static uint32_t fold(const struct ipaddr *addr)
{
	uint32_t words[4] = {0};

	memcpy(words, addr->bytes, addr->family == AF_INET ? 4 : 16);
	return ntohl(words[0] ^ words[1] ^ words[2] ^ words[3]);
}

static size_t hash(const struct ipaddr *addr, uint16_t port, uint64_t key, uint32_t offset)
{
	return sip_hash(offset + port + fold(addr), key);
}

static size_t slot_of(const struct ipaddr *addr, uint16_t port, uint32_t offset)
{
	return hash(addr, port, KEY_OFFSET, offset) % MAGLEV_SLOTS;
}

static int walk_cmp(const void *pa, const void *pb)
{
	const struct walk *a = pa, *b = pb;

	return (a->dest->position > b->dest->position) - (a->dest->position < b->dest->position);
}

/* In the kernel's order. */
static struct walk *begin(const struct ipvs_service *s)
{
	struct walk *walks = xreallocarray(NULL, s->n_dests, sizeof *walks);

	for (size_t i = 0; i < s->n_dests; i++) {
		const struct ipvs_dest *d = &s->dests[i];

		walks[i] = (struct walk){d, slot_of(&d->addr, d->port, 0),
			hash(&d->addr, d->port, KEY_SKIP, 0) % (MAGLEV_SLOTS - 1) + 1};
	}
	qsort(walks, s->n_dests, sizeof *walks, walk_cmp);
	return walks;
}

/* Each takes the next free slot on its way, in turn, until there is none. */
static void fill(struct maglev *m, struct walk *walks, size_t n_walks)
{
	for (size_t n = 0; n < MAGLEV_SLOTS; n++) {
		struct walk *w = &walks[n % n_walks];

		while (m->slots[w->slot])
			w->slot = (w->slot + w->skip) % MAGLEV_SLOTS;
		m->slots[w->slot] = w->dest;
	}
}

struct maglev *maglev_new(const struct ipvs_service *s)
{
	struct maglev *m = xnew0(struct maglev);

	m->service = s;
	if (s->n_dests > 0) {
		CLEANUP_FREE struct walk *walks = begin(s);

		fill(m, walks, s->n_dests);
	}
	return m;
}

struct maglev *maglev_free(struct maglev *m)
{
	free(m);
	return NULL;
}

const struct ipvs_dest *maglev_choose(
	const struct maglev *m, const struct ipaddr *client, uint16_t port)
{
	uint16_t counted = (m->service->flags & BY_PORT) ? port : 0;
	uint32_t first = (uint32_t)slot_of(client, counted, 0);
	const struct ipvs_dest *dest = m->slots[first];

	if (!dest || dest->weight > 0)
		return dest;
	if (!(m->service->flags & FALLBACK))
		return NULL;
	for (uint32_t i = 0; i < MAGLEV_SLOTS; i++) {
		dest = m->slots[slot_of(client, counted, (i + first) % MAGLEV_SLOTS)];
		if (dest->weight > 0)
			return dest;
	}
	return NULL;
}
