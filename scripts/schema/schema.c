/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/schema.h"

/*
 * Prints the JSON Schema (draft 7) of kago.yaml, for the chart's values and for editors: what
 * config/schema.h says of the keys. It takes whatever the programs take, and refuses unknown keys,
 * wrong types and most wrong values; ranges of durations and rules between keys are beyond it, but
 * for one: with bgp.peers there has to be bgp.as.
 */

#define LABEL "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
#define PART "[a-z0-9]([-a-z0-9]*[a-z0-9])?" /* of a name, which may be longer */
#define LINE "[^\\x00-\\x1f\\x7f]*"
#define V4 "([0-9]{1,3}\\.){3}[0-9]{1,3}"
#define V6 "[0-9a-fA-F]*:[0-9a-fA-F:.]*"
#define ADDRESS "(" V4 "|" V6 ")"

/* Patterns are of whole texts. Go's and JavaScript's regular expressions both take them. */
static const struct {
	const char *type;    /* of the value */
	const char *pattern; /* of the value, or of the items of a list, if they are texts */
	bool may_be_empty;   /* when min is 0 */
	uint32_t maximum;    /* of a number */
} types[] = {
	[SCHEMA_LABEL] = {"string", LABEL, true, 0},
	[SCHEMA_DNS_NAME] = {"string", PART "(\\." PART ")*", true, 0},
	[SCHEMA_TEXT] = {"string", LINE, false, 0},
	[SCHEMA_BOOL] = {"boolean", NULL, false, 0},
	[SCHEMA_LEVEL] = {"string", "(debug|info|warn|error)", false, 0},
	[SCHEMA_FORMAT] = {"string", "(logfmt|json)", false, 0},
	[SCHEMA_FORWARD] = {"string", "(nat|tunnel)", false, 0},
	[SCHEMA_TUNNEL] = {"string", "(ipip|gue)", false, 0},
	[SCHEMA_ANNOUNCE] = {"string", "(bgp|l2|exec)", false, 0},
	[SCHEMA_LISTEN] = {"string", "(" V4 "|\\[" V6 "\\]|pod):[0-9]{1,5}", true, 0},
	[SCHEMA_PATH] = {"string", LINE, false, 0},
	[SCHEMA_DURATION] = {"string", "([0-9]+(us|ms|s|m|h))+", false, 0},
	[SCHEMA_SECONDS] = {"string", "([0-9]+(us|ms|s|m|h))+", false, 0},
	[SCHEMA_AS] = {"integer", "[0-9]+", false, UINT32_MAX},
	[SCHEMA_PORT] = {"integer", "[0-9]+", false, UINT16_MAX},
	[SCHEMA_COUNT] = {"integer", "[0-9]+", false, UINT32_MAX},
	[SCHEMA_COMMUNITIES] = {"string", "[a-z0-9:., -]+", true, 0},
	[SCHEMA_ADDRESS] = {"string", ADDRESS, false, 0},
	[SCHEMA_NEXT_HOP4] = {"string", "(node|pod|" V4 ")", false, 0},
	[SCHEMA_NEXT_HOP6] = {"string", "(node|pod|" V6 ")", false, 0},
	[SCHEMA_PEERS] = {"array", NULL, false, 0},
	[SCHEMA_OTHER_PEERS] = {"array", NULL, false, 0},
	[SCHEMA_PREFIXES] = {"array", ADDRESS "(/[0-9]{1,3})?", false, 0},
	[SCHEMA_POOLS] = {"array", NULL, false, 0},
	[SCHEMA_RANGES] = {"array", ADDRESS "(/[0-9]{1,3}| *- *" ADDRESS ")?", false, 0},
	[SCHEMA_LABELS] = {"array", LABEL, false, 0},
	[SCHEMA_NAMES] = {"array", LABEL "(\\." LABEL ")*", false, 0},
	[SCHEMA_LINKS] = {"array", "[^\\x00-\\x20/:\\x7f]{1,15}", false, 0},
	[SCHEMA_VARIABLES] = {"array", "[A-Za-z_][A-Za-z0-9_]{0,252}", false, 0},
};

/* What has to be in each item of a list; of other keys there is a default. */
static const char *const required[] = {
	"bgp.peers[].address", "bgp.otherPeers[].address", "pools[].name", "pools[].addresses"};

static bool is_required(const struct schema_key *k)
{
	for (size_t i = 0; i < sizeof required / sizeof *required; i++)
		if (strcmp(k->path, required[i]) == 0)
			return true;
	return false;
}

static bool is_integer(const struct schema_key *k)
{
	return types[k->type].maximum != 0;
}

static json_t *object_new(void)
{
	return json_pack(
		"{s:s, s:b, s:{}}", "type", "object", "additionalProperties", 0, "properties");
}

static void set_pattern(json_t *schema, const struct schema_key *k)
{
	bool may_be_empty = types[k->type].may_be_empty && k->min == 0;
	CLEANUP_FREE char *pattern =
		xasprintf(may_be_empty ? "^(%s)?$" : "^%s$", types[k->type].pattern);

	json_object_set_new(schema, "pattern", json_string(pattern));
}

