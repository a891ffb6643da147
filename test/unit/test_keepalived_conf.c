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
		"{s:[{s:s, s:b, s:i, s:s, s:s, s:b, s:b, s:b, s:b, s:[{s:s, s:i, s:i, s:b, s:b}]}]"
		"}",
		"virtual_servers", "vip", "10.1.1.1", "ipv6", 0, "port", 80, "protocol", "TCP",
		"scheduler", "rr", "mh", 0, "sh", 0, "persistence", 0, "check", 0, "real_servers",
		"address", "10.0.0.1", "port", 8080, "weight", 1, "tunnel", 0, "check_port", 0);

	(void)state;
	assert_true(json_equal(view, wanted));
}

static void assert_real(const struct virtual_server *vs, const char *type, int port, int checked)
{
	json_auto_t *view = view_of(vs);
	const json_t *server = json_array_get(json_object_get(view, "virtual_servers"), 0);
	const json_t *real = json_array_get(json_object_get(server, "real_servers"), 0);
	const json_t *tunnel = json_object_get(real, "tunnel");

	assert_string_equal(json_string_value(json_object_get(tunnel, "type")), type);
	assert_int_equal(json_integer_value(json_object_get(tunnel, "port")), port);
	assert_int_equal(json_integer_value(json_object_get(real, "check_port")), checked);
}

static void test_the_view_of_a_tunnel(void **state)
{
	struct virtual_server vs = simple();

	(void)state;
	reals[0].port = 80;
	reals[0].target = 8080;
	reals[0].forward.method = FORWARD_TUNNEL;
	assert_real(&vs, "ipip", 0, 8080);
	reals[0].target = 80;
	assert_real(&vs, "ipip", 0, 0);
	vs.check.port = 81;
	reals[0].forward = (struct forward){FORWARD_TUNNEL, ENCAPSULATION_GUE, 6080};
	assert_real(&vs, "gue", 6080, 81);
	reals[0] = (struct real_server){0};
}

static void test_the_view_of_a_check(void **state)
{
	char path[] = "/healthz", codes[] = "200";
	struct virtual_server vs = simple();
	json_auto_t *wanted = json_pack("{s:b, s:b, s:b, s:s, s:s, s:b, s:i, s:i, s:i}", "tcp", 0,
		"http", 1, "https", 0, "path", "/healthz", "codes", "200", "host", 0,
		"connect_port", 81, "interval", 5, "timeout", 3);
	json_auto_t *view = NULL;

	(void)state;
	vs.check = (struct health_check){.type = CHECK_HTTP,
		.path = path,
		.codes = codes,
		.port = 81,
		.interval = 5000000,
		.timeout = 3000000};
	view = view_of(&vs);
	assert_true(json_equal(
		json_object_get(
			json_array_get(json_object_get(view, "virtual_servers"), 0), "check"),
		wanted));
}

/* Nothing of it is left in what comes next. */
static void set_to_richest(json_t *view)
{
	char path[] = "/healthz", codes[] = "200", host[] = "example.org";
	struct real_server many[3] = {0};
	struct virtual_server vs = simple();

	vs.scheduler = SCHEDULER_MH;
	vs.persistence = 300;
	vs.check = (struct health_check){
		.type = CHECK_HTTPS, .path = path, .codes = codes, .host = host, .port = 81};
	for (size_t i = 0; i < 3; i++) {
		many[i] = reals[0];
		many[i].target = 8081;
		many[i].forward = (struct forward){FORWARD_TUNNEL, ENCAPSULATION_GUE, 6080};
	}
	vs.reals = many;
	vs.n_reals = 3;
	keepalived_view_set(view, &vs);
	assert_int_equal(json_array_size(json_object_get(view, "real_servers")), 3);
}

static void test_a_view_is_made_of_that_of_another_one(void **state)
{
	struct virtual_server vs = simple();
	json_auto_t *fresh = json_object(), *used = json_object();

	(void)state;
	keepalived_view_set(fresh, &vs);
	set_to_richest(used);
	assert_false(json_equal(used, fresh));
	keepalived_view_set(used, &vs);
	assert_true(json_equal(used, fresh));
	set_to_richest(fresh);
	set_to_richest(used);
	assert_true(json_equal(used, fresh));
}

static int render(const char *template, size_t wanted_len, struct err *e)
{
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r;

	assert_int_equal(mustache_parse(&m, template, strlen(template), e), 0);
	r = keepalived_conf_render(&text, &len, m, NULL, 0, e);
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
	assert_int_equal(keepalived_conf_render(&text, &len, m, servers, 1, &e), -EINVAL);
	assert_string_equal(e.msg, "line 2: {{virtual_servers}} is within a section of itself");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_view_holds_every_name_with_its_type),
		cmocka_unit_test(test_the_view_of_a_tunnel),
		cmocka_unit_test(test_the_view_of_a_check),
		cmocka_unit_test(test_a_view_is_made_of_that_of_another_one),
		cmocka_unit_test(test_lines_are_shorter_than_keepalived_s_buffer),
		cmocka_unit_test(test_the_list_within_itself_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
