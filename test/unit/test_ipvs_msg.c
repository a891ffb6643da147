/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/ip_vs.h>
#include <netlink/genl/genl.h>
#include <string.h>

#include "base/mem.h"
#include "net/ipvs_msg.h"

/* Messages as the kernel makes them (ip_vs_ctl.c: fill_service, fill_dest), attribute by attribute.
 */

static void free_msg(struct nl_msg **m)
{
	nlmsg_free(*m);
}
#define CLEANUP_MSG CLEANUP(free_msg)

static struct nl_msg *begin(uint8_t cmd)
{
	struct nl_msg *m = nlmsg_alloc();

	assert_non_null(m);
	assert_non_null(genlmsg_put(m, 0, 1, 30, 0, NLM_F_MULTI, cmd, IPVS_GENL_VERSION));
	return m;
}

static void put_addr(struct nl_msg *m, int type, const char *text)
{
	struct ipaddr a;
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&a, text, &e), 0);
	assert_int_equal(nla_put(m, type, 16, a.bytes), 0);
}

static void put_stats(struct nl_msg *m, int type, bool wide, uint64_t conns)
{
	struct nlattr *nested = nla_nest_start(m, type);

	if (wide) {
		nla_put_u64(m, IPVS_STATS_ATTR_CONNS, conns);
		nla_put_u64(m, IPVS_STATS_ATTR_INPKTS, conns + 1);
		nla_put_u64(m, IPVS_STATS_ATTR_OUTPKTS, conns + 2);
	} else {
		nla_put_u32(m, IPVS_STATS_ATTR_CONNS, (uint32_t)conns);
		nla_put_u32(m, IPVS_STATS_ATTR_INPKTS, (uint32_t)conns + 1);
		nla_put_u32(m, IPVS_STATS_ATTR_OUTPKTS, (uint32_t)conns + 2);
	}
	nla_put_u64(m, IPVS_STATS_ATTR_INBYTES, conns + 3);
	nla_put_u64(m, IPVS_STATS_ATTR_OUTBYTES, conns + 4);
	nla_nest_end(m, nested);
}

static void put_service_tail(struct nl_msg *m)
{
	const struct ip_vs_flags flags = {
		IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_HASHED | IP_VS_SVC_F_SCHED1, ~0u};

	nla_put_string(m, IPVS_SVC_ATTR_SCHED_NAME, "mh");
	nla_put(m, IPVS_SVC_ATTR_FLAGS, sizeof flags, &flags);
	nla_put_u32(m, IPVS_SVC_ATTR_TIMEOUT, 300);
	nla_put_u32(m, IPVS_SVC_ATTR_NETMASK, ~0u);
}

static void put_service_key(struct nl_msg *m, uint16_t family, const char *vip)
{
	nla_put_u16(m, IPVS_SVC_ATTR_AF, family);
	nla_put_u16(m, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_UDP);
	put_addr(m, IPVS_SVC_ATTR_ADDR, vip);
	nla_put_u16(m, IPVS_SVC_ATTR_PORT, htons(5353));
}

static void a_service_is_read_with_its_64_bit_counters(void **state)
{
	CLEANUP_MSG struct nl_msg *m = begin(IPVS_CMD_NEW_SERVICE);
	struct nlattr *nested = nla_nest_start(m, IPVS_CMD_ATTR_SERVICE);
	struct ipvs_service s;
	char text[IPADDR_TEXT];

	(void)state;
	put_service_key(m, AF_INET6, "fd00::5");
	put_service_tail(m);
	put_stats(m, IPVS_SVC_ATTR_STATS, false, 1);
	put_stats(m, IPVS_SVC_ATTR_STATS64, true, 0x100000001);
	nla_nest_end(m, nested);
	assert_int_equal(ipvs_msg_service(&s, nlmsg_hdr(m)), 0);
	assert_string_equal(ipaddr_format(text, &s.addr), "fd00::5");
	assert_int_equal(s.protocol, IPPROTO_UDP);
	assert_int_equal(s.port, 5353);
	assert_string_equal(s.scheduler, "mh");
	assert_int_equal(s.flags, IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_SCHED1);
	assert_int_equal(s.timeout, 300);
	assert_true(s.conns == 0x100000001 && s.in_packets == 0x100000002);
	assert_true(s.out_packets == 0x100000003 && s.in_bytes == 0x100000004);
	assert_true(s.out_bytes == 0x100000005);
	assert_null(s.dests);
}

