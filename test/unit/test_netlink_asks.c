/* SPDX-License-Identifier: Apache-2.0 */
#include "host/netlink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/netlink.h>

#include "host/kept.h"
#include "host/nftables.h"

#include "net_loopback.h"

/* In a namespace of the test's own; each transaction of nftables gives another answer. */

static int send_error, receive_error;

ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __real_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);

static bool fails(int *error)
{
	errno = *error;
	*error = 0;
	return errno != 0;
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
	return fails(&send_error) ? -1 : __real_send(fd, data, len, flags);
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
	return fails(&receive_error) ? -1 : __real_recv(fd, data, len, flags);
}

struct rig {
	struct netlink *asked;
	struct nftables *nftables;
};

static int set_up(void **state)
{
	struct rig *rig = xnew0(struct rig);
	struct err e = {0};

	if (!net_loopback())
		return -1;
	assert_int_equal(netlink_open(&rig->asked, NETLINK_NETFILTER, &e), 0);
	rig->nftables = nftables_new();
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	netlink_close(rig->asked);
	nftables_free(rig->nftables);
	free(rig);
	return 0;
}

static int ask(uint32_t *ret, const struct rig *rig)
{
	struct err e = {0};

	*ret = 0;
	return kept_generation(ret, rig->asked, &e);
}

/* Each answer is that of its own question. */
static void assert_is_right(const struct rig *rig)
{
	struct err e = {0};
	uint32_t before, now;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(&before, rig), 0);
		assert_int_equal(nftables_run(rig->nftables,
					 i % 2 ? "delete table ip t" : "add table ip t", &e),
			0);
		assert_int_equal(ask(&now, rig), 0);
		assert_int_equal(now, before + 1);
	}
	assert_int_equal(nftables_run(rig->nftables, "delete table ip t", &e), 0);
}

static void test_a_question_that_was_lost_changes_no_later_answer(void **state)
{
	const struct rig *rig = *state;
	uint32_t unused;

	assert_is_right(rig);
	send_error = ENOBUFS;
	assert_int_equal(ask(&unused, rig), -EAGAIN);
	assert_is_right(rig);
}

static void test_an_answer_that_was_lost_is_not_taken_for_a_later_one(void **state)
{
	const struct rig *rig = *state;
	uint32_t unused;

	assert_is_right(rig);
	receive_error = ENOBUFS;
	assert_int_equal(ask(&unused, rig), -EAGAIN);
	assert_is_right(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_question_that_was_lost_changes_no_later_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_an_answer_that_was_lost_is_not_taken_for_a_later_one, set_up,
			tear_down),
	};

	/* Where none may be made there is nothing to be tested. */
	return net_loopback() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
