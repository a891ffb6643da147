/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "objects/service.h"
#include "values/ipaddr.h"

/*
 * Who has which address, while addresses are allocated. Services of one namespace with the same
 * share key and no port in common may have one together. Services are borrowed.
 */
struct holders;

struct holders *holders_new(void) __attribute__((warn_unused_result));
struct holders *holders_free(struct holders *h);
DEFINE_CLEANUP(struct holders *, holders_free);

bool holders_is_free(const struct holders *h, const struct ipaddr *addr);

/* Whether it is free once this Service, which has it, has let go of it. */
bool holders_is_alone(const struct holders *h, const struct ipaddr *addr);

/* Why a Service cannot have an address: who has it, and if they could share it but for a port, that
 * port of the one who asks. */
struct obstacle {
	const struct service *holder; /* NULL: it can have it */
	const struct service_port *port;
};
struct obstacle holders_obstacle(
	const struct holders *h, const struct ipaddr *addr, const struct service *s);

/* Gives an address to a Service that has it not yet. */
void holders_take(struct holders *h, const struct ipaddr *addr, const struct service *s);

/* Whether a Service is so wrong that it cannot be said with whom it shares. */
bool holders_is_unread(const struct service *s);

/*
 * As holders_take, for an address that is in the status of the Service. An unread one stays with
 * others of its namespace that share the address, or are unread, too; it has to come after all that
 * are not. False: it cannot have it.
 */
bool holders_keep(struct holders *h, const struct ipaddr *addr, const struct service *s);

void holders_release(struct holders *h, const struct ipaddr *addr, const struct service *s);

/* The addresses that Services with the namespace and the key of this one share, sorted; NULL if
 * there are none. */
const struct ipaddr *holders_shared(
	size_t *ret_n, const struct holders *h, const struct service *s);

/* Whether it is one to others which of two versions of a Service has an address. */
bool holders_alike(const struct service *a, const struct service *b);
