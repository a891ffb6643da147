/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/ip_vs.h>
#include <string.h>

#include "base/mem.h"
#include "net/ipvs_proc.h"

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

/* As Linux 6.1 prints it. */
static const char text[] = "IP Virtual Server version 1.2.1 (size=4096)\n"
			   "Prot LocalAddress:Port Scheduler Flags\n"
			   "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
			   "TCP  0A010101:0050 mh  persistent 75000 FFFFFFFF\n"
			   "  -> 0A000001:0050      Masq    65535  0          0         \n"
			   "UDP  [fd10:0000:0000:0000:0000:0000:0000:0001]:0035 rr \n"
			   "  -> [fd02:0000:0000:0000:0000:0000:0000:0001]:14E9      Masq    1     "
			   " 12         34        \n"
			   "SCTP  0A010101:0050 rr  \n"
			   "  -> 0A000003:0050      Route   1      0          0         \n"
			   "  -> 0A000002:0050      Tunnel  0      0          0         \n"
			   "FWM  00000001 rr \n"
			   "  -> 0A000002:0000      Tunnel  1      0          0         \n";

static const struct ipvs_service *find(
	const struct ipvs_table *t, const char *vip, uint16_t protocol, uint16_t port)
{
	struct ipaddr a;
	struct err e = {0};
	const struct ipvs_service *s;

	assert_int_equal(ipaddr_parse(&a, vip, &e), 0);
	s = ipvs_table_find(t, &a, protocol, port);
	assert_non_null(s);
	return s;
}

static void assert_dest(
	const struct ipvs_dest *d, const char *ip, uint16_t port, uint32_t weight, uint32_t forward)
{
	char buf[IPADDR_TEXT];

	assert_string_equal(ipaddr_format(buf, &d->addr), ip);
	assert_int_equal(d->port, port);
	assert_int_equal(d->weight, weight);
	assert_int_equal(d->forward, forward);
}

static void services_and_real_servers_are_read(void **state)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;
	struct err e = {0};
	const struct ipvs_service *s;

	(void)state;
	assert_int_equal(ipvs_proc_parse(&t, text, &e), 0);
	assert_int_equal(t->n_services, 3);
	s = find(t, "10.1.1.1", IPPROTO_TCP, 80);
	assert_string_equal(s->scheduler, "mh");
	assert_int_equal(s->n_dests, 1);
	assert_dest(&s->dests[0], "10.0.0.1", 80, 65535, IP_VS_CONN_F_MASQ);
	s = find(t, "fd10::1", IPPROTO_UDP, 53);
	assert_int_equal(s->n_dests, 1);
	assert_dest(&s->dests[0], "fd02::1", 5353, 1, IP_VS_CONN_F_MASQ);
	assert_int_equal(s->dests[0].active_conns, 12);
	assert_int_equal(s->dests[0].inactive_conns, 34);
	s = find(t, "10.1.1.1", IPPROTO_SCTP, 80);
	assert_int_equal(s->n_dests, 2);
	assert_dest(&s->dests[0], "10.0.0.2", 80, 0, IP_VS_CONN_F_TUNNEL);
	assert_dest(&s->dests[1], "10.0.0.3", 80, 1, IP_VS_CONN_F_DROUTE);
}

static void real_servers_of_a_firewall_mark_go_to_no_service(void **state)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(ipvs_proc_parse(&t, strstr(text, "FWM"), &e), 0);
	assert_int_equal(t->n_services, 0);
}

static void an_empty_table_is_empty(void **state)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(ipvs_proc_parse(&t, "", &e), 0);
	assert_int_equal(t->n_services, 0);
}

static void what_cannot_be_read_is_named_by_its_line(void **state)
{
	static const char *const bad[] = {
		"TCP  0A010101:005 mh \n",
		"TCP  0A01010:0050 mh \n",
		"TCP  0A010101:0050\n",
		"TCP  0A010101:0050 a-name-that-is-too-long \n",
		"TCP  [fd10::1]:0050 mh \n",
		"TCP  0A010101:0050 mh \n  -> 0A010101:0050      Pigeon  1      0          0\n",
		"TCP  0A010101:0050 mh \n  -> 0A010101:0050      Masq    -1     0          0\n",
		"TCP  0A010101:0050 mh \n  -> 0A010101:0050      Masq    4294967296  0     0\n",
		"TCP  0A010101:0050 mh \n  -> 0A010101:0050      Masq    1      0\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ipvs_table *t = NULL;
		struct err e = {0};

		assert_int_equal(ipvs_proc_parse(&t, bad[i], &e), -EBADMSG);
		assert_string_equal(e.msg, strstr(bad[i], "->") ? "line 2 is not as expected"
								: "line 1 is not as expected");
		assert_null(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_and_real_servers_are_read),
		cmocka_unit_test(real_servers_of_a_firewall_mark_go_to_no_service),
		cmocka_unit_test(an_empty_table_is_empty),
		cmocka_unit_test(what_cannot_be_read_is_named_by_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
