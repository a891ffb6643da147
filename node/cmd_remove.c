/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdio.h>

#include "agent/keeper.h"
#include "cmd.h"

int cmd_remove(int argc, char *argv[])
{
	static const struct argp parser = {
		.doc = "Remove the tunnel devices and the nftables tables of kago-node from this "
		       "network namespace. What is not there is fine.",
	};
	static char name[] = "kago-node remove";
	struct err e = {0};

	argp_err_exit_status = 2;
	argv[0] = name;
	argp_parse(&parser, argc, argv, 0, NULL, NULL);
	if (keeper_remove(&e) == 0)
		return 0;
	fprintf(stderr, "kago-node: %s\n", e.msg);
	return 1;
}
