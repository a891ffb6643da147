/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/vrrp_conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "base/mem.h"
#include "vrrp/share.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

#define TEMPLATE KAGO_SOURCE_DIR "/templates/vrrp.conf.mustache"

static struct config config_of(char *folder, uint64_t interval)
{
	return (struct config){.l2 = {.interval = interval, .state_dir = folder}};
}

static char *text_of(const struct config *c, const struct roster *roster)
{
	CLEANUP(mustache_freep) struct mustache *template = NULL;
	char *text = NULL;
	struct err e = {0};

	if (mustache_load(&template, TEMPLATE, &e) < 0 ||
		vrrp_conf_text(&text, template, c, roster, "eth0", &e) < 0)
		fail_msg("%s", e.msg);
	return text;
}

static char *ipv4_text(char *folder, uint64_t interval)
{
	struct ipaddr peers[] = {addr_of("172.16.2.11"), addr_of("172.16.3.11")};
	const struct roster roster = {addr_of("172.16.1.11"), peers, 2};
	const struct config c = config_of(folder, interval);

	return text_of(&c, &roster);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

static void test_an_instance(void **state)
{
	static char folder[] = "/run/kago-l2";
	const struct ipaddr own = addr_of("172.16.1.11");
	CLEANUP_FREE char *text = ipv4_text(folder, 300 * 1000), *expected = NULL;

	(void)state;
	expected = xasprintf("track_file share3 {\n"
			     "    file \"/run/kago-l2/share3\"\n"
			     "}\n"
			     "\n"
			     "vrrp_instance share3 {\n"
			     "    version 3\n"
			     "    state BACKUP\n"
			     "    interface eth0\n"
			     "    virtual_router_id 4\n"
			     "    priority %u\n"
			     "    advert_int 0.30\n"
			     "    unicast_src_ip 172.16.1.11\n"
			     "    unicast_peer {\n"
			     "        172.16.2.11\n"
			     "        172.16.3.11\n"
			     "    }\n"
			     "    track_file {\n"
			     "        share3 weight 1\n"
			     "    }\n"
			     "    virtual_ipaddress {\n"
			     "        169.254.112.4/32 dev lo\n"
			     "    }\n"
			     "}\n",
		share_priority(&own, 3, false));
	assert_non_null(strstr(text, expected));
	assert_int_equal(count(text, "vrrp_instance share"), SHARES);
}

static void test_what_all_have(void **state)
{
	static char folder[] = "/run/kago-l2";
	CLEANUP_FREE char *text = ipv4_text(folder, 300 * 1000);

	(void)state;
	assert_non_null(strstr(text, "    vrrp_notify_fifo /run/kago-l2/words\n"));
	assert_non_null(strstr(text, "    vrrp_check_unicast_src\n"));
	assert_int_equal(count(text, "notify_priority_changes"), 1);
	assert_non_null(strstr(text, "vrrp_instance pulse {\n"));
	assert_non_null(strstr(text, "    advert_int 40\n"));
}

/* VRRP counts in hundredths of a second. */
static void test_intervals_are_rounded_up(void **state)
{
	static char folder[] = "/run/kago-l2";
	CLEANUP_FREE char *one = ipv4_text(folder, 1230 * 1000),
			  *other = ipv4_text(folder, 1230 * 1000 + 1);

	(void)state;
	assert_int_equal(count(one, "    advert_int 1.23\n"), SHARES);
	assert_int_equal(count(other, "    advert_int 1.24\n"), SHARES);
}

static void test_ipv6(void **state)
{
	static char folder[] = "/run/kago-l2";
	struct ipaddr peers[] = {addr_of("fd00:2::11")};
	const struct roster roster = {addr_of("fd00:1::11"), peers, 1};
	const struct config c = config_of(folder, 300 * 1000);
	CLEANUP_FREE char *text = text_of(&c, &roster);

	(void)state;
	assert_int_equal(count(text, "    unicast_src_ip fd00:1::11\n"), SHARES + 1);
	assert_int_equal(count(text, "        fd00:2::11\n"), SHARES + 1);
	assert_int_equal(count(text, "        fe80::112:10/128 dev lo\n"), 1);
	assert_int_equal(count(text, "169.254."), 0);
}

static void test_a_folder_that_would_say_something_else(void **state)
{
	static char folder[] = "/run/a\"\n}";
	struct ipaddr peers[] = {addr_of("172.16.2.11")};
	const struct roster roster = {addr_of("172.16.1.11"), peers, 1};
	const struct config c = config_of(folder, 300 * 1000);
	json_t *view = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(vrrp_conf_view(&view, &c, &roster, "eth0", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "l2.stateDir: '/run/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_instance),
		cmocka_unit_test(test_what_all_have),
		cmocka_unit_test(test_intervals_are_rounded_up),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_a_folder_that_would_say_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
