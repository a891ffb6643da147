/* SPDX-License-Identifier: Apache-2.0 */
#include "report/metrics.h"

#include <stdio.h>

#include "objects.h"
#include "values/tunnel_set.h"

#define ON(addr, node) "{addresses: ['" addr "'], nodeName: " node "}"
#define PORTS "\nports: [{name: a, port: 8080}, {name: b, port: 9, protocol: SCTP}]"

/* The lines about `metric` of a fleet that tunnels, of these objects. */
static char *lines_of(const char *metric, const char *objects)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;
	CLEANUP(tunnel_set_done) struct tunnel_set nodes = {0};
	CLEANUP_FREE char *all = NULL;
	struct snapshot now = {.tunnel_nodes = &nodes};
	struct err e = {0};
	char *text = NULL;
	size_t len;
	FILE *out;

	assert_int_equal(tunnel_set_parse(&nodes, "n1 n2=ipip,gue", "10.9.0.1", 100, &e), 0);
	put_all(s, objects);
	f = fleet_build(
		s, &(struct fleet_rules){
			   .fleet = "a", .forward = FORWARD_TUNNEL, .tunnel_nodes = &nodes});
	now.fleet = f;
	out = open_memstream(&all, &len);
	metrics_put_tunnels(out, &now);
	fclose(out);
	out = open_memstream(&text, &len);
	for (char *line, *rest = all; (line = strsep(&rest, "\n"));)
		if (strncmp(line, metric, strlen(metric)) == 0)
			fprintf(out, "%s\n", line);
	fclose(out);
	return text;
}

static void assert_lines(const char *metric, const char *objects, const char *expected)
{
	CLEANUP_FREE char *text = lines_of(metric, objects);

	assert_string_equal(text, expected);
}

static void nodes_are_counted_by_kind(void **state)
{
	(void)state;
	assert_lines("kago_tunnel_nodes", "",
		"kago_tunnel_nodes{kind=\"ipip\"} 2\n"
		"kago_tunnel_nodes{kind=\"ip6ip6\"} 1\n"
		"kago_tunnel_nodes{kind=\"gue\"} 2\n"
		"kago_tunnel_nodes{kind=\"gue6\"} 1\n");
}

#define LINE(port, protocol, reason, n)                                                            \
	"kago_real_servers_not_tunnelled{namespace=\"shop\",service=\"web\",vip=\"10.1.1.1\","     \
	"port=\"" port "\",protocol=\"" protocol "\",reason=\"" reason "\"} " n "\n"

static void real_servers_without_a_tunnel_are_counted_by_reason(void **state)
{
	static const char endpoints[] = SLICE("web-1", "web",
		"addressType: IPv4\nendpoints: [" ON("10.0.0.1", "n1") ", " ON("10.9.0.1",
			"n1") ", " ON("10.0.0.3", "n3") ", " ON("10.0.0.4", "n3") "]" PORTS);
	CLEANUP_FREE char *tunnelled = xasprintf("%s%s",
		LB("web", "10.1.1.1", "",
			"{name: a, port: 80}, {name: b, port: 90, protocol: SCTP}"),
		endpoints);
	CLEANUP_FREE char *plain = xasprintf("%s%s",
		LB("web", "10.1.1.1", ", kago.dev/forward: nat", "{name: a, port: 80}"), endpoints);

	CLEANUP_FREE char *to_pods = xasprintf("%s%s",
		LB("web", "10.1.1.1", ", kago.dev/tunnel-to: pods",
			"{name: a, port: 80, targetPort: web}"),
		endpoints);

	(void)state;
	assert_lines("kago_real_servers_not_tunnelled", tunnelled,
		LINE("80", "tcp", "node", "2") LINE("80", "tcp", "port", "0")
			LINE("80", "tcp", "address", "1") LINE("80", "tcp", "protocol", "0")
				LINE("90", "sctp", "node", "0") LINE("90", "sctp", "port", "0")
					LINE("90", "sctp", "address", "0")
						LINE("90", "sctp", "protocol", "4"));
	assert_lines("kago_real_servers_not_tunnelled", plain, "");
	assert_lines("kago_real_servers_not_tunnelled", to_pods,
		LINE("80", "tcp", "node", "0") LINE("80", "tcp", "port", "4")
			LINE("80", "tcp", "address", "0") LINE("80", "tcp", "protocol", "0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_are_counted_by_kind),
		cmocka_unit_test(real_servers_without_a_tunnel_are_counted_by_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
