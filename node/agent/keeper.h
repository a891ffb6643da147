/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "agent/half.h"
#include "plan/doors.h"

/*
 * Keeps the node's kernel as a plan says, both families of it, also when others have hands in it:
 * looks every KEEPER_LOOK. Logs: node.*.
 */
struct keeper;

enum { KEEPER_LOOK = 5 * 1000 * 1000 /* usec */ };

/* `on_changed`: keeper_kinds has changed. */
int keeper_new(
	struct keeper **ret, sd_event *loop, void (*on_changed)(void *ud), void *ud, struct err *e);
/* The kernel keeps what it has. */
struct keeper *keeper_free(struct keeper *k);
DEFINE_CLEANUP(struct keeper *, keeper_free);

/* From now on. `plan` is consumed, `sources` copied. */
void keeper_put(
	struct keeper *k, struct plan *plan, const struct ipnet sources[], size_t n_sources);

/* As second_put, after keeper_put. */
void keeper_put_doors(struct keeper *k, struct doors *doors);

/*
 * The kinds of tunnels that the kernel takes (values/tunnel_set.h): 0 until a plan is there. Those
 * of a family of which there is nothing yet count unless it was seen that they cannot be.
 */
unsigned keeper_kinds(const struct keeper *k);

struct half_stats keeper_stats(const struct keeper *k, int family);

/* Whether the kernel refuses something of a family; that of GUE is none. */
bool keeper_fails(const struct keeper *k, int family);
/* Whether it refuses the table of what nodes ask each other. */
bool keeper_fails_second(const struct keeper *k);
/* Whose entries are gone, and what connection tracking knows of them is not yet. */
size_t keeper_to_forget(const struct keeper *k);

/* Removes all of it. */
int keeper_remove(struct err *e);

/* What there is now, read by anybody; as half_look. */
int keeper_look(struct half_sight *ret_four, struct half_sight *ret_six, struct err *e);

/* Whether that is a node which takes tunnels: of IPv6 there may be nothing. */
bool keeper_sees_ready(const struct half_sight *four, const struct half_sight *six);
