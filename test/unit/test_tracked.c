/* SPDX-License-Identifier: Apache-2.0 */
#include "node/tracked.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "node/netlink.h"

/* A connection that the kernel knows: from the pod to a peer, and back to `seen`. */
struct known {
	const char *from, *to, *seen;
	uint16_t port;
	uint8_t state;
	bool is_cut; /* its tuples are of no use */
};

static const struct known *kernel;
static size_t n_known;
static int kernel_error;

int __wrap_netlink_ask(
	struct nl_sock *s, struct nl_msg *question, netlink_fn *each, void *ud, struct err *e);

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&a, text, &e), 0);
	return a;
}

static void put_addr(struct nl_msg *m, int v4, int v6, const char *text, bool is_cut)
{
	struct ipaddr a = addr(text);

	nla_put(m, a.family == AF_INET ? v4 : v6, (int)ipaddr_bits(&a) / 8 - is_cut, a.bytes);
}

static void put_tuple(
	struct nl_msg *m, int type, const char *src, const char *dst, const struct known *k)
{
	struct nlattr *tuple = nla_nest_start(m, type), *part = nla_nest_start(m, CTA_TUPLE_IP);

	put_addr(m, CTA_IP_V4_SRC, CTA_IP_V6_SRC, src, k->is_cut);
	put_addr(m, CTA_IP_V4_DST, CTA_IP_V6_DST, dst, k->is_cut);
	nla_nest_end(m, part);
	part = nla_nest_start(m, CTA_TUPLE_PROTO);
	nla_put_u8(m, CTA_PROTO_NUM, IPPROTO_TCP);
	nla_put_u16(m, CTA_PROTO_DST_PORT, htons(k->port));
	nla_nest_end(m, part);
	nla_nest_end(m, tuple);
}

static struct nl_msg *message(const struct known *k)
{
	struct nl_msg *m = nlmsg_alloc_simple(IPCTNL_MSG_CT_NEW, 0);
	const struct nfgenmsg head = {0};
	struct nlattr *info, *tcp;

	nlmsg_append(m, (void *)(uintptr_t)&head, sizeof head, NLMSG_ALIGNTO);
	put_tuple(m, CTA_TUPLE_ORIG, k->from, k->to, k);
	put_tuple(m, CTA_TUPLE_REPLY, k->to, k->seen, k);
	info = nla_nest_start(m, CTA_PROTOINFO);
	tcp = nla_nest_start(m, CTA_PROTOINFO_TCP);
	nla_put_u8(m, CTA_PROTOINFO_TCP_STATE, k->state);
	nla_nest_end(m, tcp);
	nla_nest_end(m, info);
	return m;
}

int __wrap_netlink_ask(
	struct nl_sock *s, struct nl_msg *question, netlink_fn *each, void *ud, struct err *e)
{
	(void)s;
	nlmsg_free(question);
	for (size_t i = 0; i < n_known; i++) {
		struct nl_msg *m = message(&kernel[i]);

		each(ud, nlmsg_hdr(m));
		nlmsg_free(m);
	}
	return kernel_error ? err_set(e, kernel_error, "it does not want to") : 0;
}

enum { UP = TCP_CONNTRACK_ESTABLISHED, SENT = TCP_CONNTRACK_SYN_SENT, OVER = TCP_CONNTRACK_CLOSE };

#define KNOWN(...)                                                                                 \
	do {                                                                                       \
		static const struct known known[] = {__VA_ARGS__};                                 \
		kernel = known;                                                                    \
		n_known = sizeof known / sizeof known[0];                                          \
	} while (0)

static const char *look(char text[static IPADDR_TEXT], const char *from, const char *to, bool is_up)
{
	const struct tracked_ask ask = {addr(from), addr(to), 179, is_up};
	struct ipaddr seen;
	struct err e = {0};

	if (tracked_source(&seen, NULL, &ask, &e) < 0)
		fail_msg("%s", e.msg);
	return seen.family ? ipaddr_format(text, &seen) : "unknown";
}

static int begin(void **state)
{
	(void)state;
	n_known = 0;
	kernel_error = 0;
	return 0;
}

