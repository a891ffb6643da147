/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"
#include "cli/explain_table.h"
#include "cli/table.h"
#include "config/config_args.h"
#include "config/listen.h"
#include "control/control.h"
#include "values/dns.h"

DEFINE_CLEANUP(struct config *, config_free);

enum { ANSWER_WITHIN = 5 * 1000 * 1000 /* usec */ };
enum { KEY_SOCKET = 0x1000, KEY_CLIENT };

struct args {
	struct config_args config;
	const char *service; /* NAMESPACE/NAME */
	const char *client;  /* ADDRESS:PORT; NULL: nobody is asked after */
	bool as_json;
};

static const struct argp_option options[] = {
	{"socket", KEY_SOCKET, "NAME", 0, "its control.socket, if that is configured", 0},
	{"client", KEY_CLIENT, "ADDRESS:PORT", 0,
		"say, too, which real server a new connection from there is given", 0},
	{"output", 'o', "FORMAT", 0, "table (the default) or json", 0},
	{0},
};

static const struct argp_child children[] = {{&config_args_parser, 0, NULL, 0}, {0}};

static bool is_service(const char *text)
{
	const char *slash = strchrnul(text, '/');
	CLEANUP_FREE char *ns = xasprintf("%.*s", (int)(slash - text), text);

	return *slash && dns_label_valid(ns) && dns_subdomain_valid(slash + 1);
}

static void take_service(struct args *args, const char *text, const struct argp_state *state)
{
	if (args->service)
		argp_error(state, "one Service at a time");
	if (!is_service(text))
		argp_error(state, "%s: name the Service as NAMESPACE/NAME", text);
	args->service = text;
}

static void take_client(struct args *args, const char *text, const struct argp_state *state)
{
	struct listen client;
	struct err e = {0};

	if (listen_parse(&client, text, &e) < 0 || !client.addr.family || !client.port)
		argp_error(state, "%s: name the client as ADDRESS:PORT, or [ADDRESS]:PORT", text);
	args->client = text;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case KEY_SOCKET:
		config_args_add(&args->config, state, "control.socket", value);
		return 0;
	case KEY_CLIENT:
		take_client(args, value, state);
		return 0;
	case 'o':
		args->as_json = command_wants_json(value, state);
		return 0;
	case ARGP_KEY_ARG:
		take_service(args, value, state);
		return 0;
	case ARGP_KEY_END:
		if (!args->service)
			argp_error(state, "which Service? NAMESPACE/NAME is needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.options = options,
	.parser = parse_option,
	.children = children,
	.args_doc = "NAMESPACE/NAME",
	.doc = "Say what one Service asks for, what the running controller of this pod makes of "
	       "it, and why.\vExit status: 0 when it is one of this fleet's Services, 1 when it is "
	       "not, 2 when there is no controller to ask.",
};

static json_t *request(const struct args *args)
{
	const char *service = args->service, *slash = strchr(service, '/');
	json_t *ret = json_pack("{s:s, s:s%, s:s, s:s*}", "type", "explain", "namespace", service,
		(size_t)(slash - service), "name", slash + 1, "client", args->client);

	if (!ret)
		mem_exhausted();
	return ret;
}

int cmd_explain(int argc, char **argv)
{
	CLEANUP(config_freep) struct config *config = NULL;
	json_auto_t *answer = NULL;
	struct args args = {0};
	struct err e = {0};

	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (config_args_load(&config, &args.config, &e) < 0)
		return command_unusable(&e);
	if (control_ask(&answer, config->control.socket, request(&args), ANSWER_WITHIN, &e) < 0) {
		err_wrap(&e, "asking the controller of this pod");
		return command_unusable(&e);
	}
	if (args.as_json)
		table_json(answer);
	else
		explain_table(answer);
	return json_is_true(json_object_get(answer, "ours")) ? COMMAND_OK : COMMAND_FAILED;
}
