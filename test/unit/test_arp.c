/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/arp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "addresses.h"
#include "macs.h"

/* Who has 192.0.2.10? Tell 192.0.2.1, which is 02:00:00:00:00:01. */
static const uint8_t question[ARP_BYTES] = {
	0, 1, 0x08, 0, 6, 4, 0, 1,         /* Ethernet, IPv4, a request */
	0x02, 0, 0, 0, 0, 1, 192, 0, 2, 1, /* the sender */
	0, 0, 0, 0, 0, 0, 192, 0, 2, 10,   /* the target */
};

static void assert_addr(const struct ipaddr *found, const char *wanted)
{
	char text[IPADDR_TEXT];

	assert_string_equal(ipaddr_format(text, found), wanted);
}

static struct arp parsed(const uint8_t *data, size_t len)
{
	struct arp a = {0};

	assert_true(arp_parse(&a, data, len));
	return a;
}

static void test_a_question_is_understood(void **state)
{
	const struct arp a = parsed(question, sizeof question);
	const struct mac sender = mac_number(1);

	(void)state;
	assert_int_equal(a.op, ARP_REQUEST);
	assert_mac(&a.sender_mac, &sender);
	assert_addr(&a.sender, "192.0.2.1");
	assert_addr(&a.target, "192.0.2.10");
	assert_false(arp_is_announcement(&a));
}

static void test_what_is_built_is_what_was_read(void **state)
{
	const struct arp a = parsed(question, sizeof question);
	uint8_t again[ARP_BYTES];

	(void)state;
	arp_build(again, &a);
	assert_memory_equal(again, question, sizeof question);
}

static void test_ethernet_pads_but_nothing_may_be_missing(void **state)
{
	uint8_t padded[46] = {0};
	struct arp a;

	(void)state;
	memcpy(padded, question, sizeof question);
	assert_true(arp_parse(&a, padded, sizeof padded));
	for (size_t len = 0; len < ARP_BYTES; len++)
		assert_false(arp_parse(&a, padded, len));
}

static void test_other_protocols_lengths_and_operations_are_none(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {{1, 6}, {0, 1}, {2, 0x86}, {3, 1}, {4, 8}, {4, 0}, {5, 16}, {5, 0}, {7, 0},
		{7, 3}, {6, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		uint8_t data[ARP_BYTES];
		struct arp a;

		memcpy(data, question, sizeof data);
		data[wrong[i].at] = wrong[i].value;
		assert_false(arp_parse(&a, data, sizeof data));
	}
}

static void test_an_answer_goes_to_who_asked(void **state)
{
	const struct arp asked = parsed(question, sizeof question);
	const struct mac ours = mac_number(7);
	const struct arp a = arp_answer(&asked, &ours);

	(void)state;
	assert_int_equal(a.op, ARP_REPLY);
	assert_mac(&a.sender_mac, &ours);
	assert_addr(&a.sender, "192.0.2.10");
	assert_mac(&a.target_mac, &asked.sender_mac);
	assert_addr(&a.target, "192.0.2.1");
}

/* RFC 5227, section 2.1.1: who has no address yet gets an answer that names none. */
static void test_a_probe_is_answered_and_claims_nothing(void **state)
{
	const struct mac ours = mac_number(7);
	uint8_t data[ARP_BYTES];
	struct arp asked, a;

	(void)state;
	memcpy(data, question, sizeof data);
	memset(data + 14, 0, 4);
	asked = parsed(data, sizeof data);
	assert_addr(&asked.sender, "0.0.0.0");
	assert_false(arp_is_announcement(&asked));
	a = arp_answer(&asked, &ours);
	assert_addr(&a.sender, "192.0.2.10");
	assert_addr(&a.target, "0.0.0.0");
}

/* RFC 5227, section 2.3. */
static void test_an_announcement_asks_for_itself(void **state)
{
	const struct ipaddr vip = addr_of("192.0.2.10");
	const struct mac ours = mac_number(7), nobody = {{0}};
	const struct arp a = arp_announcement(&vip, &ours);

	(void)state;
	assert_int_equal(a.op, ARP_REQUEST);
	assert_true(arp_is_announcement(&a));
	assert_mac(&a.sender_mac, &ours);
	assert_mac(&a.target_mac, &nobody);
	assert_addr(&a.sender, "192.0.2.10");
}

/* RFC 5227, section 2.1.1. */
static void test_a_question_of_ours_claims_nothing(void **state)
{
	static const uint8_t wanted[ARP_BYTES] = {
		0, 1, 0x08, 0, 6, 4, 0, 1,       /* Ethernet, IPv4, a request */
		0x02, 0, 0, 0, 0, 7, 0, 0, 0, 0, /* the sender */
		0, 0, 0, 0, 0, 0, 192, 0, 2, 10, /* the target */
	};
	const struct ipaddr vip = addr_of("192.0.2.10");
	const struct mac ours = mac_number(7);
	const struct arp a = arp_probe(&vip, &ours);
	uint8_t data[ARP_BYTES];

	(void)state;
	arp_build(data, &a);
	assert_memory_equal(data, wanted, sizeof wanted);
	assert_false(arp_is_announcement(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_question_is_understood),
		cmocka_unit_test(test_what_is_built_is_what_was_read),
		cmocka_unit_test(test_ethernet_pads_but_nothing_may_be_missing),
		cmocka_unit_test(test_other_protocols_lengths_and_operations_are_none),
		cmocka_unit_test(test_an_answer_goes_to_who_asked),
		cmocka_unit_test(test_a_probe_is_answered_and_claims_nothing),
		cmocka_unit_test(test_an_announcement_asks_for_itself),
		cmocka_unit_test(test_a_question_of_ours_claims_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
