/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"
#include "config/json_schema.h"

static const struct argp parser = {
	.doc = "Prints the JSON Schema of kago.yaml, for editors and other programs.",
};

int cmd_schema(int argc, char **argv)
{
	json_auto_t *schema = NULL;
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FREE char *line = NULL;

	argp_parse(&parser, argc, argv, 0, NULL, NULL);
	schema = json_schema_build();
	text = json_dumps(schema, JSON_INDENT(2));
	line = xasprintf("%s\n", text);
	return command_print(line, strlen(line));
}
