/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/ipaddr.h"
#include "base/mem.h"
#include "objects/names.h"

/* An EndpointSlice (discovery.k8s.io/v1), as far as it matters here. */

/* What the conditions of an endpoint come to (KEP-1672), worst first. */
enum endpoint_state {
	ENDPOINT_NOT_READY, /* gets nothing */
	ENDPOINT_DRAINING,  /* terminating, but still serving: keeps what it has */
	ENDPOINT_READY,
};

struct endpoint {
	struct ipaddr addr;
	enum endpoint_state state;
};

struct slice_port {
	char *name; /* "" when it has none */
	uint16_t protocol;
	uint16_t port;
};

struct slice {
	struct objname id;
	struct objname service;
	int family;               /* 0: it has host names, which are of no use */
	struct slice_port *ports; /* sorted; none: it leads nowhere */
	size_t n_ports;
	struct endpoint *endpoints; /* sorted */
	size_t n_endpoints;
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
