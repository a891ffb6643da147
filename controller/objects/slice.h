/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "objects/names.h"
#include "values/ipaddr.h"

/* An EndpointSlice (discovery.k8s.io/v1), as far as it matters here. */

struct service_port;

/* What the conditions of an endpoint come to (KEP-1672), worst first. */
enum endpoint_state {
	ENDPOINT_NOT_READY, /* gets nothing */
	ENDPOINT_DRAINING,  /* terminating, but still serving: keeps what it has */
	ENDPOINT_READY,
};

struct endpoint {
	struct ipaddr addr;
	enum endpoint_state state;
	const char *node; /* the slice's; "": it is not said where it is */
};

struct slice_port {
	char *name; /* "" when it has none */
	uint16_t protocol;
	uint16_t port;
};

struct slice {
	struct objname id;
	struct objname service;
	bool is_of_controller;    /* the cluster's, which makes them from selectors */
	int family;               /* 0: it has host names, which are of no use */
	struct slice_port *ports; /* sorted; none: it leads nowhere */
	size_t n_ports;
	struct endpoint *endpoints; /* sorted */
	size_t n_endpoints;
	char **nodes; /* of its endpoints, sorted, no two alike */
	size_t n_nodes;
	char *complaint;   /* about the first element that cannot be used; NULL: all can */
	size_t n_left_out; /* such elements */

	UT_hash_handle hh;         /* the store's, by id */
	struct slice *prev, *next; /* the store's, slices of the same Service */
};

/*
 * NULL in *ret: it is of no use to us, having no Service. Of several addresses of an endpoint only
 * the first one has a meaning. An endpoint or a port that cannot be used is left out, with a
 * complaint; the rest stands. Errors: -EINVAL with "field: ..."; `id` is that of the object,
 * decoded before.
 */
int slice_decode(struct slice **ret, const struct objname *id, const json_t *object, struct err *e);

struct slice *slice_free(struct slice *s);
DEFINE_CLEANUP(struct slice *, slice_free);

bool slice_equal(const struct slice *a, const struct slice *b);

/*
 * The port of its endpoints that a Service's port leads to; 0 if there is none. A port that was
 * given another name has one in the Service and another in the slice for a moment. If the Service
 * says its number that tells, else the name that it had.
 */
uint16_t slice_target(const struct slice *slice, const struct service_port *port);
