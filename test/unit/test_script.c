/* SPDX-License-Identifier: Apache-2.0 */
#include "table/script.h"

#include <stdio.h>

#include "addresses.h"
#include "objects.h"

struct line {
	const char *pod, *vip;
	uint16_t port, target;
};

/* Sorted lines; the last one is empty. */
static struct content *content_of(
	const struct line lines[], const char *const sources[], const struct content *before)
{
	CLEANUP(plan_freep) struct plan *p = xnew0(struct plan);
	struct content *c = NULL;
	struct ipnet nets[8];
	struct err e = {0};
	static const struct ids none = {0};
	size_t n = 0;

	p->gue_port = 6080;
	p->entries = xcalloc(64, sizeof *p->entries);
	for (; lines->pod; lines++)
		p->entries[p->n_entries++] = (struct plan_entry){addr_of(lines->pod),
			{addr_of(lines->vip), IPPROTO_TCP, lines->port}, lines->target};
	for (; sources[n]; n++)
		assert_int_equal(ipnet_parse(&nets[n], sources[n], &e), 0);
	assert_int_equal(
		content_build(&c, AF_INET, p, nets, n, before ? &before->ids : &none, &e), 0);
	return c;
}

static const char *const one_lb[] = {"172.16.1.2", NULL};
static const struct line two_pods[] = {
	{"10.0.0.1", "10.1.1.1", 80, 8080},
	{"10.0.0.2", "10.1.1.1", 80, 8080},
	{0},
};

static void expect_change(const struct content *from, const struct content *to, const char *wanted)
{
	CLEANUP_FREE char *text = script_change(AF_INET, from, to);

	if (!wanted)
		assert_null(text);
	else
		assert_string_equal(text, wanted);
}

static void test_a_table_has_all_of_its_family(void **state)
{
	static const struct line lines[] = {{"10.0.0.1", "10.1.1.1", 80, 8080},
		{"10.0.0.1", "10.1.1.2", 80, 9090}, {"fd00::a", "fd00::1", 80, 8080}, {0}};
	CLEANUP(content_freep) struct content *c = content_of(lines, one_lb, NULL);
	CLEANUP_FREE char *text = script_fill(AF_INET, c, 1440, SCRIPT_OVER);

	(void)state;
	assert_non_null(strstr(text,
		"add element ip kago-node endpoints { 1 . 10.1.1.1 . tcp . 80 : 10.0.0.1 . 8080, "
		"1 . 10.1.1.2 . tcp . 80 : 10.0.0.1 . 9090 }\n"
		"add element ip kago-node pods { 10.0.0.1 : 1 }\n"
		"add element ip kago-node vips { 10.1.1.1, 10.1.1.2 }\n"
		"add element ip kago-node sources { 172.16.1.2/32 }\n"));
	assert_non_null(strstr(text, "maxseg size set 1440"));
	assert_non_null(strstr(text, " udp dport 6080 @th,64,32 0x00040000 ip saddr @sources "));
	assert_null(strstr(text, "fd00"));
	assert_null(strstr(text, "delete table"));
}

static void test_what_the_kernel_is_asked_for_is_counted(void **state)
{
	CLEANUP(content_freep) struct content *c = content_of(two_pods, one_lb, NULL);
	CLEANUP_FREE char *text = script_fill(AF_INET, c, 1440, SCRIPT_ANEW);
	size_t rules = 0;

	(void)state;
	for (const char *at = strstr(text, "add rule"); at; at = strstr(at + 1, "add rule"))
		rules++;
	assert_int_equal(rules, SCRIPT_RULES);
	assert_int_equal(script_set_size(c, SCRIPT_PODS), 2);
	assert_int_equal(script_set_size(c, SCRIPT_ENDPOINTS), 2);
	assert_int_equal(script_set_size(c, SCRIPT_VIPS), 1);
	assert_int_equal(script_set_size(c, SCRIPT_SOURCES), 1);
	assert_non_null(strstr(text, "delete table ip kago-node\n"));
}

