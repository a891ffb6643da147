/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The keys of kago.yaml, a row each: what reads, sets, checks and documents a key is here alone.
 * Below "bgp.peers[]" the fields are those of struct config_peer, below "bgp.otherPeers[]" of
 * struct config_other_peer, below "pools[]" of struct config_pool, else of struct config.
 */

enum schema_type {
	SCHEMA_LABEL,       /* char *: DNS label; "" when min is 0 */
	SCHEMA_DNS_NAME,    /* char *: labels joined by dots, or "" */
	SCHEMA_TEXT,        /* char *: one line, or "" */
	SCHEMA_BOOL,        /* bool */
	SCHEMA_LEVEL,       /* enum log_level */
	SCHEMA_FORMAT,      /* enum log_format */
	SCHEMA_FORWARD,     /* enum forward_method */
	SCHEMA_TUNNEL,      /* enum encapsulation */
	SCHEMA_ANNOUNCE,    /* enum config_announce */
	SCHEMA_LISTEN,      /* char *: ADDRESS:PORT, pod:PORT, or "" */
	SCHEMA_PATH,        /* char * */
	SCHEMA_DURATION,    /* uint64_t, usec */
	SCHEMA_SECONDS,     /* uint64_t, usec, whole seconds */
	SCHEMA_AS,          /* uint32_t */
	SCHEMA_PORT,        /* uint16_t */
	SCHEMA_COUNT,       /* uint32_t, at most `max` unless that is 0 */
	SCHEMA_COMMUNITIES, /* char *: BGP communities, or "" */
	SCHEMA_ADDRESS,     /* struct ipaddr */
	SCHEMA_NEXT_HOP4,   /* struct config_next_hop, of IPv4 */
	SCHEMA_NEXT_HOP6,   /* struct config_next_hop, of IPv6 */
	SCHEMA_PEERS,       /* struct config_peer *, its number behind it */
	SCHEMA_OTHER_PEERS, /* struct config_other_peer *, its number behind it */
	SCHEMA_PREFIXES,    /* struct ipnet *, its number behind it */
	SCHEMA_POOLS,       /* struct config_pool *, its number behind it */
	SCHEMA_RANGES,      /* struct config_range *, its number behind it */
	SCHEMA_LABELS,      /* char **, its number behind it */
	SCHEMA_NAMES,       /* char **, DNS names, its number behind it */
	SCHEMA_LINKS,       /* char **, names of network interfaces, its number behind it */
	SCHEMA_VARIABLES,   /* char **, names of environment variables, its number behind it */
};

enum schema_program { SCHEMA_CONTROLLER, SCHEMA_SIDECAR, SCHEMA_N_PROGRAMS };

/* When a program that runs follows a change of a key in the file. */
enum schema_use { SCHEMA_UNUSED = 1, SCHEMA_AFTER_RESTART, SCHEMA_AT_ONCE };

struct schema_key {
	const char *path; /* "keepalived.minReloadGap" */
	enum schema_type type;
	enum schema_use use[SCHEMA_N_PROGRAMS]; /* of what is below a list: that of the list */
	size_t offset;                          /* of the field */
	/* Of durations, in usec, of the length of texts and lists; `min` of a list of prefixes is
	 * that of their length. */
	uint64_t min, max;
	const char *initial; /* the default, as schema_set takes it; NULL: zero */
	const char *help;
};

/* All rows, in the order of the documentation. */
const struct schema_key *schema_keys(size_t *ret_n);

/* NULL when there is no such key. */
const struct schema_key *schema_find(const char *path);

/* Whether keys go on below `path`: "bgp" is one, "bgp.as" is none. */
bool schema_is_section(const char *path);

/* For messages: the names right below `section` ("" is the root), "a, b, c". */
char *schema_names(const char *section) __attribute__((warn_unused_result));

/* The field of `k` in the struct at `base`. */
void *schema_field(const struct schema_key *k, void *base);

bool schema_is_string(const struct schema_key *k); /* its field is a char * */
bool schema_is_number(
	const struct schema_key *k); /* of its value, an unquoted number makes sense */
bool schema_is_bool(const struct schema_key *k);
bool schema_is_list(const struct schema_key *k);

/* Whether all programs that use the key follow its change at once. */
bool schema_is_live(const struct schema_key *k);

/* "duration, 100ms to 1m" and the like. */
char *schema_describe(const struct schema_key *k) __attribute__((warn_unused_result));

/*
 * Parses and checks `text` and puts it into the field of `base`, whose old value it frees.
 * Errors: -EINVAL with what would be right, not naming the key. Lists cannot be set from text.
 */
int schema_set(const struct schema_key *k, void *base, const char *text, struct err *e);

/* Sets all fields of `base` right below `section` and its sections to their defaults. */
void schema_init(void *base, const char *section);

/* Frees the strings of `base` that schema_init and schema_set made. */
void schema_done(void *base, const char *section);
