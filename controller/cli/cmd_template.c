/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/command.h"
#include "doc/mustache.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

struct args {
	const char *template_path;
	const char *view_path;
};

static const struct argp_option options[] = {
	{"template", 't', "FILE", 0, "the Mustache template", 0},
	{"view", 'v', "FILE", 0, "the view: a JSON object, as `render --print-view` prints it", 0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case 't':
		args->template_path = value;
		return 0;
	case 'v':
		args->view_path = value;
		return 0;
	case ARGP_KEY_END:
		if (!args->template_path || !args->view_path)
			argp_error(state, "--template and --view are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.options = options,
	.parser = parse_option,
	.doc = "Prints a template filled with a view, to try out a template of your own.",
};

static int read_view(json_t **ret, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	json_error_t error;
	json_t *view;
	size_t len;
	int r;

	r = fs_read(&text, &len, path, LIMIT_DOCUMENT_BYTES, e);
	if (r < 0)
		return r;
	view = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!view)
		return err_set(e, EINVAL, "%s: line %d, column %d: %s", path, error.line,
			error.column, error.text);
	*ret = view;
	return 0;
}

static int fill(char **ret_text, size_t *ret_len, const struct args *args, struct err *e)
{
	CLEANUP(mustache_freep) struct mustache *template = NULL;
	json_auto_t *view = NULL;
	int r;

	r = mustache_load(&template, args->template_path, e);
	if (r < 0)
		return r;
	r = read_view(&view, args->view_path, e);
	if (r < 0)
		return r;
	r = mustache_render(ret_text, ret_len, template, view, e);
	return r < 0 ? err_wrap(e, "%s", args->template_path) : 0;
}

int cmd_template(int argc, char **argv)
{
	CLEANUP_FREE char *text = NULL;
	struct args args = {0};
	struct err e = {0};
	size_t len;

	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (fill(&text, &len, &args, &e) < 0)
		return command_unusable(&e);
	return command_print(text, len);
}
