/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <string.h>

#include "base/mem.h"
#include "check/preflight.h"
#include "check/survey/survey.h"
#include "cli/command.h"
#include "cli/table.h"
#include "config/config_args.h"

DEFINE_CLEANUP(struct config *, config_free);

enum { KEY_KUBECONFIG = 0x2000, KEY_FIX };

struct args {
	struct config_args config;
	bool as_json, fix;
};

static const struct argp_option options[] = {
	{"fix", KEY_FIX, NULL, 0, "set the sysctls that are not right; else nothing is changed", 0},
	{"kubeconfig", KEY_KUBECONFIG, "FILE", 0,
		"how to reach the API server; unless given, as the pod we run in, if it is one", 0},
	{"output", 'o', "FORMAT", 0, "table (the default) or json", 0},
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
	case KEY_FIX:
		args->fix = true;
		return 0;
	case KEY_KUBECONFIG:
		config_args_add(&args->config, state, "kubernetes.kubeconfig", value);
		return 0;
	case 'o':
		args->as_json = command_wants_json(value, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.options = options,
	.parser = parse_option,
	.children = children,
	.doc = "Look whether a load balancer can run here, in this network namespace and with "
	       "these privileges, and say what is missing and what to do about it.\v"
	       "Exit status: 0 if nothing is wrong, but for warnings; 1 if something is; 2 for "
	       "bad usage.",
};

/* A file that cannot be used is one finding among others, which are about the defaults then. */
static int load(
	struct config **ret, struct err *ret_why, const struct config_args *args, struct err *e)
{
	CLEANUP(config_freep) struct config *c = NULL;
	int r = config_load(&c, args->path, ret_why);

	if (r < 0)
		r = config_load(&c, NULL, e);
	if (r == 0)
		r = config_args_apply(c, args, e);
	/* It may be the file's fault, or that of both. */
	if (r == 0 && !ret_why->code)
		config_check(c, ret_why);
	if (r == 0)
		*ret = steal(c);
	return r;
}

static int print(const struct findings *f, bool as_json)
{
	CLEANUP_FREE char *text = NULL;
	json_auto_t *json = NULL;

	if (!as_json) {
		text = findings_text(f);
		return command_print(text, strlen(text));
	}
	json = findings_json(f);
	table_json(json);
	return COMMAND_OK;
}

int cmd_check(int argc, char **argv)
{
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP_PREFLIGHT struct preflight facts = {0};
	CLEANUP_FINDINGS struct findings findings = {0};
	struct survey_options survey = {0};
	struct err e = {0}, why = {0};
	struct args args = {0};
	int status;

	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (load(&config, &why, &args.config, &e) < 0)
		return command_unusable(&e);
	survey.config_path = args.config.path;
	survey.config_error = why.code ? why.msg : NULL;
	survey.fix = args.fix;
	if (survey_run(&facts, config, &survey, &e) < 0)
		return command_unusable(&e);
	preflight_judge(&findings, &facts);
	status = print(&findings, args.as_json);
	if (status != COMMAND_OK)
		return status;
	return findings_count(&findings, FINDING_ERROR) ? COMMAND_FAILED : COMMAND_OK;
}
