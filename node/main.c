/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd.h"

static const char usage[] = "Usage: kago-node COMMAND\n"
			    "\n"
			    "  run         bring what load balancers send to this node's pods in a "
			    "tunnel to their ports\n"
			    "  status      say what the kernel of this node holds of that\n"
			    "  remove      remove all that `run` has made on this node\n"
			    "  realserver  in a pod's init container: have the pod take tunnels "
			    "itself\n"
			    "\n"
			    "kago-node run --help lists the options.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
} commands[] = {
	{"run", cmd_run},
	{"status", cmd_status},
	{"remove", cmd_remove},
	{"realserver", cmd_realserver},
};

int main(int argc, char *argv[])
{
	const char *name = argc > 1 ? argv[1] : "";

	mem_setup();
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(name, "--version") == 0) {
		puts("kago-node " KAGO_VERSION);
		return 0;
	}
	if (strcmp(name, "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	fprintf(stderr, "kago-node: '%s' is not a command\n%s", name, usage);
	return 2;
}
