/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "objects/fleet_rules.h"
#include "objects/held.h"
#include "objects/names.h"
#include "objects/policy.h"
#include "objects/reason.h"
#include "objects/wish.h"

/* A Service (v1) that concerns a fleet of kago, as far as it matters here. */

struct service_port {
	char *name;        /* "" when it has none */
	char *former_name; /* that its slices may have yet (service_keep); NULL: none */
	char *target_name; /* the target port; NULL: by number */
	uint16_t target_port;
	uint16_t port;
	uint16_t protocol;
};

struct service {
	struct objname id;
	int64_t created;        /* usec since 1970; INT64_MAX when unknown: the newest */
	char *uid;              /* "" when unknown, as in manifests */
	char *resource_version; /* the same */
	int64_t generation;     /* 0 when unknown */
	struct held held;       /* what its status says */
	char *class_fleet;      /* the fleet that spec.loadBalancerClass names; NULL: none */
	char *annotation_fleet; /* the fleet that kago.dev/fleet names; NULL: none */
	bool any_fleet;         /* which fleet it asks for could not be read: all of them tell */
	bool has_selector;      /* its slices are made by the cluster's controller */
	bool unclaimed;         /* it names no load balancer: that of the default class serves it */
	struct service_port *ports;
	size_t n_ports;
	struct wish wish;
	struct policy policy;
	enum reason reason; /* why it is not served, for machines */
	char *message;      /* the same for people */

	UT_hash_handle hh;       /* the store's, by id */
	struct backend *backend; /* the store's, for its slices; NULL once it has another Service */
	unsigned n_refs;
};

/*
 * NULL in *ret: it is nobody's and has nothing of ours in its status. A Service that is wrong is
 * decoded, too, with reason and message, and with as much of the rest as could be read. The caller
 * has the first reference.
 */
void service_decode(struct service **ret, const struct objname *id, const json_t *object);

/* Whoever has a reference keeps the Service as it was, also when the store has a newer one. */
struct service *service_ref(struct service *s);
/* Takes NULL, returns it, and frees a Service of which nobody has a reference. */
struct service *service_unref(struct service *s);
DEFINE_CLEANUP(struct service *, service_unref);

bool service_equal(const struct service *a, const struct service *b);

/*
 * What stands of the same Service as it was: addresses that somebody else wrote over (held_keep),
 * and the names of ports that were given others, until service_forget_names: EndpointSlices follow
 * later than that. Whether a port has a former name now.
 */
bool service_keep(struct service *now, const struct service *before);

/* False: no port had another name. */
bool service_forget_names(struct service *s);

/* Who comes first where not all can be served: the older one, then by namespace and name. */
int service_cmp_seniority(const struct service *a, const struct service *b);

/* Whether the fleet of these rules has to serve it or to say why it does not. */
bool service_asks_for(const struct service *s, const struct fleet_rules *rules);

/* How its pods are to be reached, where that can be. */
struct forward service_forward(const struct service *s, const struct fleet_rules *rules);
/* Whether that is by tunnels. */
bool service_is_tunnelled(const struct service *s, const struct fleet_rules *rules);

/*
 * Whether it has a status as if it asked for this fleet, but does not: it asks for none, or for
 * another one and has an address of our pools still.
 */
bool service_is_left(const struct service *s, const struct fleet_rules *rules);
