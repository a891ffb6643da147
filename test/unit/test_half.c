/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/half.h"

#include <stdlib.h>
#include <string.h>

#include <nftables/libnftables.h>

#include "host/counter.h"
#include "host/kept.h"
#include "table/script.h"

#include "node_kernel.h"

enum { A_MINUTE = 61 * 1000 * 1000 };

/* What a node's kernel holds for IPv4, and what it shall. */
struct rig {
	struct hands hands;
	sd_event *loop;
	struct forgetting *forgetting;
	struct half *half;
	const char *sources[4];
	bool gue; /* some Service is forwarded so */
};

static int set_up(void **state)
{
	struct rig *rig = xnew0(struct rig);
	struct err e = {0};

	if (!net_loopback()) {
		free(rig);
		return -1;
	}
	memset(&kernel, 0, sizeof kernel);
	hands_take(&rig->hands);
	assert_int_equal(sd_event_new(&rig->loop), 0);
	assert_int_equal(forgetting_new(&rig->forgetting, rig->loop, &e), 0);
	rig->half = half_new(AF_INET, &rig->hands, rig->forgetting);
	rig->sources[0] = "172.16.1.2/32";
	rig->sources[1] = "172.16.9.0/24";
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	half_free(rig->half);
	forgetting_free(rig->forgetting);
	sd_event_unref(rig->loop);
	hands_drop(&rig->hands);
	free(rig);
	return 0;
}

/* One entry for each pod; the last one is NULL. */
static int put(struct rig *rig, const char *const pods[])
{
	CLEANUP(plan_freep) struct plan *p = xnew0(struct plan);
	struct ipnet sources[4];
	struct err e = {0};
	size_t n = 0;

	p->gue_port = 6080;
	p->gue = rig->gue;
	p->entries = xcalloc(16, sizeof *p->entries);
	for (; *pods; pods++)
		p->entries[p->n_entries++] = (struct plan_entry){
			addr_of(*pods), {addr_of("10.1.1.1"), IPPROTO_TCP, 80}, 8080};
	for (; rig->sources[n]; n++)
		sources[n] = net_of(rig->sources[n]);
	return half_put(rig->half, p, sources, n, &e);
}

static int put_two(struct rig *rig)
{
	static const char *const two[] = {"172.16.4.10", "172.16.4.11", NULL};

	return put(rig, two);
}

static int check(struct rig *rig)
{
	struct err e = {0};

	return half_check(rig->half, &e);
}

static uint64_t n_repairs(const struct rig *rig)
{
	return half_stats(rig->half).n_repairs;
}

/* It is read back without what it says of GUE. */
static void test_what_is_there_is_found_right(void **state)
{
	struct rig *rig = *state;

	rig->gue = true;
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(check(rig), 0);
	assert_int_equal(n_repairs(rig), 0);
}

static void test_a_kernel_without_gue_does_the_rest(void **state)
{
	struct rig *rig = *state;

	kernel.no_gue = "the kernel has no GUE";
	assert_int_equal(put_two(rig), 0);
	assert_false(half_takes_gue(rig->half));
	assert_int_equal(half_stats(rig->half).n_entries, 2);
	kernel.no_gue = NULL;
	/* It is not asked again before somebody wants it. */
	assert_int_equal(check(rig), 0);
	assert_false(half_takes_gue(rig->half));
	rig->gue = true;
	assert_int_equal(put_two(rig), 0);
	assert_true(half_takes_gue(rig->half));
}

/* By the kernel. */
static size_t n_entries(const struct rig *rig)
{
	struct kept kept = {0};
	struct err e = {0};
	size_t n;

	assert_int_equal(kept_read(&kept, rig->hands.netfilter, AF_INET, &e), 0);
	n = kept.plan->n_entries;
	kept_done(&kept);
	return n;
}

static void test_a_look_that_others_interrupt_is_done_again(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(put_two(rig), 0);
	nft(&rig->hands, "delete element ip kago-node vips { 10.1.1.1 }");
	kernel.n_interrupted = 3;
	assert_int_equal(check(rig), 0);
	assert_int_equal(n_repairs(rig), 1);
}

static void test_what_cannot_be_read_is_no_failure_and_is_read_later(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(put_two(rig), 0);
	nft(&rig->hands, "flush map ip kago-node endpoints");
	kernel.n_interrupted = 1000;
	assert_int_equal(check(rig), 0);
	assert_int_equal(check(rig), 0);
	assert_int_equal(n_repairs(rig), 0);
	kernel.n_interrupted = 0;
	assert_int_equal(check(rig), 0);
	assert_int_equal(n_repairs(rig), 1);
	assert_int_equal(n_entries(rig), 2);
}

