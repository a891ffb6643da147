/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "node/site.h"

/*
 * bird.conf: a BIRD that speaks BFD and nothing else, one session for each peer that is to have
 * one. It has no table of the kernel's and no routes. Every value is typed and printed by us. Pure.
 */

/* Whether there is to be a BFD session with the peer. */
bool bird_conf_has(const struct config *c, const struct config_peer *peer);

/* The text, which the caller frees. -EINVAL for a peer whose family the pod has no address of. */
int bird_conf_text(char **ret, const struct config *c, const struct site *p, struct err *e);
