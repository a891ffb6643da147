/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain_table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/table.h"

/* A row of the table; what goes on from the one above has no label. */
static void __attribute__((format(printf, 2, 3))) row(const char *label, const char *format, ...)
{
	va_list args;

	printf("%-13s", label);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* "a, b", in new memory; "" for none. */
static char *joined(const json_t *list)
{
	CLEANUP_FREE char *text = xstrdup("");
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		char *longer = xasprintf("%s%s%s", text, i ? ", " : "", json_string_value(item));

		free(text);
		text = longer;
	}
	return steal(text);
}

/* "LABELa, b", if there is any. */
static void list_row(const char *label, const json_t *list)
{
	CLEANUP_FREE char *text = joined(list);

	if (*text)
		row("", "%s %s", label, text);
}

static void text_row(const char *label, const char *text)
{
	if (*text)
		row("", "%s %s", label, text);
}

static void print_fleet(const json_t *asks)
{
	const char *by = table_str(asks, "fleetBy");

	if (*table_str(asks, "fleet"))
		row("asks for", "fleet %s%s%s%s", table_str(asks, "fleet"), *by ? " (" : "", by,
			*by ? ")" : "");
	else
		row("asks for", "no fleet of kago");
}

static void print_asked_addresses(const json_t *addresses)
{
	CLEANUP_FREE char *families = joined(json_object_get(addresses, "families"));

	list_row("VIPs", json_object_get(addresses, "vips"));
	if (*families)
		row("", "any VIP, %s%s", families,
			table_num(addresses, "familiesNeeded") > 1 ? ", both needed" : "");
	text_row("pool", table_str(addresses, "pool"));
	text_row("share key", table_str(addresses, "share"));
}

static void print_ports(const json_t *ports)
{
	const json_t *port;
	size_t i;

	json_array_foreach(ports, i, port) {
		const json_t *target = json_object_get(port, "targetPort");
		CLEANUP_FREE char *number = xasprintf("%lld", json_integer_value(target));

		row("", "port %lld/%s, of the pods %s", table_num(port, "port"),
			table_str(port, "protocol"),
			json_is_string(target) ? json_string_value(target) : number);
	}
}

static void print_check(const json_t *check)
{
	CLEANUP_FREE char *port = xasprintf(" port %lld", table_num(check, "port"));

	if (!check)
		return;
	if (strcmp(table_str(check, "type"), "none") == 0) {
		row("", "health check none");
		return;
	}
	row("", "health check %s%s%s%s every %lld s, timeout %lld s, of %s ports",
		table_str(check, "type"), *table_str(check, "path") ? " " : "",
		table_str(check, "path"), table_num(check, "port") ? port : "",
		table_num(check, "intervalSeconds"), table_num(check, "timeoutSeconds"),
		json_is_true(json_object_get(check, "everyPort")) ? "all" : "TCP");
}

static void print_asks(const json_t *asks)
{
	if (!asks)
		return;
	print_fleet(asks);
	print_asked_addresses(json_object_get(asks, "addresses"));
	print_ports(json_object_get(asks, "ports"));
	text_row("scheduler", table_str(asks, "scheduler"));
	if (strcmp(table_str(asks, "forward"), "tunnel") == 0)
		row("", "tunnels to its %s (%s)",
			strcmp(table_str(asks, "tunnelTo"), "pods") == 0 ? "pods, which end them"
									 : "pods",
			table_str(asks, "tunnel"));
	print_check(json_object_get(asks, "healthCheck"));
	list_row("clients from", json_object_get(asks, "sourceRanges"));
	if (table_num(asks, "affinitySeconds"))
		row("", "session affinity %lld s", table_num(asks, "affinitySeconds"));
}

static void print_held(const json_t *answer)
{
	const json_t *held = json_object_get(answer, "held"), *one;
	size_t i;

	json_array_foreach(held, i, one)
		row(i ? "" : "has", "%s %s%s%s", table_str(one, "vip"),
			*table_str(one, "pool") ? "from pool " : "from no pool",
			table_str(one, "pool"),
			json_is_true(json_object_get(one, "allowed"))
				? ""
				: ", which it may not have: it is not served there");
	if (json_array_size(held))
		return;
	row("has", "no address in its status%s",
		strcmp(table_str(answer, "addresses"), "asked") == 0
			? ", which nobody writes: VIPs are those it asks for"
			: "");
}

static void print_conditions(json_t *conditions)
{
	bool is_first = true;
	const char *type;
	json_t *status;

	json_object_foreach(conditions, type, status) {
		row(is_first ? "conditions" : "", "%s: %s", type, json_string_value(status));
		is_first = false;
	}
}

static void print_assignment(const json_t *assignment)
{
	CLEANUP_FREE char *vips = joined(json_object_get(assignment, "vips"));
	const char *pool = table_str(assignment, "pool");

	row("address", "%s%s%s, as this load balancer, which leads, has it", *vips ? vips : "none",
		*pool ? " from pool " : "", pool);
	if (*table_str(assignment, "reason"))
		row("", "%s: %s", table_str(assignment, "reason"),
			table_str(assignment, "message"));
}