static void test_a_sender_that_somebody_takes_away_is_back(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(put_two(rig), 0);
	assert_int_equal(check(rig), 0);
	assert_int_equal(n_repairs(rig), 0);
	nft(&rig->hands, "delete element ip kago-node sources { 172.16.9.0/24 }");
	assert_int_equal(check(rig), 0);
	assert_int_equal(n_repairs(rig), 1);
	assert_int_equal(check(rig), 0);
	assert_int_equal(n_repairs(rig), 1);
}

/* The kernel says neither the end of the last address nor one inside. */
static void test_any_senders_are_read_as_they_were_written(void **state)
{
	static const char *const sets[][3] = {{"0.0.0.0/0"}, {"255.255.255.255/32", "0.0.0.0/8"},
		{"10.0.0.0/25", "10.0.0.128/25"}, {"10.0.0.1/32", "10.0.0.2/32"}, {NULL}};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		memcpy(rig->sources, sets[i], sizeof sets[i]);
		assert_int_equal(put_two(rig), 0);
		assert_int_equal(check(rig), 0);
		assert_int_equal(n_repairs(rig), 0);
	}
}

/* What was believed of it before is worth nothing. */
static void test_what_has_failed_is_looked_at_before_it_is_said_to_work(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(put_two(rig), 0);
	nft(&rig->hands, "delete table ip kago-node");
	kernel.missing = "no ipip";
	assert_int_equal(check(rig), -EOPNOTSUPP);
	assert_int_equal(put_two(rig), -EOPNOTSUPP);
	kernel.missing = NULL;
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(n_entries(rig), 2);
}

static unsigned mss(void)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *at;
	unsigned value;

	nft_ctx_buffer_output(ctx);
	assert_int_equal(nft_run_cmd_from_buffer(ctx, "list chain ip kago-node clamp"), 0);
	at = strstr(nft_ctx_get_output_buffer(ctx), "size set ");
	assert_non_null(at);
	value = (unsigned)strtoul(at + strlen("size set "), NULL, 10);
	nft_ctx_free(ctx);
	return value;
}

static void lead(size_t i, const char *pod, unsigned mtu)
{
	kernel.ways[i].pod = pod;
	kernel.ways[i].way = (struct device_way){.mtu = mtu};
}

static void test_clients_are_told_what_fits_to_all_pods(void **state)
{
	struct rig *rig = *state;

	lead(0, "172.16.4.10", 0);
	lead(1, "172.16.4.11", 1450);
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(mss(), 1390);
	lead(0, "172.16.4.10", 1400);
	kernel.later += A_MINUTE;
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(mss(), 1340);
	assert_int_equal(n_entries(rig), 2);
}

/* As when a pod goes, and its route before it. */
static void test_without_a_route_clients_are_told_what_they_were(void **state)
{
	struct rig *rig = *state;

	lead(0, "172.16.4.10", 1450);
	lead(1, "172.16.4.11", UINT_MAX);
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(mss(), 1390);
	lead(0, "172.16.4.10", UINT_MAX);
	kernel.later += A_MINUTE;
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(mss(), 1390);
	rig->gue = true;
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(mss(), 1390 - 12);
}

/* To ask for all would take longer than the change itself. */
static void test_a_change_asks_for_the_routes_of_new_pods_alone(void **state)
{
	static const char *const three[] = {"172.16.4.10", "172.16.4.11", "172.16.4.12", NULL};
	struct rig *rig = *state;

	assert_int_equal(put_two(rig), 0);
	assert_int_equal(kernel.n_asked, 2);
	assert_int_equal(put(rig, three), 0);
	assert_int_equal(kernel.n_asked, 3);
}

/* A pod is an endpoint before its route is there. */
static void test_a_route_that_comes_later_counts(void **state)
{
	struct rig *rig = *state;

	lead(0, "172.16.4.10", UINT_MAX);
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(mss(), 1440);
	lead(0, "172.16.4.10", 1450);
	assert_int_equal(check(rig), 0);
	assert_int_equal(mss(), 1390);
	assert_int_equal(n_repairs(rig), 0);
}

