/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics_text.h"
#include "values/tunnel_set.h"

static char *text_of(const struct metrics *m)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	metrics_write(m, out);
	fclose(out);
	return text;
}

static void expect(const struct metrics *m, const char *line)
{
	expect_line(text_of(m), line);
}

static void expect_none(const struct metrics *m, const char *part)
{
	expect_nowhere(text_of(m), part);
}

/* A node that is well. */
static struct metrics well(void)
{
	return (struct metrics){
		.fleet = "edge",
		.node = "n1",
		.holds = true,
		.kinds = 1,
		.kernel_read = true,
		.kernel_ready = true,
		.families = {{.sight = {.device = true,
				      .table = true,
				      .n_pods = 2,
				      .n_entries = 5,
				      .n_received = 100,
				      .n_refused = 3,
				      .n_dropped = 4,
				      .n_onward = 6},
			.stats = {.n_wanted = 5,
				.n_changes = 7,
				.n_repairs = 1,
				.n_failures = 2,
				.last_change = UINT64_C(1700000000999999)}}},
		.in_cluster = true,
		.following = true,
		.lease_age = 1234567,
	};
}

static void what_the_kernel_says_is_told_by_family(void **state)
{
	const struct metrics m = well();

	(void)state;
	expect(&m, "kago_node_ready 1");
	expect(&m, "kago_node_device_ready{family=\"IPv4\"} 1");
	expect(&m, "kago_node_table_ready{family=\"IPv6\"} 0");
	expect(&m, "kago_node_pods{family=\"IPv4\"} 2");
	expect(&m, "kago_node_entries{family=\"IPv4\"} 5");
	expect(&m, "kago_node_received_packets_total{family=\"IPv4\"} 100");
	expect(&m, "kago_node_refused_packets_total{family=\"IPv4\"} 3");
	expect(&m, "kago_node_dropped_packets_total{family=\"IPv4\"} 4");
	expect(&m, "kago_node_onward_packets_total 6");
}

/* That it cannot be asked says nothing of what it holds. */
static void of_a_kernel_that_does_not_answer_nothing_is_told(void **state)
{
	struct metrics m = well();

	(void)state;
	m.kernel_read = false;
	expect(&m, "kago_node_kernel_readable 0");
	expect(&m, "kago_node_ready 0");
	expect_none(&m, "kago_node_entries");
	expect_none(&m, "packets_total");
	expect(&m, "kago_node_wanted_entries{family=\"IPv4\"} 5");
}

static void what_the_agent_did_is_told(void **state)
{
	struct metrics m = well();

	(void)state;
	m.families[1].fails = true;
	expect(&m,
		"kago_node_build_info{version=\"" KAGO_VERSION "\",fleet=\"edge\",node=\"n1\"} 1");
	expect(&m, "kago_node_held 1");
	expect(&m, "kago_config_refused{program=\"agent\"} 0");
	expect(&m, "kago_node_changes_total{family=\"IPv4\"} 7");
	expect(&m, "kago_node_repairs_total{family=\"IPv4\"} 1");
	expect(&m, "kago_node_failures_total{family=\"IPv4\"} 2");
	expect(&m, "kago_node_failing{family=\"IPv4\"} 0");
	expect(&m, "kago_node_failing{family=\"IPv6\"} 1");
	expect(&m, "kago_node_last_change_timestamp_seconds{family=\"IPv4\"} 1700000000");
	expect(&m, "kago_node_tunnels{kind=\"ipip\"} 1");
	expect(&m, "kago_node_tunnels{kind=\"gue6\"} 0");
	expect_none(&m, "kago_node_asking_works");
	m.asks_nodes = true;
	expect(&m, "kago_node_asking_works 1");
}

static void what_comes_from_the_api_server_is_told_where_there_is_one(void **state)
{
	struct metrics m = well();

	(void)state;
	expect(&m, "kago_node_api_following 1");
	expect(&m, "kago_node_lease_age_seconds 1.234");
	m.lease_age = UINT64_MAX;
	expect_none(&m, "kago_node_lease_age_seconds");
	m.in_cluster = false;
	expect_none(&m, "kago_node_api_following");
}

/* The name of a host may be anything. */
static void a_name_that_would_need_escaping_is_left_out(void **state)
{
	struct metrics m = well();

	(void)state;
	m.node = "a\"b";
	expect(&m, "kago_node_build_info{version=\"" KAGO_VERSION "\",fleet=\"edge\",node=\"\"} 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_says_is_told_by_family),
		cmocka_unit_test(of_a_kernel_that_does_not_answer_nothing_is_told),
		cmocka_unit_test(what_the_agent_did_is_told),
		cmocka_unit_test(what_comes_from_the_api_server_is_told_where_there_is_one),
		cmocka_unit_test(a_name_that_would_need_escaping_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