static void test_a_change_says_what_is_other_and_nothing_else(void **state)
{
	static const struct line later[] = {
		{"10.0.0.2", "10.1.1.1", 80, 9090}, {"10.0.0.3", "10.1.1.2", 80, 8080}, {0}};
	static const char *const other_lb[] = {"172.16.2.2", NULL};
	CLEANUP(content_freep) struct content *a = content_of(two_pods, one_lb, NULL);
	CLEANUP(content_freep) struct content *b = content_of(later, other_lb, a);

	(void)state;
	expect_change(a, a, NULL);
	expect_change(a, b,
		"delete element ip kago-node endpoints { 1 . 10.1.1.1 . tcp . 80, "
		"2 . 10.1.1.1 . tcp . 80 }\n"
		"delete element ip kago-node pods { 10.0.0.1 }\n"
		"delete element ip kago-node sources { 172.16.1.2/32 }\n"
		"add element ip kago-node endpoints { 2 . 10.1.1.1 . tcp . 80 : 10.0.0.2 . 9090, "
		"3 . 10.1.1.2 . tcp . 80 : 10.0.0.3 . 8080 }\n"
		"add element ip kago-node pods { 10.0.0.3 : 3 }\n"
		"add element ip kago-node vips { 10.1.1.2 }\n"
		"add element ip kago-node sources { 172.16.2.2/32 }\n");
}

static void test_sources_inside_others_are_left_out(void **state)
{
	static const char *const nested[] = {
		"172.16.1.2", "fd00::2", "172.16.0.0/16", "172.17.0.1", "172.17.0.1", NULL};
	CLEANUP(content_freep) struct content *c = content_of(two_pods, nested, NULL);
	char text[IPNET_TEXT];

	(void)state;
	assert_int_equal(c->n_sources, 2);
	assert_string_equal(ipnet_format(text, &c->sources[0]), "172.16.0.0/16");
	assert_string_equal(ipnet_format(text, &c->sources[1]), "172.17.0.1/32");
}

/* Whose address ends alike, by 14 bits, get other numbers, and keep them. */
static void test_pods_keep_their_numbers(void **state)
{
	static const struct line clash[] = {{"10.0.0.1", "10.1.1.1", 80, 80},
		{"10.0.64.0", "10.1.1.1", 80, 80}, {"10.0.64.1", "10.1.1.1", 80, 80}, {0}};
	static const struct line rest[] = {
		{"10.0.64.0", "10.1.1.1", 80, 80}, {"10.0.64.1", "10.1.1.1", 80, 80}, {0}};
	CLEANUP(content_freep) struct content *a = content_of(clash, one_lb, NULL);
	CLEANUP(content_freep) struct content *b = content_of(rest, one_lb, a);
	const struct ipaddr first = addr_of("10.0.0.1"), zero = addr_of("10.0.64.0"),
			    last = addr_of("10.0.64.1");

	(void)state;
	assert_int_equal(ids_find(&a->ids, &first), 1);
	assert_int_equal(ids_find(&a->ids, &zero), 2);
	assert_int_equal(ids_find(&a->ids, &last), 3);
	assert_int_equal(ids_find(&b->ids, &first), 0);
	assert_int_equal(ids_find(&b->ids, &zero), 2);
	assert_int_equal(ids_find(&b->ids, &last), 3);
}

static void test_more_pods_than_numbers_are_refused(void **state)
{
	static struct ipaddr pods[IDS_MAX + 1];
	static const struct ids none = {0};
	struct ids ids = {0};
	struct err e = {0};

	(void)state;
	pods[0] = addr_of("10.0.0.1");
	for (size_t i = 1; i <= IDS_MAX; i++) {
		pods[i] = pods[i - 1];
		ipaddr_step(&pods[i]);
	}
	assert_int_equal(ids_next(&ids, &none, pods, IDS_MAX + 1, &e), -EFBIG);
	assert_int_equal(ids_next(&ids, &none, pods, IDS_MAX, &e), 0);
	ids_done(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_table_has_all_of_its_family),
		cmocka_unit_test(test_what_the_kernel_is_asked_for_is_counted),
		cmocka_unit_test(test_a_change_says_what_is_other_and_nothing_else),
		cmocka_unit_test(test_sources_inside_others_are_left_out),
		cmocka_unit_test(test_pods_keep_their_numbers),
		cmocka_unit_test(test_more_pods_than_numbers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