static void test_answers_go_to_the_address_that_the_peer_sees(void **state)
{
	char text[IPADDR_TEXT];

	(void)state;
	assert_string_equal(look(text, "172.16.1.11", "10.0.0.1", false), "unknown");
	KNOWN({"172.16.1.11", "10.0.0.1", "172.16.1.11", 179, UP, false});
	assert_string_equal(look(text, "172.16.1.11", "10.0.0.1", true), "172.16.1.11");
	KNOWN({"172.16.1.11", "10.0.0.1", "10.0.0.101", 179, UP, false});
	assert_string_equal(look(text, "172.16.1.11", "10.0.0.1", true), "10.0.0.101");
	KNOWN({"fd00:16::11", "fd00::1", "fd00::101", 179, UP, false});
	assert_string_equal(look(text, "fd00:16::11", "fd00::1", true), "fd00::101");
}

static void test_of_a_session_that_is_up_former_ones_do_not_count(void **state)
{
	char text[IPADDR_TEXT];

	(void)state;
	KNOWN({"172.16.1.11", "10.0.0.1", "10.0.0.101", 179, OVER, false},
		{"172.16.1.11", "10.0.0.1", "172.16.1.11", 179, UP, false},
		{"172.16.1.11", "10.0.0.1", "10.0.0.101", 179, SENT, false});
	assert_string_equal(look(text, "172.16.1.11", "10.0.0.1", true), "172.16.1.11");
	assert_string_equal(look(text, "172.16.1.11", "10.0.0.1", false), "10.0.0.101");
}

static void test_what_is_changed_wins_over_what_is_not(void **state)
{
	char text[IPADDR_TEXT];

	(void)state;
	/* Plugins that track a connection in a zone of their own, and change it in another one. */
	KNOWN({"172.16.1.11", "10.0.0.1", "172.16.1.11", 179, UP, false},
		{"172.16.1.11", "10.0.0.1", "10.0.0.101", 179, UP, false},
		{"172.16.1.11", "10.0.0.1", "172.16.1.11", 179, UP, false});
	assert_string_equal(look(text, "172.16.1.11", "10.0.0.1", true), "10.0.0.101");
}

static int fails(void)
{
	const struct tracked_ask ask = {addr("172.16.1.11"), addr("10.0.0.1"), 179, false};
	struct ipaddr seen = {0};
	struct err e = {0};
	int r = tracked_source(&seen, NULL, &ask, &e);

	assert_int_equal(seen.family, 0);
	return r;
}

static void test_a_kernel_that_gives_all_is_told_from_one_that_does_not(void **state)
{
	(void)state;
	KNOWN({"172.16.1.11", "10.0.0.1", "10.0.0.101", 179, UP, false},
		{"172.16.1.12", "10.0.0.1", "10.0.0.101", 179, UP, false});
	assert_int_equal(fails(), -EOPNOTSUPP);
	KNOWN({"172.16.1.11", "10.0.0.2", "10.0.0.101", 179, UP, false});
	assert_int_equal(fails(), -EOPNOTSUPP);
	KNOWN({"172.16.1.11", "10.0.0.1", "10.0.0.101", 443, UP, false});
	assert_int_equal(fails(), -EOPNOTSUPP);
	KNOWN({"172.16.1.11", "10.0.0.1", "10.0.0.101", 179, UP, true});
	assert_int_equal(fails(), -EOPNOTSUPP);
}

static void test_what_the_kernel_says_last_is_heard(void **state)
{
	(void)state;
	KNOWN({"172.16.1.11", "10.0.0.1", "10.0.0.101", 179, UP, false});
	kernel_error = EPERM;
	assert_int_equal(fails(), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answers_go_to_the_address_that_the_peer_sees, begin),
		cmocka_unit_test_setup(
			test_of_a_session_that_is_up_former_ones_do_not_count, begin),
		cmocka_unit_test_setup(test_what_is_changed_wins_over_what_is_not, begin),
		cmocka_unit_test_setup(
			test_a_kernel_that_gives_all_is_told_from_one_that_does_not, begin),
		cmocka_unit_test_setup(test_what_the_kernel_says_last_is_heard, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
