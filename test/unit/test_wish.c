/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"
#include "objects/wish.h"

/* A Service with these annotations and this spec. */
static json_t *service(const char *annotations, const char *spec)
{
	CLEANUP_FREE char *yaml =
		xasprintf("metadata: {annotations: {%s}}\nspec: {%s}\n", annotations, spec);

	return object_of(yaml);
}

/* "VIPS pool=POOL share=KEY WANTED/NEEDED of FAMILIES". */
static char *describe(const struct wish *w)
{
	char addr[IPADDR_TEXT], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < w->n_vips; i++)
		fprintf(out, "%s ", ipaddr_format(addr, &w->vips[i]));
	if (w->pool)
		fprintf(out, "pool=%s ", w->pool);
	if (w->share)
		fprintf(out, "share=%s ", w->share);
	fprintf(out, "%u/%u of", w->n_wanted, w->n_needed);
	for (unsigned i = 0; i < w->n_families; i++)
		fprintf(out, " %s", wish_family_name(w->families[i]));
	fclose(out);
	return text;
}

static void expect(const char *annotations, const char *spec, const char *wanted)
{
	json_auto_t *object = service(annotations, spec);
	CLEANUP_FREE char *text = NULL;
	enum reason reason;
	struct err e = {0};
	struct wish w;

	if (wish_parse(&w, &reason, object, &e) < 0)
		fail_msg("%s: %s", reason_name(reason), e.msg);
	text = describe(&w);
	assert_string_equal(text, wanted);
	wish_done(&w);
}

static void expect_refused(
	const char *annotations, const char *spec, const char *wanted_reason, const char *message)
{
	json_auto_t *object = service(annotations, spec);
	struct wish w = {.n_wanted = 7};
	enum reason reason = REASON_NONE;
	struct err e = {0};

	assert_int_equal(wish_parse(&w, &reason, object, &e), -EINVAL);
	assert_string_equal(e.msg, message);
	assert_string_equal(reason_name(reason), wanted_reason);
	assert_int_equal(w.n_wanted, 7);
}

static void bad_annotation(const char *annotation, const char *message)
{
	expect_refused(annotation, "", "InvalidAnnotation", message);
}

static void bad_spec(const char *spec, const char *message)
{
	expect_refused("", spec, "InvalidSpec", message);
}

static void test_who_says_nothing_takes_any_address(void **state)
{
	(void)state;
	expect("", "", "1/1 of IPv4 IPv6");
	expect("", "loadBalancerIP: ''", "1/1 of IPv4 IPv6");
}

static void test_vips_come_sorted_and_once(void **state)
{
	(void)state;
	expect("kago.dev/vip: ' fd00::2 ,10.1.1.2,10.1.1.1  , fd00:0::2'",
		"loadBalancerIP: 10.1.1.3", "10.1.1.1 10.1.1.2 10.1.1.3 fd00::2 1/1 of IPv4 IPv6");
	expect("", "loadBalancerIP: 10.1.1.3", "10.1.1.3 1/1 of IPv4 IPv6");
}

static void test_a_vip_is_one_unicast_address(void **state)
{
	(void)state;
	bad_annotation(
		"kago.dev/vip: '10.1.1.1,,10.1.1.2'", "kago.dev/vip: '' is not an IP address");
	bad_annotation("kago.dev/vip: ''", "kago.dev/vip: '' is not an IP address");
	bad_annotation(
		"kago.dev/vip: 10.1.1.0/24", "kago.dev/vip: '10.1.1.0/24' is not an IP address");
	bad_annotation("kago.dev/vip: 224.0.0.1",
		"kago.dev/vip: '224.0.0.1' cannot be a VIP: it is not a unicast address");
	bad_annotation("kago.dev/vip: 'fe80::1'",
		"kago.dev/vip: 'fe80::1' cannot be a VIP: it is not a unicast address");
	bad_spec("loadBalancerIP: x", "spec.loadBalancerIP: 'x' is not an IP address");
	bad_annotation("kago.dev/vip: '1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,"
		       "1.0.0.8,1.0.0.9,1.0.0.10,1.0.0.11,1.0.0.12,1.0.0.13,1.0.0.14,1.0.0.15,"
		       "1.0.0.16,1.0.0.17'",
		"kago.dev/vip: more than 16 VIPs");
}

