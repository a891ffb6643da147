/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd.h"
#include "control/control.h"
#include "status.h"

enum { KEY_SOCKET = 256, ANSWER_WITHIN = 5 * 1000 * 1000 /* usec */ };

struct args {
	const char *socket;
	bool as_json;
};

static const struct argp_option options[] = {
	{"socket", KEY_SOCKET, "NAME", 0, "control.socket, if that is configured", 0},
	{"output", 'o', "FORMAT", 0, "table (the default) or json", 0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	if (key == KEY_SOCKET)
		args->socket = value;
	else if (key != 'o')
		return ARGP_ERR_UNKNOWN;
	else if (strcmp(value, "json") == 0)
		args->as_json = true;
	else if (strcmp(value, "table") != 0)
		argp_error(state, "--output: '%s' is none of table, json", value);
	return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Of a peer that is to have one. */
static void print_bfd(const json_t *bfd)
{
	if (!bfd)
		return;
	printf(", BFD %s", text_of(bfd, "state"));
	if (json_object_get(bfd, "sinceSeconds"))
		printf(" for %lld s", (long long)number_of(bfd, "sinceSeconds"));
}

static void print_peer(const json_t *peer)
{
	const char *name = text_of(peer, "name"), *error = text_of(peer, "lastError");

	printf("  %s%s%s%s  AS %lld, %s", text_of(peer, "peer"), *name ? " (" : "", name,
		*name ? ")" : "", (long long)number_of(peer, "as"),
		json_is_true(json_object_get(peer, "up")) ? "up" : "down");
	if (json_object_get(peer, "sinceSeconds"))
		printf(" for %lld s", (long long)number_of(peer, "sinceSeconds"));
	print_bfd(json_object_get(peer, "bfd"));
	printf(", %lld routes, %lld changes%s%s\n", (long long)number_of(peer, "routes"),
		(long long)number_of(peer, "changes"), *error ? ", last error: " : "", error);
}

static void print_route(const json_t *route)
{
	static const char *const numbers[][2] = {{"localPreference", "local preference"},
		{"med", "MED"}, {"asPathPrepend", "AS path longer by"}};
	const char *communities = text_of(route, "communities");
	const char *hop = text_of(route, "nextHop"), *extended = text_of(route, "extendedNextHop");
	const json_t *peer;
	size_t i;

	printf("  %s via %s%s%s", text_of(route, "prefix"), hop, *hop && *extended ? " or " : "",
		extended);
	for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (json_object_get(route, numbers[i][0]))
			printf(", %s %lld", numbers[i][1],
				(long long)number_of(route, numbers[i][0]));
	if (*communities)
		printf(", communities %s", communities);
	fputs(" to", stdout);
	json_array_foreach(json_object_get(route, "peers"), i, peer)
		printf(" %s", json_string_value(peer));
	puts("");
}

static void print_suspended(const json_t *status)
{
	printf("announces nothing: %s", text_of(status, "suspended"));
	if (json_is_integer(json_object_get(status, "resumesInSeconds")))
		printf(" (well again; announces in %lld s)",
			(long long)number_of(status, "resumesInSeconds"));
	puts("");
}

static void print_vip(const json_t *item)
{
	const char *interface = text_of(item, "interface"), *rival = text_of(item, "rival");

	printf("  %s %s%s%s%s\n", text_of(item, "vip"), *interface ? "on " : "on no interface",
		interface, *rival ? ", and so does " : "", rival);
}

static void print_l2(const json_t *status)
{
	const json_t *l2 = json_object_get(status, "l2"), *item;
	size_t i;

	printf("\nlayer 2: %lld of 16 shares; answers for\n", (long long)number_of(l2, "shares"));
	json_array_foreach(json_object_get(status, "vips"), i, item)
		print_vip(item);
}

static void print_told(const json_t *item)
{
	const char *error = text_of(item, "error");
	bool wanted = json_is_true(json_object_get(item, "wanted"));
	bool told = json_is_true(json_object_get(item, "told"));

	printf("  %s %s%s%s\n", text_of(item, "vip"),
		wanted && told ? "told"
		: wanted       ? "not told yet"
			       : "not taken back yet",
		*error ? ", last error: " : "", error);
}

static void print_exec(const json_t *status)
{
	const json_t *exec = json_object_get(status, "exec"), *item;
	size_t i;

	printf("\nexec.program: %lld calls pending, %lld of them failed before\n",
		(long long)number_of(exec, "pending"), (long long)number_of(exec, "failing"));
	if (*text_of(exec, "error"))
		printf("  one error: %s\n", text_of(exec, "error"));
	json_array_foreach(json_object_get(status, "vips"), i, item)
		print_told(item);
}

static void print_bgp(const json_t *status)
{
	const json_t *item;
	size_t i;

	puts("\nBGP peers");
	if (text_of(status, "refused")[0])
		printf("  others are refused: %s\n", text_of(status, "refused"));
	json_array_foreach(json_object_get(status, "peers"), i, item)
		print_peer(item);
	puts("\nroutes");
	json_array_foreach(json_object_get(status, "routes"), i, item)
		print_route(item);
}

static void print_table(const json_t *status)
{
	printf("sidecar  %s (kago %s), controller: %s\n", text_of(status, "phase"),
		text_of(status, "version"),
		json_is_true(json_object_get(status, "controllerConnected")) ? "connected"
									     : "away");
	if (text_of(status, "suspended")[0])
		print_suspended(status);
	if (json_object_get(status, "l2"))
		print_l2(status);
	else if (json_object_get(status, "exec"))
		print_exec(status);
	else
		print_bgp(status);
}

static int ask(json_t **ret, const struct args *args, struct err *e)
{
	CLEANUP_FREE char *name = xasprintf("%s" STATUS_SUFFIX, args->socket);

	return control_ask(ret, name, json_pack("{s:s}", "type", "status"), ANSWER_WITHIN, e);
}

int cmd_status(int argc, char *argv[])
{
	static const struct argp parser = {
		.options = options,
		.parser = parse_option,
		.doc = "Show how the sidecar that runs in this pod announces VIPs, and to whom.",
	};
	static char name[] = "kago-sidecar status";
	struct args args = {.socket = CONTROL_CONTROLLER};
	struct err e = {0};
	json_t *status;

	argp_err_exit_status = 2;
	argv[0] = name;
	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (ask(&status, &args, &e) < 0) {
		fprintf(stderr, "kago-sidecar: %s\n", e.msg);
		return 2;
	}
	if (args.as_json) {
		json_dumpf(status, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		puts("");
	} else {
		print_table(status);
	}
	json_decref(status);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 2;
}
