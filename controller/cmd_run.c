/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/log.h"
#include "base/mem.h"
#include "command.h"
#include "config/config.h"

DEFINE_CLEANUP(struct config *, config_free);

enum { SETTINGS_MAX = 64, KEY_LOG_LEVEL = 256, KEY_LOG_FORMAT };

/* A key of kago.yaml given on the command line. */
struct setting {
	const char *path, *value;
};

struct args {
	const char *source, *config_path;
	struct setting settings[SETTINGS_MAX];
	size_t n_settings;
};

static const struct argp_option options[] = {
	{"source", 's', "DIR", 0, "follow the manifests in this folder", 0},
	{"config", 'c', "FILE", 0, "kago.yaml (default: built-in defaults)", 0},
	{"set", 'S', "KEY=VALUE", 0, "a key of kago.yaml, such as keepalived.minReloadGap=1s", 0},
	{"log-level", KEY_LOG_LEVEL, "LEVEL", 0, "debug, info, warn or error", 0},
	{"log-format", KEY_LOG_FORMAT, "FORMAT", 0, "logfmt or json", 0},
	{0},
};

static void add_setting(struct argp_state *state, const char *path, const char *value)
{
	struct args *args = state->input;

	if (args->n_settings == SETTINGS_MAX)
		argp_error(state, "more than %d settings; use a configuration file", SETTINGS_MAX);
	else
		args->settings[args->n_settings++] = (struct setting){path, value};
}

/* Splits KEY=VALUE in place. */
static void add_assignment(struct argp_state *state, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals) {
		argp_error(state, "--set %s: write KEY=VALUE", text);
		return;
	}
	*equals = '\0';
	add_setting(state, text, equals + 1);
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case 's':
		args->source = value;
		return 0;
	case 'c':
		args->config_path = value;
		return 0;
	case 'S':
		add_assignment(state, value);
		return 0;
	case KEY_LOG_LEVEL:
		add_setting(state, "log.level", value);
		return 0;
	case KEY_LOG_FORMAT:
		add_setting(state, "log.format", value);
		return 0;
	case ARGP_KEY_END:
		if (!args->source)
			argp_error(state, "--source is needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.options = options,
	.parser = parse_option,
	.doc = "Keep IPVS equal to Services and EndpointSlices, until SIGTERM.",
};

static int load(struct config **ret, const struct args *args, struct err *e)
{
	CLEANUP(config_freep) struct config *config = NULL;
	int r = config_load(&config, args->config_path, e);

	for (size_t i = 0; r >= 0 && i < args->n_settings; i++)
		r = config_set(config, args->settings[i].path, args->settings[i].value, e);
	if (r >= 0)
		*ret = steal(config);
	return r;
}

int cmd_run(int argc, char **argv)
{
	CLEANUP(config_freep) struct config *config = NULL;
	struct args args = {0};
	struct err e = {0};

	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (load(&config, &args, &e) < 0)
		return command_unusable(&e);
	log_setup(config->log.level, config->log.format);
	if (app_run(config, args.source, &e) < 0) {
		log_error("controller.failed", LOG_ERR(&e));
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
}
