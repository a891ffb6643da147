/* SPDX-License-Identifier: Apache-2.0 */
#include "masquerade.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "node/tracked.h"

enum { SEC = 1000 * 1000 };

static struct {
	unsigned n_asked;
	struct tracked_ask last;
	struct ipaddr seen; /* family 0: it knows nothing */
	int error;
} kernel;

int __wrap_tracked_source(
	struct ipaddr *ret, struct nl_sock *s, const struct tracked_ask *ask, struct err *e);

int __wrap_tracked_source(
	struct ipaddr *ret, struct nl_sock *s, const struct tracked_ask *ask, struct err *e)
{
	assert_non_null(s);
	kernel.n_asked++;
	kernel.last = *ask;
	*ret = kernel.seen;
	return kernel.error ? err_set(e, kernel.error, "it cannot say") : 0;
}

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&a, text, &e), 0);
	return a;
}

struct fixture {
	struct config_peer peers[3];
	struct site site;
	struct sessions *sessions;
	struct masquerade *masquerade;
	uint64_t now;
};

static int begin(void **state)
{
	struct fixture *f = xnew0(struct fixture);

	memset(&kernel, 0, sizeof kernel);
	f->peers[0] = (struct config_peer){.address = addr("10.0.0.1"), .port = 179};
	f->peers[1] = (struct config_peer){
		.address = addr("10.0.0.2"), .port = 1790, .local_address = addr("172.16.1.12")};
	f->peers[2] = (struct config_peer){.address = addr("fd00::1"), .port = 179};
	f->site.pod.v4 = addr("172.16.1.11");
	f->sessions = sessions_new(f->peers, 3);
	f->masquerade = masquerade_new(nl_socket_alloc(), &f->site);
	f->now = SEC;
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	masquerade_free(f->masquerade);
	sessions_free(f->sessions);
	free(f);
	return 0;
}

/* Looks each second; how often the kernel was asked. */
static unsigned pass(struct fixture *f, unsigned seconds)
{
	unsigned before = kernel.n_asked;

	for (unsigned i = 0; i < seconds; i++, f->now += SEC)
		masquerade_look(f->masquerade, f->sessions, f->now);
	return kernel.n_asked - before;
}

static void up(struct fixture *f, size_t peer)
{
	sessions_up(f->sessions, &f->peers[peer].address, f->now);
}

static void test_it_asks_for_what_a_session_is(void **state)
{
	struct ipaddr pod = addr("172.16.1.11"), other = addr("172.16.1.12");
	struct fixture *f = *state;

	up(f, 0);
	assert_int_equal(pass(f, 1), 1);
	assert_true(ipaddr_equal(&kernel.last.from, &pod) && kernel.last.is_up);
	assert_true(ipaddr_equal(&kernel.last.to, &f->peers[0].address));
	assert_int_equal(kernel.last.port, 179);
	assert_int_equal(pass(f, 1), 1);
	assert_true(ipaddr_equal(&kernel.last.from, &other) && !kernel.last.is_up);
	assert_int_equal(kernel.last.port, 1790);
	/* The pod has no IPv6 address. */
	assert_int_equal(pass(f, 1), 0);
}

static void test_each_session_is_looked_at_once(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++)
		up(f, i);
	assert_int_equal(pass(f, 600), 2);
	sessions_down(f->sessions, &f->peers[0].address, "reset", f->now);
	up(f, 0);
	assert_int_equal(pass(f, 600), 1);
	assert_true(ipaddr_equal(&kernel.last.to, &f->peers[0].address));
}

static void test_a_peer_without_a_session_is_not_asked_about_for_ever(void **state)
{
	struct fixture *f = *state;

	up(f, 1);
	assert_in_range(pass(f, 20), 3, 4);
	assert_in_range(pass(f, 600), 9, 10);
	assert_int_equal(pass(f, 6000), 0);
	up(f, 0);
	assert_int_equal(pass(f, 60), 1);
	sessions_down(f->sessions, &f->peers[0].address, "reset", f->now);
	assert_in_range(pass(f, 20), 2, 3);
}

static void test_peers_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct config_peer others[2] = {f->peers[1], {.address = addr("10.0.0.4"), .port = 179}};

	for (size_t i = 0; i < 2; i++)
		up(f, i);
	assert_int_equal(pass(f, 600), 2);
	sessions_follow(f->sessions, others, 2, f->now);
	sessions_up(f->sessions, &others[1].address, f->now);
	assert_int_equal(pass(f, 600), 2);
	assert_true(ipaddr_equal(&kernel.last.to, &others[1].address));
	sessions_follow(f->sessions, NULL, 0, f->now);
	assert_int_equal(pass(f, 600), 0);
}

static void test_a_kernel_that_can_never_say_is_left_alone(void **state)
{
	struct fixture *f = *state;

	kernel.error = EINTR;
	assert_in_range(pass(f, 30), 6, 7);
	kernel.error = EOPNOTSUPP;
	assert_int_equal(pass(f, 600), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_it_asks_for_what_a_session_is, begin, end),
		cmocka_unit_test_setup_teardown(test_each_session_is_looked_at_once, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_peer_without_a_session_is_not_asked_about_for_ever, begin, end),
		cmocka_unit_test_setup_teardown(test_peers_come_and_go, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_kernel_that_can_never_say_is_left_alone, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
