/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/listen.h"

static int forget_the_pod(void **state)
{
	(void)state;
	unsetenv("POD_IP");
	unsetenv("POD_IPS");
	return 0;
}

static void assert_found(const char *text, const char *address, uint16_t port)
{
	char found[IPADDR_TEXT];
	struct listen l;
	struct err e = {0};

	if (listen_find(&l, "http.listen", text, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(ipaddr_format(found, &l.addr), address);
	assert_int_equal(l.port, port);
}

static void assert_refused(const char *text, int error, const char *message)
{
	struct listen l;
	struct err e = {0};

	assert_int_equal(listen_find(&l, "http.listen", text, &e), error);
	assert_string_equal(e.msg, message);
}

static void an_address_is_taken_as_it_is(void **state)
{
	(void)state;
	setenv("POD_IP", "172.16.0.9", 1);
	assert_found("127.0.0.1:9440", "127.0.0.1", 9440);
	assert_found("[::1]:80", "::1", 80);
}

static void pod_is_the_address_in_the_environment(void **state)
{
	(void)state;
	setenv("POD_IPS", "172.16.0.8,fd00::8", 1);
	assert_found("pod:9440", "172.16.0.8", 9440);
	setenv("POD_IPS", "fd00::8,172.16.0.8", 1);
	assert_found("pod:9440", "fd00::8", 9440);
	setenv("POD_IP", "", 1);
	assert_found("pod:9440", "fd00::8", 9440);
	setenv("POD_IP", "172.16.0.9", 1);
	assert_found("pod:9440", "172.16.0.9", 9440);
}

static void without_an_address_of_a_pod_it_is_none(void **state)
{
	(void)state;
	assert_refused("pod:9440", -ENOENT,
		"http.listen pod:9440: the environment has neither POD_IP nor POD_IPS "
		"(status.podIP and status.podIPs of the downward API)");
	setenv("POD_IP", "0.0.0.0", 1);
	assert_refused("pod:9440", -EINVAL,
		"http.listen pod:9440: POD_IP: 0.0.0.0 is no address of a pod");
	setenv("POD_IP", "", 1);
	setenv("POD_IPS", "::", 1);
	assert_refused(
		"pod:9440", -EINVAL, "http.listen pod:9440: POD_IPS: :: is no address of a pod");
}

static void what_is_no_place_to_listen_on_is_refused(void **state)
{
	static const char *const wrong[] = {"", "pod", "pod:", "pod:0", "pod:65536", "Pod:80",
		"[pod]:80", "9440", ":80", "::1:80", "[::1:80", "localhost:80", "127.0.0.1:"};
	struct listen l;

	(void)state;
	setenv("POD_IP", "172.16.0.9", 1);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct err e = {0};

		if (listen_parse(&l, wrong[i], &e) != -EINVAL || !e.msg[0])
			fail_msg("'%s' was taken", wrong[i]);
	}
}

#define TEST(f) cmocka_unit_test_setup(f, forget_the_pod)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_is_taken_as_it_is),
		TEST(pod_is_the_address_in_the_environment),
		TEST(without_an_address_of_a_pod_it_is_none),
		TEST(what_is_no_place_to_listen_on_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