static void test_pool_and_key_are_names(void **state)
{
	(void)state;
	expect("kago.dev/pool: shop, kago.dev/share: A_b-1.2", "",
		"pool=shop share=A_b-1.2 1/1 of IPv4 IPv6");
	bad_annotation("kago.dev/pool: Shop",
		"kago.dev/pool: 'Shop' is not the name of a pool, a DNS name");
	bad_annotation(
		"kago.dev/pool: ''", "kago.dev/pool: '' is not the name of a pool, a DNS name");
	bad_annotation("kago.dev/share: 'a b'",
		"kago.dev/share: 'a b' is not 1 to 63 of A-Z a-z 0-9 . _ -");
	bad_annotation(
		"kago.dev/share: ''", "kago.dev/share: '' is not 1 to 63 of A-Z a-z 0-9 . _ -");
	bad_annotation("kago.dev/share: "
		       "1234567890123456789012345678901234567890123456789012345678901234x",
		"kago.dev/share: '123456789012345678901234567890123456789012345678901234567890...' "
		"is not 1 to 63 of A-Z a-z 0-9 . _ -");
}

static void test_the_names_of_metallb_are_understood(void **state)
{
	static const char *const prefixes[] = {"metallb.io", "metallb.universe.tf"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_FREE char *all =
			xasprintf("%s/loadBalancerIPs: '10.1.1.2,10.1.1.1', %s/address-pool: shop, "
				  "%s/allow-shared-ip: key",
				prefixes[i], prefixes[i], prefixes[i]);

		expect(all, "", "10.1.1.1 10.1.1.2 pool=shop share=key 1/1 of IPv4 IPv6");
	}
	bad_annotation("metallb.io/loadBalancerIPs: x",
		"metallb.io/loadBalancerIPs: 'x' is not an IP address");
}

static void test_values_of_metallb_are_read_as_it_reads_them(void **state)
{
	(void)state;
	expect("metallb.io/loadBalancerIPs: '', metallb.io/address-pool: ' ', "
	       "metallb.io/allow-shared-ip: ''",
		"", "1/1 of IPv4 IPv6");
	expect("metallb.io/loadBalancerIPs: ' 10.1.1.1 ', metallb.io/address-pool: ' a.b ', "
	       "metallb.io/allow-shared-ip: ' any text, at all '",
		"", "10.1.1.1 pool=a.b share=any text, at all 1/1 of IPv4 IPv6");
}

static void test_two_names_for_one_thing_have_to_agree(void **state)
{
	(void)state;
	expect("kago.dev/vip: '10.1.1.1, 10.1.1.2', "
	       "metallb.io/loadBalancerIPs: '10.1.1.2,10.1.1.1', "
	       "metallb.universe.tf/loadBalancerIPs: '10.1.1.1,10.1.1.2'",
		"", "10.1.1.1 10.1.1.2 1/1 of IPv4 IPv6");
	bad_annotation("kago.dev/vip: 10.1.1.1, metallb.io/loadBalancerIPs: 10.1.1.2",
		"kago.dev/vip: '10.1.1.1' is not what metallb.io/loadBalancerIPs says, "
		"'10.1.1.2'; remove one of them");
	bad_annotation("metallb.io/address-pool: a, metallb.universe.tf/address-pool: b",
		"metallb.io/address-pool: 'a' is not what metallb.universe.tf/address-pool says, "
		"'b'; remove one of them");
	bad_annotation("kago.dev/share: a, metallb.universe.tf/allow-shared-ip: b",
		"kago.dev/share: 'a' is not what metallb.universe.tf/allow-shared-ip says, 'b'; "
		"remove one of them");
	bad_annotation("kago.dev/vip: 10.1.1.1, metallb.io/loadBalancerIPs: x",
		"metallb.io/loadBalancerIPs: 'x' is not an IP address");
}

