/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "command.h"
#include "loop/control.h"

enum { ANSWER_WITHIN = 5 * 1000 * 1000 /* usec */ };

static const struct argp_option options[] = {
	{"output", 'o', "FORMAT", 0, "table (the default) or json", 0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	bool *as_json = state->input;

	if (key != 'o')
		return ARGP_ERR_UNKNOWN;
	if (strcmp(value, "json") != 0 && strcmp(value, "table") != 0)
		argp_error(state, "--output %s: use table or json", value);
	*as_json = strcmp(value, "json") == 0;
	return 0;
}

static const struct argp parser = {
	.options = options,
	.parser = parse_option,
	.doc = "Show what the running controller of this pod decided and what the kernel holds.",
};

static const char *str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_int_t num(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *yes_no(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key)) ? "yes" : "no";
}

static void print_real(const json_t *real)
{
	bool v6 = strchr(str(real, "address"), ':') != NULL;

	printf("    -> %s%s%s:%lld  weight %lld  %s  connections %lld active, %lld inactive\n",
		v6 ? "[" : "", str(real, "address"), v6 ? "]" : "", num(real, "port"),
		num(real, "weight"), str(real, "state"), num(real, "activeConnections"),
		num(real, "inactiveConnections"));
}

static void print_server(const json_t *server)
{
	const json_t *real;
	size_t i;

	printf("  %s port %lld/%s  %s  %s\n", str(server, "vip"), num(server, "port"),
		str(server, "protocol"), str(server, "scheduler"),
		json_is_true(json_object_get(server, "inKernel")) ? "in the kernel"
								  : "NOT in the kernel");
	if (*str(server, "refusedByKeepalived"))
		printf("    refused by keepalived: %s\n", str(server, "refusedByKeepalived"));
	json_array_foreach(json_object_get(server, "realServers"), i, real)
		print_real(real);
}

static void print_service(const json_t *service)
{
	const json_t *server;
	size_t i;

	printf("\n%s/%s  %s\n", str(service, "namespace"), str(service, "name"),
		str(service, "outcome"));
	if (strcmp(str(service, "outcome"), "served") != 0)
		printf("  %s: %s\n", str(service, "reason"), str(service, "message"));
	json_array_foreach(json_object_get(service, "virtualServers"), i, server)
		print_server(server);
}

static void print_reload(const json_t *reload)
{
	printf("last reload  %s", str(reload, "result"));
	if (*str(reload, "error"))
		printf(" (%s)", str(reload, "error"));
	printf(", event to kernel %.1f ms; %lld applied, %lld refused, %lld mismatches\n",
		(double)num(reload, "eventToKernelUs") / 1000.0, num(reload, "applied"),
		num(reload, "refused"), num(reload, "mismatches"));
}

static void print_sidecar(const json_t *sidecar)
{
	const json_t *prefix;
	size_t i;

	printf("sidecar      %s, announces", json_is_true(json_object_get(sidecar, "connected"))
						     ? "connected"
						     : "not connected");
	json_array_foreach(json_object_get(sidecar, "announced"), i, prefix)
		printf(" %s", json_string_value(prefix));
	puts(json_array_size(json_object_get(sidecar, "announced")) ? "" : " nothing");
}

static void print_table(const json_t *status)
{
	const json_t *keepalived = json_object_get(status, "keepalived"), *service;
	size_t i;

	printf("fleet        %s (kago %s), ready: %s\n", str(status, "fleet"),
		str(status, "version"), yes_no(status, "ready"));
	printf("keepalived   up: %s, started %lld times\n", yes_no(keepalived, "up"),
		num(keepalived, "starts"));
	print_reload(json_object_get(status, "lastReload"));
	print_sidecar(json_object_get(status, "sidecar"));
	json_array_foreach(json_object_get(status, "services"), i, service)
		print_service(service);
}

int cmd_status(int argc, char **argv)
{
	json_auto_t *status = NULL;
	bool as_json = false;
	struct err e = {0};
	int r;

	argp_parse(&parser, argc, argv, 0, NULL, &as_json);
	r = control_ask(&status, CONTROL_CONTROLLER, json_pack("{s:s}", "type", "status"),
		ANSWER_WITHIN, &e);
	if (r < 0) {
		err_wrap(&e, "asking the controller of this pod");
		return command_unusable(&e);
	}
	if (as_json) {
		json_dumpf(status, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
	} else {
		print_table(status);
	}
	return COMMAND_OK;
}
