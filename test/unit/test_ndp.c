/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/ndp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "addresses.h"
#include "macs.h"

/* 2001:db8::1, which is 02:00:00:00:00:01, asks for 2001:db8::10. */
static const uint8_t question[] = {0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, 0x20, 0x01, 0x0d,
	0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0x02,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0x00, 0x00, 0x10, 0x87,
	0x00, 0x1c, 0x0b, 0x00, 0x00, 0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x01, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00,
	0x01};

/* 2001:db8::10 answers that it is at 02:00:00:00:00:07; solicited, override. */
static const uint8_t answer[] = {0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, 0x20, 0x01, 0x0d,
	0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x20, 0x01,
	0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x88,
	0x00, 0x8a, 0x50, 0x60, 0x00, 0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x02, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00,
	0x07};

/* Is 2001:db8::10 free? */
static const uint8_t probe[] = {0x60, 0x00, 0x00, 0x00, 0x00, 0x18, 0x3a, 0xff, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0x02,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0x00, 0x00, 0x10, 0x87,
	0x00, 0x4c, 0xcf, 0x00, 0x00, 0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10};

enum { SOURCE = 8, DESTINATION = 24, BODY = 40, TARGET = 48, OPTION = 64 };

static void assert_addr(const struct ipaddr *found, const char *wanted)
{
	char text[IPADDR_TEXT];

	assert_string_equal(ipaddr_format(text, found), wanted);
}

static struct ndp parsed(const uint8_t *data, size_t len)
{
	struct ndp n = {0};

	assert_true(ndp_parse(&n, data, len));
	return n;
}

static void assert_built(const struct ndp *n, const uint8_t *wanted, size_t len)
{
	uint8_t data[NDP_BYTES];

	assert_int_equal(ndp_build(data, n), len);
	assert_memory_equal(data, wanted, len);
}

static void test_a_question_is_understood(void **state)
{
	const struct ndp n = parsed(question, sizeof question);
	const struct mac sender = mac_number(1);

	(void)state;
	assert_int_equal(n.type, NDP_SOLICITATION);
	assert_addr(&n.source, "2001:db8::1");
	assert_addr(&n.destination, "ff02::1:ff00:10");
	assert_addr(&n.target, "2001:db8::10");
	assert_true(n.has_mac);
	assert_mac(&n.mac, &sender);
	assert_built(&n, question, sizeof question);
}

static void test_an_answer_goes_to_who_asked(void **state)
{
	const struct ndp asked = parsed(question, sizeof question);
	const struct mac ours = mac_number(7);
	const struct ndp n = ndp_answer(&asked, &ours), read = parsed(answer, sizeof answer);

	(void)state;
	assert_built(&n, answer, sizeof answer);
	assert_true(read.solicited && read.override && read.has_mac);
	assert_mac(&read.mac, &ours);
}

/* RFC 4862, section 5.4.4: who asks has no address yet. */
static void test_who_asks_whether_it_is_free_is_told_with_all(void **state)
{
	const struct ndp asked = parsed(probe, sizeof probe);
	const struct mac ours = mac_number(7);
	const struct ndp n = ndp_answer(&asked, &ours);

	(void)state;
	assert_addr(&asked.source, "::");
	assert_addr(&n.destination, "ff02::1");
	assert_false(n.solicited);
	assert_true(n.override);
}

/* RFC 4862, section 5.4.2. */
static void test_a_question_of_ours_claims_nothing(void **state)
{
	const struct ipaddr vip = addr_of("2001:db8::10");
	const struct ndp n = ndp_probe(&vip);

	(void)state;
	assert_built(&n, probe, sizeof probe);
}

static void test_an_announcement_overrides(void **state)
{
	const struct ipaddr vip = addr_of("2001:db8::10");
	const struct mac ours = mac_number(7);
	const struct ndp n = ndp_announcement(&vip, &ours);
	uint8_t data[NDP_BYTES];
	struct ndp read;

	(void)state;
	read = parsed(data, ndp_build(data, &n));
	assert_int_equal(read.type, NDP_ADVERTISEMENT);
	assert_addr(&read.target, "2001:db8::10");
	assert_addr(&read.destination, "ff02::1");
	assert_true(read.override && !read.solicited && read.has_mac);
	assert_mac(&read.mac, &ours);
}