static void a_service_by_firewall_mark_is_none_of_ours(void **state)
{
	CLEANUP_MSG struct nl_msg *m = begin(IPVS_CMD_NEW_SERVICE);
	struct nlattr *nested = nla_nest_start(m, IPVS_CMD_ATTR_SERVICE);
	struct ipvs_service s;

	(void)state;
	nla_put_u16(m, IPVS_SVC_ATTR_AF, AF_INET);
	nla_put_u32(m, IPVS_SVC_ATTR_FWMARK, 1);
	put_service_tail(m);
	nla_nest_end(m, nested);
	assert_int_equal(ipvs_msg_service(&s, nlmsg_hdr(m)), -ENOENT);
}

static struct nl_msg *dest_msg(const char *ip, bool with_family, bool with_stats64)
{
	struct nl_msg *m = begin(IPVS_CMD_NEW_DEST);
	struct nlattr *nested = nla_nest_start(m, IPVS_CMD_ATTR_DEST);

	put_addr(m, IPVS_DEST_ATTR_ADDR, ip);
	nla_put_u16(m, IPVS_DEST_ATTR_PORT, htons(8080));
	nla_put_u32(m, IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_TUNNEL);
	nla_put_u32(m, IPVS_DEST_ATTR_WEIGHT, 3);
	nla_put_u32(m, IPVS_DEST_ATTR_ACTIVE_CONNS, 4);
	nla_put_u32(m, IPVS_DEST_ATTR_INACT_CONNS, 5);
	if (with_family)
		nla_put_u16(m, IPVS_DEST_ATTR_ADDR_FAMILY, AF_INET6);
	put_stats(m, IPVS_DEST_ATTR_STATS, false, 10);
	if (with_stats64)
		put_stats(m, IPVS_DEST_ATTR_STATS64, true, 0x200000000);
	nla_nest_end(m, nested);
	return m;
}

static void a_real_server_may_be_of_another_family_than_its_service(void **state)
{
	CLEANUP_MSG struct nl_msg *m = dest_msg("fd00::7", true, true);
	struct ipvs_dest d;
	char text[IPADDR_TEXT];

	(void)state;
	assert_int_equal(ipvs_msg_dest(&d, nlmsg_hdr(m), AF_INET), 0);
	assert_string_equal(ipaddr_format(text, &d.addr), "fd00::7");
	assert_int_equal(d.port, 8080);
	assert_int_equal(d.weight, 3);
	assert_int_equal(d.forward, IP_VS_CONN_F_TUNNEL);
	assert_int_equal(d.active_conns, 4);
	assert_int_equal(d.inactive_conns, 5);
	assert_true(d.conns == 0x200000000 && d.in_bytes == 0x200000003);
}

/* What is written is what is read: the kernel has the same attributes both ways. */
static struct ipvs_dest written_and_read(const struct ipvs_dest *d)
{
	CLEANUP_MSG struct nl_msg *m = ipvs_msg_new(30, IPVS_CMD_NEW_DEST, 0, NULL, d);
	struct ipvs_dest ret;

	assert_int_equal(ipvs_msg_dest(&ret, nlmsg_hdr(m), AF_INET), 0);
	return ret;
}

static void a_tunnel_has_its_kind_and_its_port(void **state)
{
	struct ipvs_dest d = {.addr = {.family = AF_INET},
		.port = 80,
		.weight = 1,
		.forward = IP_VS_CONN_F_TUNNEL,
		.tunnel = IP_VS_CONN_F_TUNNEL_TYPE_GUE,
		.tunnel_port = 6080};
	struct ipvs_dest read = written_and_read(&d);

	(void)state;
	assert_int_equal(read.forward, IP_VS_CONN_F_TUNNEL);
	assert_int_equal(read.tunnel, IP_VS_CONN_F_TUNNEL_TYPE_GUE);
	assert_int_equal(read.tunnel_port, 6080);
	d.forward = IP_VS_CONN_F_MASQ;
	read = written_and_read(&d);
	assert_int_equal(read.forward, IP_VS_CONN_F_MASQ);
	assert_int_equal(read.tunnel, 0);
	assert_int_equal(read.tunnel_port, 0);
}

static void an_old_kernel_gives_no_family_and_32_bit_counters(void **state)
{
	CLEANUP_MSG struct nl_msg *m = dest_msg("10.0.0.7", false, false);
	struct ipvs_dest d;
	char text[IPADDR_TEXT];

	(void)state;
	assert_int_equal(ipvs_msg_dest(&d, nlmsg_hdr(m), AF_INET), 0);
	assert_string_equal(ipaddr_format(text, &d.addr), "10.0.0.7");
	assert_true(d.conns == 10 && d.in_packets == 11 && d.out_packets == 12);
	assert_true(d.in_bytes == 13 && d.out_bytes == 14);
}

