/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "check/findings.h"
#include "config/config.h"

/* A peer of bgp.peers; strings are owned, NULL where all is well. */
struct peer_fact {
	char *password_error; /* its passwordFile cannot be read: it was not called then */
	char *error;          /* its TCP port cannot be reached */
};

struct settings_facts {
	const char *path;  /* of the configuration; NULL: there is none */
	const char *error; /* what is wrong with it: `config` is made of defaults then */
	const struct config *config;
	bool from_kubernetes;    /* Services come from an API server */
	struct peer_fact *peers; /* of config->bgp.n_peers */
};

void settings_judge_file(struct findings *f, const struct settings_facts *s);
void settings_judge_pools(struct findings *f, const struct settings_facts *s);
void settings_judge_endpoints(struct findings *f, const struct settings_facts *s);
void settings_judge_peers(struct findings *f, const struct settings_facts *s);
void settings_facts_done(struct settings_facts *s);
