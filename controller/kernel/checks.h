/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "decide/fleet.h"
#include "kernel/health.h"
#include "net/ipvs.h"

/* What keepalived's health checks say about weights (kernel/health.h), as time goes by. */
struct checks;

struct checks_ops {
	/* What shall be at a place; NULL: nothing. */
	const struct virtual_server *(*wanted)(void *ud, const struct place *place);
	/* A real server there counts as down no more: no check said so in time. */
	void (*on_overdue)(void *ud, const struct place *place);
};

int checks_new(
	struct checks **ret, sd_event *loop, const struct checks_ops *ops, void *ud, struct err *e);
struct checks *checks_free(struct checks *c);

bool checks_is_down(
	const struct checks *c, const struct virtual_server *vs, const struct real_server *real);
size_t checks_n_down(const struct checks *c);

/* A check has taken a real server down, or up. */
void checks_told(struct checks *c, const struct place *place, const struct ipaddr *addr,
	uint16_t port, bool up);

/* Checks are made from now on, all anew; or none are made any more. */
void checks_begin(struct checks *c);
void checks_end(struct checks *c);

/*
 * Whether a real server has weight 0 that neither the decision nor any word of a check explains: a
 * check, most likely. checks_doubt takes it for one until checks must have had their say.
 */
bool checks_is_doubtful(
	const struct checks *c, const struct virtual_server *vs, const struct ipvs_service *held);
void checks_doubt(
	struct checks *c, const struct virtual_server *vs, const struct ipvs_service *held);

/* What is wanted no more cannot be down. */
void checks_forget_unwanted(struct checks *c);
