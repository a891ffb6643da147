/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"
#include "cli/table.h"
#include "control/control.h"

enum { ANSWER_WITHIN = 5 * 1000 * 1000 /* usec */ };
enum { KEY_SOCKET = 0x1000 };

struct args {
	const char *socket;
	bool as_json;
};

static const struct argp_option options[] = {
	{"socket", KEY_SOCKET, "NAME", 0, "its control.socket, if that is configured", 0},
	{"output", 'o', "FORMAT", 0, "table (the default) or json", 0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	if (key == KEY_SOCKET) {
		args->socket = value;
		return 0;
	}
	if (key != 'o')
		return ARGP_ERR_UNKNOWN;
	args->as_json = command_wants_json(value, state);
	return 0;
}

static const struct argp parser = {
	.options = options,
	.parser = parse_option,
	.doc = "Show what the running controller of this pod decided and what the kernel holds.",
};

static const char *yes_no(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key)) ? "yes" : "no";
}

static void print_service(const json_t *service)
{
	const json_t *server;
	size_t i;

	printf("\n%s/%s  %s\n", table_str(service, "namespace"), table_str(service, "name"),
		table_str(service, "outcome"));
	if (strcmp(table_str(service, "outcome"), "served") != 0)
		printf("  %s: %s\n", table_str(service, "reason"), table_str(service, "message"));
	json_array_foreach(json_object_get(service, "virtualServers"), i, server)
		table_server(server);
}

static void print_change(const json_t *change)
{
	printf("last change  %s", table_str(change, "result"));
	if (*table_str(change, "error"))
		printf(" (%s)", table_str(change, "error"));
	printf(", event to kernel %.1f ms; %lld applied, %lld mismatches\n",
		(double)table_num(change, "eventToKernelUs") / 1000.0, table_num(change, "applied"),
		table_num(change, "mismatches"));
}

static void print_keepalived(const json_t *keepalived)
{
	printf("keepalived   up: %s, started %lld times, file: %s", yes_no(keepalived, "up"),
		table_num(keepalived, "starts"), table_str(keepalived, "file"));
	if (*table_str(keepalived, "refusal"))
		printf(", the newest is refused: %s", table_str(keepalived, "refusal"));
	if (*table_str(keepalived, "unknown"))
		printf(", the newest is tried again: %s", table_str(keepalived, "unknown"));
	puts("");
}

/* Nothing without IPVS. */
static void print_timeouts(const json_t *timeouts)
{
	if (!timeouts)
		return;
	printf("timeouts     silent connections are forgotten after %lld s, closed ones after "
	       "%lld s, those of UDP after %lld s",
		table_num(timeouts, "tcp"), table_num(timeouts, "tcpFin"),
		table_num(timeouts, "udp"));
	if (*table_str(timeouts, "error"))
		printf(" (%s)", table_str(timeouts, "error"));
	puts("");
}

static void print_sidecar(const json_t *sidecar)
{
	const json_t *l2 = json_object_get(sidecar, "l2"), *prefix;
	const json_t *exec = json_object_get(sidecar, "exec");
	size_t i;

	if (!json_is_true(json_object_get(sidecar, "connected"))) {
		puts("sidecar      not connected");
		return;
	}
	if (l2)
		printf("sidecar      connected, %lld shares on layer 2, announces",
			table_num(l2, "shares"));
	else if (exec)
		printf("sidecar      connected, %lld calls of exec.program pending, %lld failing, "
		       "announces",
			table_num(exec, "pending"), table_num(exec, "failing"));
	else
		printf("sidecar      connected, %lld of %lld BGP sessions up, announces",
			table_num(sidecar, "bgpSessions"), table_num(sidecar, "bgpPeers"));
	json_array_foreach(json_object_get(sidecar, "announced"), i, prefix)
		printf(" %s", json_string_value(prefix));
	fputs(json_array_size(json_object_get(sidecar, "announced")) ? "" : " nothing", stdout);
	if (*table_str(sidecar, "suspended"))
		printf(": %s", table_str(sidecar, "suspended"));
	puts("");
}

static void print_table(const json_t *status)
{
	const json_t *keepalived = json_object_get(status, "keepalived"), *service;
	size_t i;

	printf("fleet        %s (kago %s), ready: %s", table_str(status, "fleet"),
		table_str(status, "version"), yes_no(status, "ready"));
	if (*table_str(status, "whyNotReady"))
		printf(", for %s", table_str(status, "whyNotReady"));
	puts("");
	if (strcmp(table_str(status, "mode"), "render-only") == 0)
		puts("mode         render-only: keepalived.conf is written, the kernel is left "
		     "alone");
	print_keepalived(keepalived);
	print_change(json_object_get(status, "lastChange"));
	print_timeouts(json_object_get(status, "timeoutsSeconds"));
	table_alike(json_object_get(status, "tables"));
	print_sidecar(json_object_get(status, "sidecar"));
	table_cluster(json_object_get(status, "kubernetes"));
	json_array_foreach(json_object_get(status, "services"), i, service)
		print_service(service);
}

int cmd_status(int argc, char **argv)
{
	CLEANUP_FREE char *answer = NULL;
	json_auto_t *status = NULL;
	struct args args = {.socket = CONTROL_CONTROLLER};
	struct err e = {0};
	int r;

	argp_parse(&parser, argc, argv, 0, NULL, &args);
	r = control_ask_text(
		&answer, args.socket, json_pack("{s:s}", "type", "status"), ANSWER_WITHIN, &e);
	if (r >= 0 && !args.as_json) {
		status = json_loads(answer, 0, NULL);
		r = status ? 0 : err_set(&e, EPROTO, "the answer is no JSON");
	}
	if (r < 0) {
		err_wrap(&e, "asking the controller of this pod");
		return command_unusable(&e);
	}
	if (args.as_json)
		table_text(answer);
	else
		print_table(status);
	return COMMAND_OK;
}
