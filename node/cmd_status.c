/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdio.h>

#include "agent/keeper.h"
#include "cmd.h"
#include "table/script.h"

static void print(int family, const struct half_sight *s)
{
	char gue[sizeof "GUE at port 65535, "] = "";

	if (s->gue_port)
		snprintf(gue, sizeof gue, "GUE at port %u, ", s->gue_port);
	printf("%s: device %s %s, table %s, %s%zu pod%s, %zu entr%s of %zu VIP%s\n",
		family == AF_INET ? "IPv4" : "IPv6", script_device(family),
		s->device ? "ready" : "missing", s->table ? "there" : "missing", gue, s->n_pods,
		s->n_pods == 1 ? "" : "s", s->n_entries, s->n_entries == 1 ? "y" : "ies", s->n_vips,
		s->n_vips == 1 ? "" : "s");
}

int cmd_status(int argc, char *argv[])
{
	static const struct argp parser = {
		.doc = "Say what the kernel of this network namespace holds, whether or not an "
		       "agent runs. The exit status is 0 if tunnel device and table are there; "
		       "those of IPv6 may be missing, both.",
	};
	static char name[] = "kago-node status";
	struct half_sight four = {0}, six = {0};
	struct err e = {0};

	argp_err_exit_status = 2;
	argv[0] = name;
	argp_parse(&parser, argc, argv, 0, NULL, NULL);
	if (keeper_look(&four, &six, &e) < 0) {
		fprintf(stderr, "kago-node: %s\n", e.msg);
		return 1;
	}
	print(AF_INET, &four);
	print(AF_INET6, &six);
	return keeper_sees_ready(&four, &six) ? 0 : 1;
}
