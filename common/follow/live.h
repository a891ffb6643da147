/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"
#include "config/config.h"
#include "config/schema.h"

/*
 * The configuration of a program that runs, while its file changes. What the program can follow at
 * once is put into the struct config that all its parts have borrowed; the rest waits for a
 * restart. Values that were replaced stay in memory until the end, so that nobody who still points
 * to them, such as a decision to its pools, has to be told: a change is some kilobytes, made by
 * hand. Pure.
 */
struct config_live;

/* `config` is borrowed, and changed. */
struct config_live *config_live_new(struct config *config, enum schema_program program);
struct config_live *config_live_free(struct config_live *l);
DEFINE_CLEANUP(struct config_live *, config_live_free);

/*
 * Takes what the file says now; consumes `next`. `changed` is called for each key that the program
 * uses and that is not as in the file before; `in_use`: what the file says is what the program
 * does. The order is that of the schema. Returns whether any was put in use.
 */
bool config_live_take(struct config_live *l, struct config *next,
	void (*changed)(void *ud, const char *key, bool in_use), void *ud);

/* How many keys wait for a restart. */
size_t config_live_pending(const struct config_live *l);
