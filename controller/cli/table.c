/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *table_str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_int_t table_num(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_real(const json_t *real)
{
	bool is_nat = strcmp(table_str(real, "forward"), "nat") == 0;
	bool v6 = strchr(table_str(real, "address"), ':') != NULL;

	printf("    -> %s%s%s:%lld  %s%sweight %lld  %s  connections %lld active, %lld inactive\n",
		v6 ? "[" : "", table_str(real, "address"), v6 ? "]" : "",
		table_num(real, "targetPort"), is_nat ? "" : table_str(real, "forward"),
		is_nat ? "" : "  ", table_num(real, "weight"), table_str(real, "state"),
		table_num(real, "activeConnections"), table_num(real, "inactiveConnections"));
}

void table_server(const json_t *server)
{
	const json_t *real;
	size_t i;

	printf("  %s port %lld/%s  %s  %s\n", table_str(server, "vip"), table_num(server, "port"),
		table_str(server, "protocol"), table_str(server, "scheduler"),
		json_is_true(json_object_get(server, "inKernel")) ? "in the kernel"
								  : "NOT in the kernel");
	if (*table_str(server, "refusedByKeepalived"))
		printf("    no health checks: %s\n", table_str(server, "refusedByKeepalived"));
	json_array_foreach(json_object_get(server, "realServers"), i, real)
		print_real(real);
}

void table_cluster(const json_t *cluster)
{
	if (!cluster)
		return;
	printf("kubernetes   %s, leader: %s%s\n",
		json_is_true(json_object_get(cluster, "following")) ? "followed" : "LOST",
		*table_str(cluster, "leader") ? table_str(cluster, "leader") : "nobody",
		json_is_true(json_object_get(cluster, "leads")) ? " (this one)" : "");
	if (table_num(cluster, "lostForMs"))
		printf("             for %lld s; what was known stands\n",
			table_num(cluster, "lostForMs") / 1000);
}

static void print_difference(const json_t *server)
{
	printf("             %s: ", table_str(server, "differsIn"));
	if (json_object_get(server, "name"))
		printf("%s/%s %s port %lld/%s\n", table_str(server, "namespace"),
			table_str(server, "name"), table_str(server, "vip"),
			table_num(server, "port"), table_str(server, "protocol"));
	else
		puts("a virtual server that is not here");
}

void table_alike(const json_t *tables)
{
	const json_t *other, *server;
	size_t i, k;

	if (!tables)
		return;
	printf("tables       %s\n", table_str(tables, "digest"));
	json_array_foreach(json_object_get(tables, "others"), i, other) {
		printf("             %s: %s\n", table_str(other, "name"),
			table_str(other, "state"));
		json_array_foreach(json_object_get(other, "virtualServers"), k, server)
			print_difference(server);
	}
}

/* A string, quotes and all, or what else has no parts. */
static size_t token_len(const char *at)
{
	size_t len = 1;

	if (*at != '"')
		return strcspn(at, ",:{}[]\"");
	while (at[len] && at[len] != '"')
		len += at[len] == '\\' && at[len + 1] ? 2 : 1;
	return len + (at[len] == '"');
}

static void new_line(int depth)
{
	printf("\n%*s", 2 * depth, "");
}

/* Into what is not empty. */
static size_t open_part(const char *at, int *depth)
{
	fputc(*at, stdout);
	if (at[1] == ']' || at[1] == '}') {
		fputc(at[1], stdout);
		return 2;
	}
	new_line(++*depth);
	return 1;
}

static size_t print_piece(const char *at, int *depth)
{
	size_t len;

	switch (*at) {
	case '{':
	case '[':
		return open_part(at, depth);
	case '}':
	case ']':
		new_line(--*depth);
		fputc(*at, stdout);
		return 1;
	case ',':
		fputc(',', stdout);
		new_line(*depth);
		return 1;
	case ':':
		fputs(": ", stdout);
		return 1;
	default:
		len = token_len(at);
		fwrite(at, 1, len, stdout);
		return len;
	}
}

void table_text(const char *json)
{
	int depth = 0;

	while (*json && *json != '\n')
		json += print_piece(json, &depth);
	putchar('\n');
}

void table_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
}
