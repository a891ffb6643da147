/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/forgetting.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#include "addresses.h"
#include "host/conntrack.h"
#include "loop/loop.h"
#include "net_loopback.h"

/* The connections of a namespace of the test's own, made and counted in the kernel. */

static int delete_error; /* of the next one */

int __real_conntrack_delete(
	struct netlink *n, const struct plan *plan, const struct connection *c, struct err *e);
int __wrap_conntrack_delete(
	struct netlink *n, const struct plan *plan, const struct connection *c, struct err *e);
void __real_loop_timer_arm(sd_event_source *timer, uint64_t after);
void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after);

int __wrap_conntrack_delete(
	struct netlink *n, const struct plan *plan, const struct connection *c, struct err *e)
{
	int error = delete_error;

	delete_error = 0;
	return error ? err_set(e, error, "refused") : __real_conntrack_delete(n, plan, c, e);
}

/* Retries need no waiting. */
void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after)
{
	(void)after;
	__real_loop_timer_arm(timer, 0);
}

struct rig {
	sd_event *loop;
	struct netlink *netlink;
	struct forgetting *forgetting;
};

static int set_up(void **state)
{
	struct rig *rig = xnew0(struct rig);
	struct err e = {0};

	if (!net_loopback()) {
		free(rig);
		return -1;
	}
	assert_int_equal(sd_event_new(&rig->loop), 0);
	assert_int_equal(netlink_open(&rig->netlink, NETLINK_NETFILTER, &e), 0);
	assert_int_equal(forgetting_new(&rig->forgetting, rig->loop, &e), 0);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	forgetting_free(rig->forgetting);
	netlink_close(rig->netlink);
	sd_event_unref(rig->loop);
	free(rig);
	return 0;
}

static void put_number(struct nl_msg *m, int type, uint16_t value)
{
	value = htons(value);
	netlink_put(m, type, &value, sizeof value);
}

static void put_tuple(struct nl_msg *m, int type, const struct ipaddr *src, uint16_t src_port,
	const struct ipaddr *dst, uint16_t dst_port)
{
	struct nlattr *tuple = netlink_nest(m, type | NLA_F_NESTED), *part;
	const uint8_t udp = IPPROTO_UDP;
	bool four = src->family == AF_INET;
	size_t len = ipaddr_bits(src) / 8;

	part = netlink_nest(m, CTA_TUPLE_IP | NLA_F_NESTED);
	netlink_put(m, four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, src->bytes, len);
	netlink_put(m, four ? CTA_IP_V4_DST : CTA_IP_V6_DST, dst->bytes, len);
	nla_nest_end(m, part);
	part = netlink_nest(m, CTA_TUPLE_PROTO | NLA_F_NESTED);
	netlink_put(m, CTA_PROTO_NUM, &udp, sizeof udp);
	put_number(m, CTA_PROTO_SRC_PORT, src_port);
	put_number(m, CTA_PROTO_DST_PORT, dst_port);
	nla_nest_end(m, part);
	nla_nest_end(m, tuple);
}

/* From a port of a client to an entry, in a zone; UDP. */
static void connect_to(struct rig *rig, const struct plan_entry *to, uint16_t port, uint16_t zone)
{
	const struct ipaddr client = addr_of(to->pod.family == AF_INET ? "192.0.2.7" : "fd02::7");
	const struct nfgenmsg header = {.nfgen_family = (uint8_t)to->pod.family};
	struct nl_msg *m = netlink_msg(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW,
		NLM_F_CREATE | NLM_F_ACK, &header, sizeof header);
	struct err e = {0};

	put_tuple(m, CTA_TUPLE_ORIG, &client, port, &to->place.vip, to->place.port);
	put_tuple(m, CTA_TUPLE_REPLY, &to->pod, to->target, &client, port);
	netlink_put_u32(m, CTA_TIMEOUT, htonl(600));
	if (zone)
		put_number(m, CTA_ZONE, zone);
	if (netlink_ask(rig->netlink, m, NULL, NULL, &e) < 0)
		fail_msg("a connection: %s", e.msg);
}

static void on_connection(void *ud, const struct nlmsghdr *h)
{
	(void)h;
	++*(size_t *)ud;
}

static size_t count(struct rig *rig)
{
	size_t n = 0;
	struct err e = {0};

	for (int i = 0; i < 2; i++)
		assert_int_equal(
			netlink_ask(rig->netlink, conntrack_question(i ? AF_INET6 : AF_INET),
				on_connection, &n, &e),
			0);
	return n;
}

static struct plan_entry entry_of(const char *pod, uint16_t target)
{
	struct plan_entry one = {.pod = addr_of(pod), .target = target};

	one.place = (struct place){
		addr_of(one.pod.family == AF_INET ? "10.1.1.1" : "fd01::1"), IPPROTO_UDP, 53};
	return one;
}

static const struct plan nothing;

/* Of a processor, in usec: others may have it meanwhile. */
static uint64_t spent(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 * 1000 + (uint64_t)t.tv_nsec / 1000;
}

