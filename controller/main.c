/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"run", cmd_run, "balance: keep IPVS equal to Services and EndpointSlices"},
	{"status", cmd_status, "show what the running controller does"},
	{"check", cmd_check, "look whether a load balancer can run here, and say what is missing"},
	{"explain", cmd_explain, "say what becomes of one Service, and why"},
	{"render", cmd_render, "print the keepalived.conf for manifests"},
	{"template", cmd_template, "print a template filled with a view"},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out)
{
	fputs("Usage: kago-controller COMMAND [OPTION...]\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`kago-controller COMMAND --help` shows the options of a command.\n", out);
}

static int run(const struct command *command, int argc, char **argv)
{
	CLEANUP_FREE char *name = xasprintf("kago-controller %s", command->name);

	argv[0] = name;
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	mem_setup();
	argp_err_exit_status = COMMAND_UNUSABLE;
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(word, commands[i].name) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	if (strcmp(word, "--help") == 0) {
		print_usage(stdout);
		return COMMAND_OK;
	}
	if (strcmp(word, "--version") == 0) {
		puts("kago " KAGO_VERSION);
		return COMMAND_OK;
	}
	print_usage(stderr);
	return COMMAND_UNUSABLE;
}
