/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>

#include "app/app.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "config/config_args.h"
#include "loop/confine.h"

DEFINE_CLEANUP(struct config *, config_free);

enum { KEY_RENDER_ONLY = 0x2000, KEY_KUBECONFIG };

struct args {
	struct app_options options;
	struct config_args config;
};

static const struct argp_option options[] = {
	{"source", 's', "SOURCE", 0,
		"kubernetes: follow an API server; else the folder of manifests to follow", 0},
	{"kubeconfig", KEY_KUBECONFIG, "FILE", 0,
		"how to reach the API server; unless given, as the pod we run in", 0},
	{"render-only", KEY_RENDER_ONLY, NULL, 0,
		"write keepalived.conf only: no keepalived, no IPVS, no privileges needed", 0},
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
		args->options.source = value;
		return 0;
	case KEY_KUBECONFIG:
		config_args_add(&args->config, state, "kubernetes.kubeconfig", value);
		return 0;
	case KEY_RENDER_ONLY:
		args->options.render_only = true;
		return 0;
	case ARGP_KEY_END:
		if (!args->options.source)
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

static int load(struct config **ret, const void *args, struct err *e)
{
	return config_args_load(ret, args, e);
}

int cmd_run(int argc, char **argv)
{
	CLEANUP(config_freep) struct config *config = NULL;
	struct args args = {0};
	struct err e = {0};

	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (config_args_load(&config, &args.config, &e) < 0)
		return command_unusable(&e);
	args.options.origin = (struct follow_origin){args.config.path, load, &args.config};
	log_setup(config->log.level, config->log.format);
	if (confine_gain_nothing(&e) < 0 || app_run(config, &args.options, &e) < 0) {
		log_error("controller.failed", LOG_ERR(&e));
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
}
