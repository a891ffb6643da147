/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd.h"

static const char usage[] =
	"Usage: kago-sidecar COMMAND\n"
	"\n"
	"  run       announce what this pod's IPVS can serve, and route it here\n"
	"  relay     connect exabgp's API with the running sidecar (started by exabgp)\n"
	"  status    show the BGP sessions and routes of the sidecar that runs\n"
	"\n"
	"kago-sidecar run --help lists the options.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
} commands[] = {
	{"run", cmd_run},
	{"relay", cmd_relay},
	{"status", cmd_status},
};

int main(int argc, char *argv[])
{
	const char *name = argc > 1 ? argv[1] : "";

	mem_setup();
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(name, "--version") == 0) {
		puts("kago-sidecar " KAGO_VERSION);
		return 0;
	}
	if (strcmp(name, "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	fprintf(stderr, "kago-sidecar: '%s' is not a command\n%s", name, usage);
	return 2;
}
