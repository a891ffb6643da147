/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/ip_vs.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "kernel/differ.h"
#include "letters.h"
#include "net/ipvs_table.h"

/*
 * IPVS with one virtual server at most, and texts for it. Real servers are numbers, with '@' and
 * their weight where it is not 1: "1 2@0 3" in the order in which they were added.
 */

enum { SIM_MAX = 64 };

struct sim {
	bool there;
	struct ipvs_service service;     /* without real servers */
	struct ipvs_dest dests[SIM_MAX]; /* the kernel's list: it begins with what was added last */
	size_t n_dests;
};

static inline struct ipaddr sim_addr(unsigned number)
{
	return letters_addr(172, 16, 0, (uint8_t)number);
}

static inline unsigned sim_number(const struct ipaddr *addr)
{
	return addr->bytes[3];
}

static inline size_t sim_find(const struct sim *s, const struct ipvs_dest *dest)
{
	size_t i = 0;

	while (i < s->n_dests &&
		(!ipaddr_equal(&s->dests[i].addr, &dest->addr) || s->dests[i].port != dest->port))
		i++;
	return i;
}

static inline void sim_add(struct sim *s, const struct ipvs_dest *dest)
{
	assert_int_equal(sim_find(s, dest), s->n_dests);
	assert_true(s->n_dests < SIM_MAX);
	memmove(s->dests + 1, s->dests, s->n_dests * sizeof *dest);
	s->dests[0] = *dest;
	s->n_dests++;
}

static inline void sim_edit(struct sim *s, const struct ipvs_dest *dest)
{
	size_t i = sim_find(s, dest);

	assert_true(i < s->n_dests);
	s->dests[i] = *dest;
}

static inline void sim_remove(struct sim *s, const struct ipvs_dest *dest)
{
	size_t i = sim_find(s, dest);

	assert_true(i < s->n_dests);
	s->n_dests--;
	memmove(s->dests + i, s->dests + i + 1, (s->n_dests - i) * sizeof *dest);
}

/* As strict as the kernel. */
static inline void sim_apply(struct sim *s, const struct ipvs_op *op)
{
	assert_int_equal(s->there, op->kind != IPVS_ADD_SERVICE);
	switch (op->kind) {
	case IPVS_ADD_SERVICE:
	case IPVS_EDIT_SERVICE:
		s->service = op->service;
		s->there = true;
		break;
	case IPVS_REMOVE_SERVICE:
		*s = (struct sim){0};
		break;
	case IPVS_ADD_DEST:
		sim_add(s, &op->dest);
		break;
	case IPVS_EDIT_DEST:
		sim_edit(s, &op->dest);
		break;
	case IPVS_REMOVE_DEST:
		sim_remove(s, &op->dest);
		break;
	}
}

static inline size_t sim_usable(const struct sim *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_dests; i++)
		n += s->dests[i].weight > 0;
	return n;
}

/* What is read of it, the caller's dests; NULL: nothing is there. */
static inline const struct ipvs_service *sim_read(struct ipvs_service *ret, const struct sim *s)
{
	*ret = s->service;
	for (size_t i = 0; i < s->n_dests; i++)
		ipvs_service_add(ret, &s->dests[i]);
	ipvs_service_sort(ret);
	return s->there ? ret : NULL;
}

/* Takes one "2@0" off the text. */
static inline bool sim_take(unsigned *ret_number, uint32_t *ret_weight, const char **text)
{
	char *end;

	if (!**text)
		return false;
	*ret_number = (unsigned)strtoul(*text, &end, 10);
	*ret_weight = *end == '@' ? (uint32_t)strtoul(end + 1, &end, 10) : 1;
	*text = end + strspn(end, " ");
	return true;
}

/* "new none +1 +2 =2@0 set mh -3 end" */
static inline const char *sim_text(char ret_buf[static 1024], const struct ipvs_ops *ops)
{
	static const char *const words[] = {"new ", "set ", "end", "+", "=", "-"};
	size_t len = 0;

	ret_buf[0] = '\0';
	for (size_t i = 0; i < ops->n_items; i++) {
		const struct ipvs_op *op = &ops->items[i];
		const char *word = words[op->kind], *gap = i ? " " : "";

		if (op->kind < IPVS_ADD_DEST)
			len += (size_t)snprintf(ret_buf + len, 1024 - len, "%s%s%s", gap, word,
				op->kind == IPVS_REMOVE_SERVICE ? "" : op->service.scheduler);
		else
			len += (size_t)snprintf(ret_buf + len, 1024 - len, "%s%s%u%s", gap, word,
				sim_number(&op->dest.addr),
				op->kind == IPVS_REMOVE_DEST || op->dest.weight == 1 ? ""
				: op->dest.weight == 0                               ? "@0"
										     : "@many");
	}
	return ret_buf;
}
