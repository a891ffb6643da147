/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>

#include "app/app.h"
#include "base/log.h"
#include "base/mem.h"
#include "command.h"
#include "config/config_args.h"

DEFINE_CLEANUP(struct config *, config_free);

struct args {
	const char *source;
	struct config_args config;
};

static const struct argp_option options[] = {
	{"source", 's', "DIR", 0, "follow the manifests in this folder", 0},
	{0},
};

static const struct argp_child children[] = {{&config_args_parser, 0, NULL, 0}, {0}};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case 's':
		args->source = value;
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
	.children = children,
	.doc = "Keep IPVS equal to Services and EndpointSlices, until SIGTERM.",
};

int cmd_run(int argc, char **argv)
{
	CLEANUP(config_freep) struct config *config = NULL;
	struct args args = {0};
	struct err e = {0};

	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (config_args_load(&config, &args.config, &e) < 0)
		return command_unusable(&e);
	log_setup(config->log.level, config->log.format);
	if (app_run(config, args.source, &e) < 0) {
		log_error("controller.failed", LOG_ERR(&e));
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
}
