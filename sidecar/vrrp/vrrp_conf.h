/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "config/config.h"
#include "doc/mustache.h"
#include "vrrp/roster.h"

/*
 * keepalived.conf of the load balancers' VRRP: an instance of each share, and one more, the pulse,
 * which owns nothing and says that keepalived is alive. Its files are in l2.stateDir. Every value
 * is typed and printed by us. Pure.
 */

/* Instances and the files that keepalived adds to their priorities: "share0" and so on, "pulse". */
#define VRRP_CONF_SHARE "share"
#define VRRP_CONF_PULSE "pulse"
/* The FIFO that it tells of changes by. */
#define VRRP_CONF_WORDS "words"

/* A file of l2.stateDir; new. */
char *vrrp_conf_path(const struct config *c, const char *name);

/*
 * The template's view, for a load balancer with peers and the interface that has its own address.
 * -EINVAL where its name, or l2.stateDir, has characters that keepalived.conf cannot hold.
 */
int vrrp_conf_view(json_t **ret, const struct config *c, const struct roster *roster,
	const char *interface, struct err *e);

/* The whole text, which the caller frees. */
int vrrp_conf_text(char **ret, const struct mustache *template, const struct config *c,
	const struct roster *roster, const char *interface, struct err *e);
