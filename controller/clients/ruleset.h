/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "clients/guards.h"

/*
 * The nftables rules that forwarding stands on (templates/nftables.conf.mustache): the masquerade
 * rule for NAT mode's return path, what keeps the pod from being an open router, and which clients
 * may use which virtual servers. They live in one table of our own, in the network namespace we are
 * in; the rest of the ruleset is not touched. What the template makes of all that is put in the
 * place of what the table held, in one transaction: no packet meets a half, and when a line is
 * wrong the old rules stay. Connections keep their translation. Who changes the table meanwhile is
 * found out (vigil.h), and it is put in place anew.
 */

struct ruleset;

/*
 * Checks the template and puts it in place with no guards. A table that a predecessor left stays
 * until the first ruleset_guard, for it guards what IPVS goes on forwarding; what is in `kernel` is
 * then taken for something it guards. Errors: -EINVAL with the line of the filled template that is
 * wrong, or what the kernel refused; others from reading the file.
 */
int ruleset_new(struct ruleset **ret, sd_event *loop, const char *template_path,
	const struct ipvs_table *kernel, struct err *e);
struct ruleset *ruleset_free(struct ruleset *r);

/* Whom to tell when guards are in place, or could not be put there. */
void ruleset_on_guards(struct ruleset *r, void (*on_guards)(void *ud), void *ud);

/*
 * Guards from now on what of these virtual servers is restricted; what was guarded so far and is
 * none of them stays so. Does not block: nft runs apart, if there is anything to do. When it fails
 * it is tried again with backoff. Logs: clients.*.
 */
void ruleset_guard(
	struct ruleset *r, const struct virtual_server *const servers[], size_t n_servers);

/*
 * What is no virtual server, but a listener of our own in the pod: from the next ruleset_guard on
 * it is guarded like one. At the place of a virtual server there is that alone. `own` is copied.
 */
void ruleset_protect(struct ruleset *r, const struct virtual_server *own);

/* When IPVS holds these virtual servers and no others: lets go of the guards of what is gone. */
void ruleset_prune(
	struct ruleset *r, const struct virtual_server *const servers[], size_t n_servers);

/* Whether clients that may not use it are kept out, and what tunnels need is there: it may get real
 * servers. */
bool ruleset_covers(const struct ruleset *r, const struct virtual_server *vs);

/* For on_guards: whether it is so since then, and was not before. */
bool ruleset_has_come(const struct ruleset *r, const struct virtual_server *vs);

/* Whether something is not in place yet, and why it could not be put there; "" if it could. */
bool ruleset_is_behind(const struct ruleset *r);
const char *ruleset_error(const struct ruleset *r);

/* Others may have changed the table: looks, and puts it in place anew. Does not block. Now and then
 * called by the owner. */
void ruleset_check(struct ruleset *r);

/* In one go, blocking. */
int ruleset_apply(const char *template_path, const struct guards *g, struct err *e);

/* Removes the table. Gone already is success. */
int ruleset_remove(struct err *e);
