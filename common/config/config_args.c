/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config_args.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

DEFINE_CLEANUP(struct config *, config_free);

enum { KEY_LOG_LEVEL = 0x1000, KEY_LOG_FORMAT };

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "kago.yaml (default: built-in defaults)", 0},
	{"set", 'S', "KEY=VALUE", 0, "a key of kago.yaml, such as log.level=debug; repeatable", 0},
	{"log-level", KEY_LOG_LEVEL, "LEVEL", 0, "debug, info, warn or error", 0},
	{"log-format", KEY_LOG_FORMAT, "FORMAT", 0, "logfmt or json", 0},
	{0},
};

void config_args_add(struct config_args *args, const struct argp_state *state, const char *key,
	const char *value)
{
	if (args->n_settings == CONFIG_SETTINGS_MAX) {
		argp_error(state, "more than %d settings; use a configuration file",
			CONFIG_SETTINGS_MAX);
		return;
	}
	args->settings[args->n_settings].key = key;
	args->settings[args->n_settings++].value = value;
}

/* Splits KEY=VALUE in place. */
static void add_assignment(struct config_args *args, const struct argp_state *state, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals) {
		argp_error(state, "--set %s: write KEY=VALUE", text);
		return;
	}
	*equals = '\0';
	config_args_add(args, state, text, equals + 1);
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct config_args *args = state->input;

	switch (key) {
	case 'c':
		args->path = value;
		return 0;
	case 'S':
		add_assignment(args, state, value);
		return 0;
	case KEY_LOG_LEVEL:
		config_args_add(args, state, "log.level", value);
		return 0;
	case KEY_LOG_FORMAT:
		config_args_add(args, state, "log.format", value);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp config_args_parser = {.options = options, .parser = parse_option};

int config_args_apply(struct config *c, const struct config_args *args, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < args->n_settings; i++)
		r = config_set(c, args->settings[i].key, args->settings[i].value, e);
	return r;
}

int config_args_load(struct config **ret, const struct config_args *args, struct err *e)
{
	CLEANUP(config_freep) struct config *c = NULL;
	int r = config_load(&c, args->path, e);

	if (r == 0)
		r = config_args_apply(c, args, e);
	if (r == 0)
		r = config_check(c, e);
	if (r == 0)
		*ret = steal(c);
	return r;
}

const char *config_args_or_env(const char *flag, const char *variable, const char *other)
{
	const char *value = flag ? flag : getenv(variable);

	return value && value[0] ? value : getenv(other);
}
