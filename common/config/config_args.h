/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <argp.h>
#include <stddef.h>

#include "base/err.h"
#include "config/config.h"

/*
 * The options by which both programs take their configuration: --config, --set, --log-level,
 * --log-format. Use:
 *
 *	static const struct argp_child children[] = {{&config_args_parser, 0, NULL, 0}, {0}};
 *
 * and in the parser that has these children, at ARGP_KEY_INIT: state->child_inputs[0] =
 *&config_args.
 */
extern const struct argp config_args_parser;

enum { CONFIG_SETTINGS_MAX = 64 };

/* What the command line says; the strings are argv's. */
struct config_args {
	const char *path;
	struct {
		const char *key, *value;
	} settings[CONFIG_SETTINGS_MAX];
	size_t n_settings;
};

/* Notes that the command line sets a key, as --set does; too many end the program with a message.
 */
void config_args_add(struct config_args *args, const struct argp_state *state, const char *key,
	const char *value);

/* The configuration: defaults, the file, then, in their order, the settings. Errors as config_load.
 */
int config_args_load(struct config **ret, const struct config_args *args, struct err *e);

/* The settings alone, onto a configuration that was loaded; config_check has to follow. */
int config_args_apply(struct config *c, const struct config_args *args, struct err *e);

/* What a flag says, else the first of the variables that is set and not empty; NULL: nothing. */
const char *config_args_or_env(const char *flag, const char *variable, const char *other);
