/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/names.h"
#include "model/policy.h"

/* A Service (v1) that asks for a fleet of kago, as far as it matters here. */

struct service_port {
	char *name;        /* "" when it has none */
	char *target_name; /* the target port; NULL: by number */
	uint16_t target_port;
	uint16_t port;
	uint16_t protocol;
};

struct service {
	struct objname id;
	int64_t created;        /* usec since 1970; INT64_MAX when unknown: the newest */
	char *class_fleet;      /* the fleet that spec.loadBalancerClass names; NULL: none */
	char *annotation_fleet; /* the fleet that kago.dev/fleet names; NULL: none */
	bool any_fleet;         /* which fleet it asks for could not be read: all of them tell */
	struct service_port *ports;
	size_t n_ports;
	struct policy policy;
	const char *reason; /* why it is not served, for machines; NULL: it is fine */
	char *message;      /* the same for people */

	UT_hash_handle hh; /* the store's, by id */
};

/*
 * NULL in *ret: it asks for no fleet. A Service that is wrong is decoded, too, with reason and
 * message.
 */
void service_decode(struct service **ret, const struct objname *id, const json_t *object);

struct service *service_free(struct service *s);
DEFINE_CLEANUP(struct service *, service_free);

bool service_equal(const struct service *a, const struct service *b);

/* Who comes first where not all can be served: the older one, then by namespace and name. */
int service_cmp_seniority(const struct service *a, const struct service *b);

/* Whether this fleet has to serve it or to say why it does not. */
bool service_asks_for(const struct service *s, const char *fleet);
