/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/link_news.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "loop/backoff.h"
#include "loop/loop.h"

#include "await.h"
#include "lan.h"

enum { TURN = 20 * 1000, PATIENCE = 20 * 1000 * 1000 };

/* In the place of what libnl sends and receives by. */
static struct {
	bool loses;    /* the news that are there: more came than the socket can hold */
	bool is_short; /* the kernel has no memory for questions */
} kernel;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	if (!kernel.is_short)
		return syscall(SYS_sendmsg, fd, m, flags);
	errno = ENOBUFS;
	return -1;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved */
ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	char some[4096];

	if (!kernel.loses)
		return syscall(SYS_recvmsg, fd, m, flags);
	kernel.loses = false;
	while (recv(fd, some, sizeof some, MSG_DONTWAIT) >= 0)
		;
	errno = ENOBUFS;
	return -1;
}

struct fixture {
	sd_event *loop;
	struct lan lan;
	struct link_news *news;
	unsigned n_changes;
};

static void on_stop(void *ud)
{
	(void)ud;
}

static void on_change(void *ud)
{
	struct fixture *f = ud;

	f->n_changes++;
}

static int setup(void **state)
{
	static struct fixture f;
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct err e = {0};

	*state = NULL;
	f = (struct fixture){0};
	kernel.loses = kernel.is_short = false;
	if (!lan_open(&f.lan))
		return 0;
	lan_add(f.lan.node, "lan0", "192.0.2.1/24", 0);
	assert_int_equal(loop_new(&f.loop, on_stop, NULL, &e), 0);
	assert_int_equal(sockets_make_l2(&s, "", &e), 0);
	if (link_news_open(&f.news, f.loop, &s, on_change, &f, &e) < 0)
		fail_msg("%s", e.msg);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (!f)
		return 0;
	link_news_close(f->news);
	sd_event_unref(f->loop);
	lan_close(&f->lan);
	return 0;
}

/* The interface on which a VIP is answered for, "" if there is none. */
static const char *where(const struct fixture *f, const char *vip)
{
	const struct link_names all = {0};
	const struct ipaddr addr = addr_of(vip);
	const struct link *one = links_next(link_news_links(f->news), &all, &addr, NULL);

	return one ? one->name : "";
}

static bool is_at(const struct fixture *f, const char *vip, const char *name)
{
	return strcmp(where(f, vip), name) == 0;
}

static struct fixture *need(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void test_what_is_there_is_known_from_the_start(void **state)
{
	const struct fixture *f = need(state);
	const struct mac mac = lan_mac(f->lan.node, "lan0");

	assert_string_equal(where(f, "192.0.2.10"), "lan0");
	assert_string_equal(where(f, "198.51.100.10"), "");
	assert_true(links_have_mac(link_news_links(f->news), &mac));
	/* The loopback is no Ethernet. */
	assert_string_equal(where(f, "127.0.0.7"), "");
	assert_null(links_find(link_news_links(f->news), 1));
}

static void test_addresses_come_and_go(void **state)
{
	struct fixture *f = need(state);

	lan_add(f->lan.node, "lan0", "198.51.100.1/24", 0);
	lan_add(f->lan.node, "lan0", "2001:db8::1/64", IFA_F_NODAD);
	AWAIT(f, is_at(f, "198.51.100.10", "lan0") && is_at(f, "2001:db8::10", "lan0"));
	lan_remove(f->lan.node, "lan0", "198.51.100.1/24");
	lan_remove(f->lan.node, "lan0", "2001:db8::1/64");
	AWAIT(f, is_at(f, "198.51.100.10", "") && is_at(f, "2001:db8::10", ""));
	assert_string_equal(where(f, "192.0.2.10"), "lan0");
	assert_true(f->n_changes > 0);
}

/* Of an address of one host and of the link alone nothing follows for a VIP. */
static void test_networks_of_one_address_and_of_the_link_hold_nothing(void **state)
{
	struct fixture *f = need(state);

	lan_add(f->lan.node, "lan0", "198.51.100.1/32", 0);
	lan_add(f->lan.node, "lan0", "fe80::7/64", IFA_F_NODAD);
	lan_add(f->lan.node, "lan0", "203.0.113.1/24", 0);
	AWAIT(f, is_at(f, "203.0.113.10", "lan0"));
	assert_string_equal(where(f, "198.51.100.1"), "");
	assert_int_equal(link_news_links(f->news)->n_networks, 2);
}

static void test_an_interface_is_down_renamed_and_gone(void **state)
{
	struct fixture *f = need(state);

	lan_set_up(f->lan.node, "lan0", false);
	AWAIT(f, is_at(f, "192.0.2.10", ""));
	lan_set_up(f->lan.node, "lan0", true);
	AWAIT(f, is_at(f, "192.0.2.10", "lan0"));
	/* Nobody is at the other end. */
	lan_set_up(f->lan.client, "lan1", false);
	AWAIT(f, is_at(f, "192.0.2.10", ""));
	lan_set_up(f->lan.client, "lan1", true);
	lan_rename(f->lan.node, "lan0", "lan7");
	AWAIT(f, is_at(f, "192.0.2.10", "lan7"));
	lan_delete(f->lan.node, "lan7");
	AWAIT(f, is_at(f, "192.0.2.10", ""));
	assert_int_equal(link_news_links(f->news)->n_networks, 0);
}

static void test_what_was_lost_is_read(void **state)
{
	struct fixture *f = need(state);

	lan_add(f->lan.node, "lan0", "198.51.100.1/24", 0);
	kernel.loses = true;
	AWAIT(f, !kernel.loses && is_at(f, "198.51.100.10", "lan0"));
	assert_true(f->n_changes > 0);
}

uint64_t __real_backoff_next(struct backoff *b, uint64_t worked_for);
uint64_t __wrap_backoff_next(struct backoff *b, uint64_t worked_for);

static uint64_t last_pause; /* before the one that is asked for */

uint64_t __wrap_backoff_next(struct backoff *b, uint64_t worked_for)
{
	last_pause = b->last;
	return __real_backoff_next(b, worked_for);
}

static void test_each_time_that_the_kernel_does_not_tell_it_is_asked_again_soon(void **state)
{
	struct fixture *f = need(state);

	for (unsigned i = 0; i < 2; i++) {
		lan_add(f->lan.node, "lan0", i ? "198.51.100.1/24" : "203.0.113.1/24", 0);
		kernel.loses = kernel.is_short = true;
		last_pause = UINT64_MAX;
		AWAIT(f, last_pause != UINT64_MAX);
		assert_int_equal(last_pause, 0);
		kernel.is_short = false;
		AWAIT(f, is_at(f, i ? "198.51.100.10" : "203.0.113.10", "lan0"));
	}
}

static void test_while_the_kernel_does_not_tell_what_was_known_stands(void **state)
{
	struct fixture *f = need(state);

	lan_add(f->lan.node, "lan0", "198.51.100.1/24", 0);
	kernel.loses = true;
	kernel.is_short = true;
	AWAIT(f, !kernel.loses);
	assert_string_equal(where(f, "192.0.2.10"), "lan0");
	assert_string_equal(where(f, "198.51.100.10"), "");
	kernel.is_short = false;
	AWAIT(f, is_at(f, "198.51.100.10", "lan0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_is_there_is_known_from_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_networks_of_one_address_and_of_the_link_hold_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_an_interface_is_down_renamed_and_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_lost_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_each_time_that_the_kernel_does_not_tell_it_is_asked_again_soon, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_while_the_kernel_does_not_tell_what_was_known_stands, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
