/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which objects of a collection were told of, so that a new list shows what is gone and an event
 * that was overtaken is passed over. Pure.
 */
struct known;

struct known *known_new(void) __attribute__((warn_unused_result));
struct known *known_free(struct known *k);

/* A new list begins: until known_sweep, what is not put again counts as gone. */
void known_begin_list(struct known *k);

/*
 * The object is there in `version`, 0 if that is no number. False: it is known in a newer one
 * (KEP-5504: versions of one collection can be compared) and this one is to be passed over. While a
 * list is read, every version is taken: the server may have been set back.
 */
bool known_put(struct known *k, const char *ns, const char *name, uint64_t version);

/*
 * The object went away in `version`. False: it was not known, or it is known in a newer version, as
 * it was made again since.
 */
bool known_remove(struct known *k, const char *ns, const char *name, uint64_t version);

/* The list is complete: removes what was not in it and calls `on_gone` for each. */
void known_sweep(
	struct known *k, void (*on_gone)(void *ud, const char *ns, const char *name), void *ud);

size_t known_count(const struct known *k);
