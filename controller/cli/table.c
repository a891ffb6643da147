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
	bool v6 = strchr(table_str(real, "address"), ':') != NULL;

	printf("    -> %s%s%s:%lld  weight %lld  %s  connections %lld active, %lld inactive\n",
		v6 ? "[" : "", table_str(real, "address"), v6 ? "]" : "", table_num(real, "port"),
		table_num(real, "weight"), table_str(real, "state"),
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

void table_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
}