/*
 * Until nothing is left, for a minute at most; the longest turn but one, in usec: a virtual machine
 * may have been without its processor once.
 */
static uint64_t run(struct rig *rig)
{
	uint64_t end = loop_clock() + 60 * 1000 * 1000, longest = 0, next = 0;

	while (forgetting_left(rig->forgetting) > 0 && loop_clock() < end) {
		uint64_t start = spent(), took;

		sd_event_run(rig->loop, 1000);
		took = spent() - start;
		if (took > longest) {
			next = longest;
			longest = took;
		} else if (took > next) {
			next = took;
		}
	}
	assert_int_equal(forgetting_left(rig->forgetting), 0);
	return next;
}

static void test_connections_of_what_is_gone_go_and_others_stay(void **state)
{
	struct plan_entry entries[] = {entry_of("172.16.4.10", 5353), entry_of("172.16.4.11", 5353),
		entry_of("fd00:4::10", 5353)};
	const struct plan before = {entries, 3, 0, false}, now = {&entries[1], 1, 0, false};
	struct plan_entry other = entry_of("172.16.4.10", 5354);
	struct rig *rig = *state;

	for (size_t i = 0; i < 3; i++)
		connect_to(rig, &entries[i], (uint16_t)(1000 + i), 0);
	connect_to(rig, &entries[0], 1000, 7);
	connect_to(rig, &other, 1009, 0); /* that is another port of the pod */
	assert_int_equal(count(rig), 5);
	forgetting_put(rig->forgetting, &before, &now);
	run(rig);
	assert_int_equal(count(rig), 2);
	assert_int_equal(forgetting_done(rig->forgetting), 3);
}

/* 110 pods at once, and more connections than are kept in memory. */
static void test_many_connections_do_not_hold_the_loop(void **state)
{
	enum { PODS = 110, EACH = 600 };
	CLEANUP_FREE struct plan_entry *entries = xcalloc(PODS, sizeof *entries);
	const struct plan before = {entries, PODS, 0, false};
	struct rig *rig = *state;
	uint64_t longest, start;
	char pod[32];

	for (size_t i = 0; i < PODS; i++) {
		snprintf(pod, sizeof pod, "172.16.4.%zu", i + 1);
		entries[i] = entry_of(pod, 5353);
		entries[i].place.port = (uint16_t)(1000 + i);
		for (unsigned j = 0; j < EACH; j++)
			connect_to(rig, &entries[i], (uint16_t)(1024 + j), 0);
	}
	assert_true(count(rig) > FORGETTING_MAX);
	start = loop_clock();
	forgetting_put(rig->forgetting, &before, &nothing);
	longest = run(rig);
	print_message("%d connections: %.0f ms, %.1f ms at most at a time\n", PODS * EACH,
		(double)(loop_clock() - start) / 1000, (double)longest / 1000);
	assert_int_equal(count(rig), 0);
	assert_true(longest < 10 * FORGETTING_SLICE);
}

static void test_what_failed_is_tried_again(void **state)
{
	struct plan_entry entries[] = {entry_of("172.16.4.10", 5353)};
	const struct plan before = {entries, 1, 0, false};
	struct rig *rig = *state;

	connect_to(rig, &entries[0], 1000, 0);
	connect_to(rig, &entries[0], 1001, 0);
	delete_error = EPERM;
	forgetting_put(rig->forgetting, &before, &nothing);
	run(rig);
	assert_int_equal(count(rig), 0);
}

static void test_what_has_come_back_is_left_alone(void **state)
{
	struct plan_entry entries[] = {
		entry_of("172.16.4.10", 5353), entry_of("172.16.4.11", 5353)};
	const struct plan both = {entries, 2, 0, false};
	struct rig *rig = *state;

	connect_to(rig, &entries[0], 1000, 0);
	connect_to(rig, &entries[1], 1001, 0);
	forgetting_put(rig->forgetting, &both, &nothing);
	forgetting_put(rig->forgetting, &nothing, &both);
	run(rig);
	assert_int_equal(count(rig), 2);
}

/* The same pod, VIP and port lead to another port now, and to a third one then. */
static void test_each_target_counts(void **state)
{
	struct plan_entry entries[] = {entry_of("172.16.4.10", 5353), entry_of("172.16.4.10", 5354),
		entry_of("172.16.4.10", 5355)};
	const struct plan plans[] = {
		{&entries[0], 1, 0, false}, {&entries[1], 1, 0, false}, {&entries[2], 1, 0, false}};
	struct rig *rig = *state;

	for (uint16_t i = 0; i < 3; i++)
		connect_to(rig, &entries[i], (uint16_t)(1000 + i), 0);
	forgetting_put(rig->forgetting, &plans[0], &plans[1]);
	forgetting_put(rig->forgetting, &plans[1], &plans[2]);
	run(rig);
	assert_int_equal(count(rig), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_connections_of_what_is_gone_go_and_others_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_many_connections_do_not_hold_the_loop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_failed_is_tried_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_has_come_back_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_target_counts, set_up, tear_down),
	};

	/* Where none may be made there is nothing to be tested. */
	return net_loopback() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
