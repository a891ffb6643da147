/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "objects.h"
#include "render/keepalived_conf.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

static struct real_server reals[1];

/* The simplest virtual server, to be varied. */
static struct virtual_server simple(void)
{
	struct virtual_server vs = {.vip = {.family = AF_INET},
		.port = 80,
		.protocol = IPPROTO_TCP,
		.scheduler = SCHEDULER_RR,
		.reals = reals,
		.n_reals = 1};
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&vs.vip, "10.1.1.1", &e), 0);
	assert_int_equal(ipaddr_parse(&reals[0].addr, "10.0.0.1", &e), 0);
	reals[0].port = 8080;
	reals[0].weight = 1;
	return vs;
}

static json_t *view_of(const struct virtual_server *vs)
{
	return keepalived_view(&vs, 1);
}

static void test_the_view_holds_every_name_with_its_type(void **state)
{
	struct virtual_server vs = simple();
	json_auto_t *view = view_of(&vs);
	json_auto_t *wanted = json_pack(
		"{s:[{s:s, s:b, s:i, s:s, s:s, s:b, s:b, s:b, s:b, s:[{s:s, s:i, s:i}]}]}",
		"virtual_servers", "vip", "10.1.1.1", "ipv6", 0, "port", 80, "protocol", "TCP",
		"scheduler", "rr", "mh", 0, "sh", 0, "persistence", 0, "check", 0, "real_servers",
		"address", "10.0.0.1", "port", 8080, "weight", 1);

	(void)state;
	assert_true(json_equal(view, wanted));
}

static void test_the_view_of_a_check(void **state)
{
	char path[] = "/healthz";
	struct virtual_server vs = simple();
	json_auto_t *wanted = json_pack("{s:b, s:b, s:s, s:i, s:i, s:i}", "tcp", 0, "http", 1,
		"path", "/healthz", "connect_port", 81, "interval", 5, "timeout", 3);
	json_auto_t *view = NULL;

	(void)state;
	vs.check = (struct health_check){CHECK_HTTP, path, 81, 5000000, 3000000};
	view = view_of(&vs);
	assert_true(json_equal(
		json_object_get(
			json_array_get(json_object_get(view, "virtual_servers"), 0), "check"),
		wanted));
}

static int render(const char *template, size_t wanted_len, struct err *e)
{
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r;

	assert_int_equal(mustache_parse(&m, template, strlen(template), e), 0);
	r = keepalived_conf_render(&text, &len, m, NULL, 0, NULL, e);
	if (r == 0)
		assert_int_equal(len, wanted_len);
	return r;
}

static void test_lines_are_shorter_than_keepalived_s_buffer(void **state)
{
	char line[LIMIT_KEEPALIVED_LINE + 8];
	struct err e = {0};

	(void)state;
	memset(line, 'x', sizeof line);
	line[LIMIT_KEEPALIVED_LINE - 1] = '\0';
	assert_int_equal(render(line, LIMIT_KEEPALIVED_LINE - 1, &e), 0);
	memcpy(line + LIMIT_KEEPALIVED_LINE - 1, "\nx\n", 4);
	assert_int_equal(render(line, LIMIT_KEEPALIVED_LINE + 2, &e), 0);
	memset(line, 'x', sizeof line);
	line[0] = '\n';
	line[LIMIT_KEEPALIVED_LINE + 1] = '\0';
	assert_int_equal(render(line, 0, &e), -EINVAL);
	assert_string_equal(
		e.msg, "line 2 of the result has 1000 bytes; keepalived takes less than 1000");
}