static void print_address(const json_t *answer)
{
	const json_t *cluster = json_object_get(answer, "kubernetes");
	const json_t *assignment = json_object_get(answer, "assignment");
	const char *leader = table_str(cluster, "leader");

	if (!cluster)
		return;
	if (assignment)
		print_assignment(assignment);
	else if (*leader && strcmp(leader, table_str(cluster, "identity")) == 0)
		row("address", "this load balancer leads, and is about to decide");
	else if (*leader)
		row("address", "the leader %s decides", leader);
	else
		row("address", "nobody leads: nobody gives addresses or writes status");
}

static void print_decision(const json_t *decision)
{
	if (!decision)
		row("decision", "none yet");
	else
		row("decision", "%s, %s: %s", table_str(decision, "outcome"),
			table_str(decision, "reason"), table_str(decision, "message"));
}

static void print_unserved(const json_t *one)
{
	const char *holder = table_str(one, "heldBy");

	printf("  %s port %lld/%s  not served%s%s\n", table_str(one, "vip"), table_num(one, "port"),
		table_str(one, "protocol"), *holder ? ": held by " : "", holder);
}

static void print_servers(const json_t *answer)
{
	const json_t *one;
	size_t i;

	if (strcmp(table_str(answer, "mode"), "render-only") == 0)
		row("kernel", "render-only: it is left alone");
	else if (!json_is_true(json_object_get(answer, "kernelReadable")))
		row("kernel", "IPVS could not be read just now");
	json_array_foreach(json_object_get(answer, "virtualServers"), i, one)
		table_server(one);
	json_array_foreach(json_object_get(answer, "unserved"), i, one)
		print_unserved(one);
}

static void print_endpoints(const json_t *endpoints)
{
	const json_t *one;
	bool is_first = true;
	size_t i;

	json_array_foreach(endpoints, i, one) {
		if (table_num(one, "slices") == 0)
			continue;
		row(is_first ? "endpoints" : "",
			"%s: %lld ready, %lld draining, %lld not ready, in %lld EndpointSlice%s",
			table_str(one, "family"), table_num(one, "ready"),
			table_num(one, "draining"), table_num(one, "notReady"),
			table_num(one, "slices"), table_num(one, "slices") == 1 ? "" : "s");
		is_first = false;
	}
	if (is_first)
		row("endpoints", "no EndpointSlice");
}

static void print_announced(const json_t *announced)
{
	const json_t *one;
	size_t i;

	json_array_foreach(announced, i, one) {
		const json_t *all = json_object_get(one, "announcers");
		CLEANUP_FREE char *prefixes = joined(json_object_get(one, "prefixes"));
		CLEANUP_FREE char *names = joined(all);

		row(i ? "" : "announced", "%s %s%s", table_str(one, "vip"),
			*prefixes ? "by our sidecar, as " : "not by our sidecar", prefixes);
		if (all)
			row("", "in the fleet by %s", *names ? names : "nobody");
	}
}

static void print_choices(const json_t *choices)
{
	const json_t *one;
	size_t i;

	json_array_foreach(choices, i, one) {
		CLEANUP_FREE char *real = xasprintf("goes to %s port %lld",
			table_str(one, "address"), table_num(one, "realPort"));
		const char *why = table_str(one, "why");

		row(i ? "" : "client", "a new connection to %s port %lld/%s %s",
			table_str(one, "vip"), table_num(one, "port"), table_str(one, "protocol"),
			*why ? why : real);
	}
}

static void print_reasons(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "reasons"), *one;
	bool is_known = json_is_true(json_object_get(answer, "known"));
	size_t i;

	row("decision", "%s%s", is_known ? "not ours" : "not known here",
		json_array_size(list) > 1 ? "; one of these is why:" : "");
	json_array_foreach(list, i, one)
		row("", "%s%s", json_array_size(list) > 1 ? "- " : "", json_string_value(one));
}

static void print_ours(const json_t *answer)
{
	print_held(answer);
	print_conditions(json_object_get(answer, "conditions"));
	print_address(answer);
	print_decision(json_object_get(answer, "decision"));
	print_servers(answer);
	print_endpoints(json_object_get(answer, "endpoints"));
	print_announced(json_object_get(answer, "announced"));
	print_choices(json_object_get(answer, "choices"));
}

void explain_table(const json_t *answer)
{
	row("service", "%s/%s, as a load balancer of the fleet %s knows it",
		table_str(answer, "namespace"), table_str(answer, "name"),
		table_str(answer, "fleet"));
	print_asks(json_object_get(answer, "asks"));
	if (json_object_get(answer, "reasons"))
		print_reasons(answer);
	else
		print_ours(answer);
	table_cluster(json_object_get(answer, "kubernetes"));
	if (*table_str(answer, "whatToDo"))
		row("what to do", "%s", table_str(answer, "whatToDo"));
}