static json_int_t minimum_of(const struct schema_key *k)
{
	return k->type == SCHEMA_COUNT ? (json_int_t)k->min : 1;
}

static json_int_t maximum_of(const struct schema_key *k)
{
	return k->type == SCHEMA_COUNT && k->max ? (json_int_t)k->max : types[k->type].maximum;
}

static void set_range(json_t *schema, const struct schema_key *k)
{
	if (is_integer(k)) {
		json_object_set_new(schema, "minimum", json_integer(minimum_of(k)));
		json_object_set_new(schema, "maximum", json_integer(maximum_of(k)));
	}
	if (k->type == SCHEMA_PATH && k->min)
		json_object_set_new(schema, "minLength", json_integer((json_int_t)k->min));
	if (k->type == SCHEMA_TEXT)
		json_object_set_new(schema, "maxLength", json_integer((json_int_t)k->max));
}

static void set_items(json_t *schema, const struct schema_key *k)
{
	json_t *items =
		types[k->type].pattern ? json_pack("{s:s}", "type", "string") : object_new();

	if (types[k->type].pattern)
		set_pattern(items, k);
	json_object_set_new(schema, "maxItems", json_integer((json_int_t)k->max));
	if (is_required(k))
		json_object_set_new(schema, "minItems", json_integer(1));
	json_object_set_new(schema, "items", items);
}

/* Numbers may be quoted, and null is what a key without a value is. */
static json_t *type_of(const struct schema_key *k)
{
	json_t *type = json_pack("[s]", types[k->type].type);

	if (is_integer(k))
		json_array_append_new(type, json_string("string"));
	if (!is_required(k))
		json_array_append_new(type, json_string("null"));
	return type;
}

/* NULL where there is none, or it depends on where kago is installed. */
static json_t *default_of(const struct schema_key *k)
{
	if (!k->initial || str_has_prefix(k->initial, KAGO_DATADIR))
		return NULL;
	if (is_integer(k))
		return json_integer(strtoll(k->initial, NULL, 10));
	return schema_is_bool(k) ? json_boolean(strcmp(k->initial, "true") == 0)
				 : json_string(k->initial);
}

static json_t *value_schema(const struct schema_key *k)
{
	json_t *schema = json_pack("{s:s, s:o, s:o*}", "description", k->help, "type", type_of(k),
		"default", default_of(k));

	if (schema_is_list(k)) {
		set_items(schema, k);
		return schema;
	}
	if (types[k->type].pattern)
		set_pattern(schema, k);
	set_range(schema, k);
	return schema;
}

/* The schema of the object that `name` is in `parent`; of its items, if it ends with "[]". */
static json_t *section_of(json_t *parent, const char *name, size_t len)
{
	bool is_list = len > 2 && name[len - 2] == '[' && name[len - 1] == ']';
	CLEANUP_FREE char *key = xasprintf("%.*s", (int)(is_list ? len - 2 : len), name);
	json_t *properties = json_object_get(parent, "properties");
	json_t *section = json_object_get(properties, key);

	if (is_list)
		return json_object_get(section, "items");
	if (!section) {
		section = object_new();
		json_object_set_new(section, "type", json_pack("[s, s]", "object", "null"));
		json_object_set_new(properties, key, section);
	}
	return section;
}

static void require(json_t *section, const char *name)
{
	json_t *names = json_object_get(section, "required");

	if (!names) {
		names = json_array();
		json_object_set_new(section, "required", names);
	}
	json_array_append_new(names, json_string(name));
}

static void add_key(json_t *root, const struct schema_key *k)
{
	const char *name = k->path, *dot;
	json_t *section = root;

	for (; (dot = strchr(name, '.')); name = dot + 1)
		section = section_of(section, name, (size_t)(dot - name));
	json_object_set_new(json_object_get(section, "properties"), name, value_schema(k));
	if (is_required(k))
		require(section, name);
}

/* Peers need our AS number. */
static void add_rules(json_t *root)
{
	json_t *bgp = section_of(root, "bgp", strlen("bgp"));

	json_object_set_new(bgp, "if",
		json_pack("{s:[s], s:{s:{s:s, s:i}}}", "required", "peers", "properties", "peers",
			"type", "array", "minItems", 1));
	json_object_set_new(bgp, "then", json_pack("{s:[s]}", "required", "as"));
}

static json_t *build(void)
{
	json_t *root = object_new();
	const struct schema_key *keys;
	size_t n;

	json_object_set_new(
		root, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
	json_object_set_new(root, "title", json_string("kago.yaml"));
	keys = schema_keys(&n);
	for (size_t i = 0; i < n; i++)
		add_key(root, &keys[i]);
	add_rules(root);
	return root;
}

int main(void)
{
	json_auto_t *schema = build();

	if (json_dumpf(schema, stdout, JSON_INDENT(2)) < 0 || puts("") < 0 || fflush(stdout) != 0)
		return 1;
	return 0;
}