static void a_message_that_lacks_something_is_refused(void **state)
{
	CLEANUP_MSG struct nl_msg *empty = begin(IPVS_CMD_NEW_SERVICE);
	CLEANUP_MSG struct nl_msg *half = begin(IPVS_CMD_NEW_SERVICE);
	CLEANUP_MSG struct nl_msg *strange = begin(IPVS_CMD_NEW_SERVICE);
	struct nlattr *nested = nla_nest_start(half, IPVS_CMD_ATTR_SERVICE);
	struct ipvs_service s;
	struct ipvs_dest d;

	(void)state;
	put_service_key(half, AF_INET, "10.1.1.1");
	nla_nest_end(half, nested);
	nested = nla_nest_start(strange, IPVS_CMD_ATTR_SERVICE);
	put_service_key(strange, AF_UNIX, "10.1.1.1");
	put_service_tail(strange);
	nla_nest_end(strange, nested);
	assert_int_equal(ipvs_msg_service(&s, nlmsg_hdr(empty)), -EBADMSG);
	assert_int_equal(ipvs_msg_service(&s, nlmsg_hdr(half)), -EBADMSG);
	assert_int_equal(ipvs_msg_service(&s, nlmsg_hdr(strange)), -EBADMSG);
	assert_int_equal(ipvs_msg_dest(&d, nlmsg_hdr(half), AF_INET), -EBADMSG);
}

static void a_truncated_message_is_refused(void **state)
{
	CLEANUP_MSG struct nl_msg *m = dest_msg("10.0.0.7", true, true);
	struct nlmsghdr *h = nlmsg_hdr(m);
	struct ipvs_dest d;

	(void)state;
	for (uint32_t len = h->nlmsg_len - 1; len >= NLMSG_HDRLEN; len--) {
		CLEANUP_FREE struct nlmsghdr *cut = xcalloc(1, len);

		memcpy(cut, h, len);
		cut->nlmsg_len = len;
		assert_int_equal(ipvs_msg_dest(&d, cut, AF_INET), -EBADMSG);
	}
}

static void timeouts_are_read_and_written(void **state)
{
	const struct ipvs_timeouts wanted = {.tcp = 7440, .tcp_fin = 120, .udp = 300};
	CLEANUP_MSG struct nl_msg *m = ipvs_msg_set_timeouts(30, &wanted);
	struct nlattr *a[IPVS_CMD_ATTR_MAX + 1];
	struct ipvs_timeouts t;

	(void)state;
	assert_int_equal(genlmsg_parse(nlmsg_hdr(m), 0, a, IPVS_CMD_ATTR_MAX, NULL), 0);
	assert_int_equal(nla_get_u32(a[IPVS_CMD_ATTR_TIMEOUT_TCP]), 7440);
	assert_int_equal(nla_get_u32(a[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]), 120);
	assert_int_equal(nla_get_u32(a[IPVS_CMD_ATTR_TIMEOUT_UDP]), 300);
	/* The kernel answers with the same message. */
	assert_int_equal(ipvs_msg_timeouts(&t, nlmsg_hdr(m)), 0);
	assert_memory_equal(&t, &wanted, sizeof t);
}

static void timeouts_that_the_kernel_has_not_are_0(void **state)
{
	CLEANUP_MSG struct nl_msg *m = begin(IPVS_CMD_SET_CONFIG);
	struct ipvs_timeouts t;

	(void)state;
	nla_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_TCP, 900);
	assert_int_equal(ipvs_msg_timeouts(&t, nlmsg_hdr(m)), 0);
	assert_int_equal(t.tcp, 900);
	assert_int_equal(t.udp, 0);
	nla_put_u8(m, IPVS_CMD_ATTR_TIMEOUT_UDP, 1);
	assert_int_equal(ipvs_msg_timeouts(&t, nlmsg_hdr(m)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_is_read_with_its_64_bit_counters),
		cmocka_unit_test(a_service_by_firewall_mark_is_none_of_ours),
		cmocka_unit_test(a_real_server_may_be_of_another_family_than_its_service),
		cmocka_unit_test(a_tunnel_has_its_kind_and_its_port),
		cmocka_unit_test(an_old_kernel_gives_no_family_and_32_bit_counters),
		cmocka_unit_test(a_message_that_lacks_something_is_refused),
		cmocka_unit_test(a_truncated_message_is_refused),
		cmocka_unit_test(timeouts_are_read_and_written),
		cmocka_unit_test(timeouts_that_the_kernel_has_not_are_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
