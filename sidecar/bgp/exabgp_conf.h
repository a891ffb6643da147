/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "bgp/passwords.h"
#include "config/config.h"
#include "doc/mustache.h"
#include "node/site.h"

/*
 * exabgp.conf: one neighbor block a peer, as in the paper's Appendix D, without routes. Every value
 * is typed and printed by us; a password goes in as Base64.
 */

/*
 * The template's view. `program` is our own executable, which exabgp starts as its API process.
 * Errors: -EINVAL for a peer whose family the pod has no address of, and for a path that exabgp
 * could not take; those of passwords_find.
 */
int exabgp_conf_view(json_t **ret, const struct config *c, const struct site *p,
	const struct passwords *passwords, const char *program, struct err *e);

/* Fills the template and writes the file. */
int exabgp_conf_write(
	const char *path, const struct mustache *template, const json_t *view, struct err *e);