static void test_known_texts_are_used_and_others_become_known(void **state)
{
	static const char template[] = "<{{#virtual_servers}}{{vip}} {{/virtual_servers}}>"
				       "{{^virtual_servers}}none{{/virtual_servers}}"
				       "{{#virtual_servers}}{{port}}{{/virtual_servers}}";
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	CLEANUP_FREE char *first = NULL, *second = NULL, *known = NULL;
	static const uint8_t second_vip[] = {10, 1, 1, 2};
	struct virtual_server a = simple(), b = simple();
	const struct virtual_server *servers[] = {&a, &b};
	struct conf_text texts[2] = {0};
	struct err e = {0};
	size_t len;

	(void)state;
	b.vip = ipaddr_from_bytes(AF_INET, second_vip);
	assert_int_equal(mustache_parse(&m, template, strlen(template), &e), 0);
	assert_int_equal(keepalived_conf_render(&first, &len, m, servers, 2, texts, &e), 0);
	assert_string_equal(first, "<10.1.1.1 10.1.1.2 >8080");
	known = texts[0].text;
	assert_string_equal(known, "10.1.1.1 ");
	texts[0].text = xstrdup("known1.1 ");
	assert_int_equal(keepalived_conf_render(&second, &len, m, servers, 2, texts, &e), 0);
	assert_string_equal(second, "<known1.1 10.1.1.2 >8080");
	for (size_t i = 0; i < 2; i++)
		free(texts[i].text);
}

static void test_the_list_within_itself_is_refused(void **state)
{
	static const char template[] = "{{#virtual_servers}}\n{{#virtual_servers}}x"
				       "{{/virtual_servers}}{{/virtual_servers}}";
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	CLEANUP_FREE char *text = NULL;
	struct virtual_server vs = simple();
	const struct virtual_server *servers[] = {&vs};
	struct err e = {0};
	size_t len;

	(void)state;
	assert_int_equal(mustache_parse(&m, template, strlen(template), &e), 0);
	assert_int_equal(keepalived_conf_render(&text, &len, m, servers, 1, NULL, &e), -EINVAL);
	assert_string_equal(e.msg, "line 2: {{virtual_servers}} is within a section of itself");
}

static bool same_shape(const struct virtual_server *a, const struct virtual_server *b)
{
	CLEANUP_FREE char *one = virtual_server_shape(a), *other = virtual_server_shape(b);

	return strcmp(one, other) == 0;
}

static void test_numbers_do_not_change_a_shape(void **state)
{
	struct virtual_server a = simple(), b = simple();
	struct real_server more[2] = {{.port = 1, .weight = 0}, {.port = 2, .weight = 1}};

	(void)state;
	a.persistence = 1;
	a.check = (struct health_check){CHECK_TCP, NULL, 81, 5000000, 3000000};
	b.persistence = 2;
	b.check = (struct health_check){CHECK_TCP, NULL, 82, 6000000, 4000000};
	b.port = 81;
	b.vip.bytes[0] = 11;
	b.reals = more;
	b.n_reals = 2;
	assert_true(same_shape(&a, &b));
}

static void test_everything_else_does(void **state)
{
	char root[] = "/", path[] = "/x";
	struct virtual_server v[10];

	(void)state;
	for (size_t i = 0; i < 10; i++)
		v[i] = simple();
	v[1].protocol = IPPROTO_UDP;
	v[2].vip.family = AF_INET6;
	v[3].scheduler = SCHEDULER_MH;
	v[4].persistence = 1;
	v[5].check = (struct health_check){CHECK_TCP, NULL, 0, 1000000, 1000000};
	v[6].check = (struct health_check){CHECK_TCP, NULL, 81, 1000000, 1000000};
	v[7].check = (struct health_check){CHECK_HTTP, root, 0, 1000000, 1000000};
	v[8].check = (struct health_check){CHECK_HTTP, path, 0, 1000000, 1000000};
	v[9].check = (struct health_check){CHECK_HTTP, path, 81, 1000000, 1000000};
	for (size_t i = 0; i < 10; i++)
		for (size_t j = 0; j < 10; j++)
			assert_int_equal(same_shape(&v[i], &v[j]), i == j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_view_holds_every_name_with_its_type),
		cmocka_unit_test(test_the_view_of_a_check),
		cmocka_unit_test(test_lines_are_shorter_than_keepalived_s_buffer),
		cmocka_unit_test(test_known_texts_are_used_and_others_become_known),
		cmocka_unit_test(test_the_list_within_itself_is_refused),
		cmocka_unit_test(test_numbers_do_not_change_a_shape),
		cmocka_unit_test(test_everything_else_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