static void test_a_group_has_the_end_of_the_address(void **state)
{
	const struct ipaddr a = addr_of("2001:db8::12:3456:789a");
	const struct ipaddr group = ndp_group(&a);

	(void)state;
	assert_addr(&group, "ff02::1:ff56:789a");
}

static void test_nothing_may_be_missing_or_other_than_it_was_sent(void **state)
{
	uint8_t data[sizeof question];
	struct ndp n;

	(void)state;
	for (size_t len = 0; len < sizeof question; len++)
		assert_false(ndp_parse(&n, question, len));
	/* The flow label and the reserved bits of the header are in no checksum. */
	for (size_t i = 0; i < sizeof question; i++) {
		memcpy(data, question, sizeof data);
		data[i] ^= 0x01;
		assert_int_equal(ndp_parse(&n, data, sizeof data), i < 4);
	}
}

/* Makes the checksum right again: RFC 1624 with the one's complement sums of what differs. */
static void put(uint8_t *data, size_t at, uint16_t value)
{
	uint32_t before = (uint32_t)data[at] << 8 | data[at + 1];
	uint32_t sum = (uint32_t)data[BODY + 2] << 8 | data[BODY + 3];

	sum = (~sum & 0xffff) + (~before & 0xffff) + value;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	data[at] = (uint8_t)(value >> 8);
	data[at + 1] = (uint8_t)value;
	data[BODY + 2] = (uint8_t)(sum >> 8);
	data[BODY + 3] = (uint8_t)sum;
}

static void test_what_the_rfc_forbids_is_dropped(void **state)
{
	static const struct {
		const uint8_t *base;
		size_t len, at;
		uint16_t value;
	} wrong[] = {
		{question, sizeof question, BODY, 135 << 8 | 1}, /* a code */
		{question, sizeof question, BODY, 134 << 8},     /* a router's */
		{question, sizeof question, TARGET, 0xff02},     /* a group's */
		{question, sizeof question, SOURCE, 0xff02},     /* from a group */
		{question, sizeof question, OPTION, 0x0100},     /* an option of no length */
		{question, sizeof question, OPTION, 0x0102},     /* one that ends behind it */
		{answer, sizeof answer, DESTINATION, 0xff02},    /* solicited, to a group */
		{probe, sizeof probe, DESTINATION, 0x2001},      /* a probe for one only */
	};
	struct ndp n;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		uint8_t data[NDP_BYTES];

		memcpy(data, wrong[i].base, wrong[i].len);
		put(data, wrong[i].at, wrong[i].value);
		if (ndp_parse(&n, data, wrong[i].len))
			fail_msg("number %zu is taken", i);
	}
}

static void test_options_that_are_not_known_are_passed_over(void **state)
{
	uint8_t data[sizeof question];
	struct ndp n;

	(void)state;
	memcpy(data, question, sizeof data);
	put(data, OPTION, 14 << 8 | 1); /* a nonce (RFC 3971) */
	n = parsed(data, sizeof data);
	assert_false(n.has_mac);
}

static void test_ethernet_may_pad(void **state)
{
	uint8_t data[sizeof question + 6] = {0};
	struct ndp n;

	(void)state;
	memcpy(data, question, sizeof question);
	assert_true(ndp_parse(&n, data, sizeof data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_question_is_understood),
		cmocka_unit_test(test_an_answer_goes_to_who_asked),
		cmocka_unit_test(test_who_asks_whether_it_is_free_is_told_with_all),
		cmocka_unit_test(test_a_question_of_ours_claims_nothing),
		cmocka_unit_test(test_an_announcement_overrides),
		cmocka_unit_test(test_a_group_has_the_end_of_the_address),
		cmocka_unit_test(test_nothing_may_be_missing_or_other_than_it_was_sent),
		cmocka_unit_test(test_what_the_rfc_forbids_is_dropped),
		cmocka_unit_test(test_options_that_are_not_known_are_passed_over),
		cmocka_unit_test(test_ethernet_may_pad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