/* An address of the node itself may be the end of other tunnels. */
static void test_the_nodes_own_address_is_no_pod(void **state)
{
	struct rig *rig = *state;

	kernel.ways[0].pod = "172.16.4.10";
	kernel.ways[0].way.is_own = true;
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(n_entries(rig), 1);
	assert_int_equal(half_stats(rig->half).n_pods, 1);
	assert_int_equal(check(rig), 0);
	assert_int_equal(n_repairs(rig), 0);
	kernel.ways[0].way.is_own = false;
	kernel.later += A_MINUTE;
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(n_entries(rig), 2);
}

/* By the kernel. */
static uint64_t n_counted(const struct rig *rig, const char *name)
{
	struct err e = {0};
	uint64_t n = 99;

	assert_int_equal(
		counter_read(&n, rig->hands.netfilter, AF_INET, SCRIPT_TABLE, name, &e), 0);
	return n;
}

/* From 127.0.0.1. */
static void send_to(
	const char *to, int type, int protocol, uint16_t port, const char *bytes, size_t len)
{
	const struct ipaddr addr = addr_of(to);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);

	memcpy(&at.sin_addr, addr.bytes, sizeof at.sin_addr);
	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, bytes, len, 0, (const struct sockaddr *)&at, sizeof at), len);
	close(fd);
}

/* IPIP; of what is inside nothing is looked at. */
static void send_tunnelled(const char *to)
{
	static const char inside[20] = {0x45};

	send_to(to, SOCK_RAW, IPPROTO_IPIP, 0, inside, sizeof inside);
}

/* GUE of version 0 with IPv4 in it. */
static void send_in_gue(const char *to)
{
	static const char inside[4 + 20] = {0, 4, 0, 0, 0x45};

	send_to(to, SOCK_DGRAM, 0, 6080, inside, sizeof inside);
}

static void test_what_nobody_may_send_is_counted(void **state)
{
	static const char *const local[] = {"127.0.0.5", NULL};
	struct rig *rig = *state;

	assert_int_equal(n_counted(rig, SCRIPT_REFUSED), 0);
	assert_int_equal(put(rig, local), 0);
	send_tunnelled("127.0.0.6"); /* no pod */
	assert_int_equal(n_counted(rig, SCRIPT_REFUSED), 0);
	send_tunnelled("127.0.0.5");
	send_in_gue("127.0.0.5");
	assert_int_equal(n_counted(rig, SCRIPT_REFUSED), 2);
	/* What was counted stays when the table is made anew. */
	nft(&rig->hands, "flush chain ip kago-node outer");
	assert_int_equal(check(rig), 0);
	assert_int_equal(n_repairs(rig), 1);
	assert_int_equal(n_counted(rig, SCRIPT_REFUSED), 2);
	rig->sources[0] = "127.0.0.1/32";
	assert_int_equal(put(rig, local), 0);
	send_tunnelled("127.0.0.5");
	assert_int_equal(n_counted(rig, SCRIPT_REFUSED), 2);
}

static void test_what_is_wanted_and_what_failed_is_counted(void **state)
{
	struct rig *rig = *state;

	kernel.missing = "the kernel has no ipip";
	assert_true(put_two(rig) < 0);
	assert_true(put_two(rig) < 0);
	assert_int_equal(half_stats(rig->half).n_wanted, 2);
	assert_int_equal(half_stats(rig->half).n_entries, 0);
	assert_int_equal(half_stats(rig->half).n_failures, 2);
	assert_int_equal(half_stats(rig->half).last_change, 0);
	kernel.missing = NULL;
	assert_int_equal(put_two(rig), 0);
	assert_int_equal(half_stats(rig->half).n_entries, 2);
	assert_int_equal(half_stats(rig->half).n_failures, 2);
	assert_true(half_stats(rig->half).last_change > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_is_there_is_found_right, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_kernel_without_gue_does_the_rest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_look_that_others_interrupt_is_done_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_cannot_be_read_is_no_failure_and_is_read_later, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_sender_that_somebody_takes_away_is_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_any_senders_are_read_as_they_were_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_has_failed_is_looked_at_before_it_is_said_to_work, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_clients_are_told_what_fits_to_all_pods, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_without_a_route_clients_are_told_what_they_were, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_change_asks_for_the_routes_of_new_pods_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_route_that_comes_later_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_nodes_own_address_is_no_pod, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_nobody_may_send_is_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_is_wanted_and_what_failed_is_counted, set_up, tear_down),
	};

	/* Where none may be made there is nothing to be tested. */
	return net_loopback() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