static void test_families_follow_the_policy(void **state)
{
	(void)state;
	expect("", "ipFamilies: [IPv6]", "1/1 of IPv6");
	expect("", "ipFamilyPolicy: SingleStack, ipFamilies: [IPv6, IPv4]", "1/1 of IPv6");
	expect("", "ipFamilyPolicy: SingleStack", "1/1 of IPv4 IPv6");
	expect("", "ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4]", "2/1 of IPv6 IPv4");
	expect("", "ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4]", "1/1 of IPv4");
	expect("", "ipFamilyPolicy: PreferDualStack", "2/1 of IPv4 IPv6");
	expect("", "ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv6, IPv4]",
		"2/2 of IPv6 IPv4");
	expect("", "ipFamilyPolicy: RequireDualStack", "2/2 of IPv4 IPv6");
}

static void test_wrong_families_are_refused(void **state)
{
	(void)state;
	bad_spec("ipFamilyPolicy: Dual",
		"spec.ipFamilyPolicy: 'Dual' is none of SingleStack, PreferDualStack, "
		"RequireDualStack");
	bad_spec("ipFamilies: [IPv5]", "spec.ipFamilies[0]: 'IPv5' is neither IPv4 nor IPv6");
	bad_spec("ipFamilies: [4]", "spec.ipFamilies[0]: must be a string, not a whole number");
	bad_spec("ipFamilies: [IPv4, IPv4]", "spec.ipFamilies: IPv4 is there twice");
	bad_spec("ipFamilies: [IPv4, IPv6, IPv4]", "spec.ipFamilies: more than 2");
	expect_refused("kago.dev/vip: '10.1.1.1,fd00::1'", "ipFamilies: [IPv4]", "InvalidSpec",
		"spec.ipFamilies: has only IPv4, but the VIP fd00::1 is IPv6");
}

static void test_every_part_makes_a_difference(void **state)
{
	static const char *const wishes[][2] = {{"", ""}, {"kago.dev/vip: 10.1.1.1", ""},
		{"kago.dev/vip: 10.1.1.2", ""}, {"kago.dev/pool: a", ""}, {"kago.dev/pool: b", ""},
		{"kago.dev/share: a", ""}, {"kago.dev/share: b", ""}, {"", "ipFamilies: [IPv4]"},
		{"", "ipFamilies: [IPv6]"}, {"", "ipFamilyPolicy: PreferDualStack"},
		{"", "ipFamilyPolicy: RequireDualStack"}};
	enum { N = sizeof wishes / sizeof wishes[0] };
	struct wish parsed[N];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		json_auto_t *object = service(wishes[i][0], wishes[i][1]);
		enum reason reason;
		struct err e = {0};

		assert_int_equal(wish_parse(&parsed[i], &reason, object, &e), 0);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < N; k++)
			assert_int_equal(wish_equal(&parsed[i], &parsed[k]), i == k);
	for (size_t i = 0; i < N; i++)
		wish_done(&parsed[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_says_nothing_takes_any_address),
		cmocka_unit_test(test_vips_come_sorted_and_once),
		cmocka_unit_test(test_a_vip_is_one_unicast_address),
		cmocka_unit_test(test_pool_and_key_are_names),
		cmocka_unit_test(test_the_names_of_metallb_are_understood),
		cmocka_unit_test(test_values_of_metallb_are_read_as_it_reads_them),
		cmocka_unit_test(test_two_names_for_one_thing_have_to_agree),
		cmocka_unit_test(test_families_follow_the_policy),
		cmocka_unit_test(test_wrong_families_are_refused),
		cmocka_unit_test(test_every_part_makes_a_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
