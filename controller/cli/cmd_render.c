/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"
#include "config/config.h"
#include "decide/fleet.h"
#include "doc/mustache.h"
#include "objects/store.h"
#include "render/keepalived_conf.h"
#include "source/manifests.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);
DEFINE_CLEANUP(struct config *, config_free);
DEFINE_CLEANUP(struct store *, store_free);

struct args {
	const char *manifests;
	const char *config_path;
	const char *template_path;
	bool strict;
	bool print_view;
};

static const struct argp_option options[] = {
	{"manifests", 'm', "PATH", 0,
		"a file of manifests (- is standard input), or a folder of *.yaml, *.yml, *.json",
		0},
	{"config", 'c', "FILE", 0, "kago.yaml, for the fleet's name, the pools and the template",
		0},
	{"template", 't', "FILE", 0, "in place of the configured keepalived.conf.mustache", 0},
	{"print-view", 'p', NULL, 0, "print the template's view, as JSON, in place of the result",
		0},
	{"strict", 's', NULL, 0, "exit 1 if anything was rejected", 0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case 'm':
		args->manifests = value;
		return 0;
	case 'c':
		args->config_path = value;
		return 0;
	case 't':
		args->template_path = value;
		return 0;
	case 'p':
		args->print_view = true;
		return 0;
	case 's':
		args->strict = true;
		return 0;
	case ARGP_KEY_END:
		if (!args->manifests)
			argp_error(state, "--manifests is needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.options = options,
	.parser = parse_option,
	.doc = "Prints the keepalived.conf for Kubernetes manifests, without touching the system. "
	       "What cannot be used gets a line on stderr, and so do Services that are not served "
	       "as "
	       "they ask to be."
	       "\vExit status: 0; 1 with --strict if a file, a document or an object was unusable, "
	       "or a Service rejected or in conflict with another one; 2 if nothing can be read.",
};

static void on_bad(void *ud, const char *what)
{
	size_t *n_bad = ud;

	fprintf(stderr, "%s\n", what);
	(*n_bad)++;
}

/* Adds to *n_bad the documents and objects that are of no use, after a line about each. */
static int read_file(struct store *s, size_t *n_bad, const char *path, struct err *e)
{
	json_auto_t *objects = NULL;
	const json_t *object;
	size_t i;
	int r;

	r = manifests_read_each(&objects, path, on_bad, n_bad, e);
	if (r < 0)
		return r;
	json_array_foreach(objects, i, object) {
		enum store_change change;
		struct err why = {0};

		if (store_put(&change, s, object, &why) < 0) {
			fprintf(stderr, "%s: %s\n", path, why.msg);
			(*n_bad)++;
		}
	}
	return 0;
}

static int read_all(struct store *s, size_t *n_bad, const char *path, struct err *e)
{
	struct manifest_files files = {0};
	size_t n_read = 0;
	int r;

	r = manifests_list(&files, path, e);
	for (size_t i = 0; i < files.n_paths; i++) {
		r = read_file(s, n_bad, files.paths[i], e);
		if (r >= 0)
			n_read++;
		else if (files.n_paths > 1)
			on_bad(n_bad, e->msg);
	}
	manifest_files_done(&files);
	return n_read > 0 ? 0 : r;
}

/* The number of Services rejected or in conflict, after a line about each that is news. */
static size_t report(const struct fleet *f)
{
	size_t n_bad = 0;

	for (size_t i = 0; i < f->n_services; i++) {
		const struct fleet_service *s = f->services[i];

		if (s->reason == REASON_SERVED || s->reason == REASON_INVALID_OBJECT)
			continue;
		fprintf(stderr, "%s/%s: %s: %s\n", s->ns, s->name, reason_name(s->reason),
			s->message);
		if (s->outcome == FLEET_REJECTED || s->outcome == FLEET_CONFLICT)
			n_bad++;
	}
	return n_bad;
}

static int print_view(const struct virtual_server *const servers[], size_t n_servers)
{
	json_auto_t *view = keepalived_view(servers, n_servers);
	CLEANUP_FREE char *text = json_dumps(view, JSON_INDENT(2));

	if (!text)
		mem_exhausted();
	if (command_print(text, strlen(text)) != COMMAND_OK)
		return COMMAND_UNUSABLE;
	return command_print("\n", 1);
}

static int print_conf(
	const struct virtual_server *const servers[], size_t n_servers, const char *template_path)
{
	CLEANUP(mustache_freep) struct mustache *template = NULL;
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	if (mustache_load(&template, template_path, &e) < 0)
		return command_unusable(&e);
	if (keepalived_conf_render(&text, &len, template, servers, n_servers, &e) < 0) {
		err_wrap(&e, "%s", template_path);
		return command_unusable(&e);
	}
	return command_print(text, len);
}

static int render(
	const struct args *args, const struct config *config, const struct store *s, size_t n_bad)
{
	struct fleet_rules rules = fleet_rules_of(config, ADDRESSING_ASKED);
	CLEANUP(tunnel_set_done) struct tunnel_set nodes = {0};
	CLEANUP(fleet_unrefp) struct fleet *fleet = NULL;
	const struct virtual_server *const *servers;
	const char *template_path = config->keepalived.template_path;
	int status;

	if (args->template_path)
		template_path = args->template_path;
	fleet_rules_nodes(&nodes, config);
	rules.tunnel_nodes = &nodes;
	fleet = fleet_build(s, &rules);
	servers = fleet_servers(fleet);
	n_bad += report(fleet);
	status = args->print_view ? print_view(servers, fleet->n_servers)
				  : print_conf(servers, fleet->n_servers, template_path);
	if (status == COMMAND_OK && args->strict && n_bad)
		return COMMAND_FAILED;
	return status;
}

int cmd_render(int argc, char **argv)
{
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(store_freep) struct store *s = store_new();
	struct args args = {0};
	struct err e = {0};
	size_t n_bad = 0;

	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (config_load(&config, args.config_path, &e) < 0 || config_check(config, &e) < 0)
		return command_unusable(&e);
	if (read_all(s, &n_bad, args.manifests, &e) < 0)
		return command_unusable(&e);
	return render(&args, config, s, n_bad);
}
