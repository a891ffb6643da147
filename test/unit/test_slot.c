/* SPDX-License-Identifier: Apache-2.0 */
#include "node/slot.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/abstract.h"
#include "base/mem.h"
#include "node/netlink.h"
#include "node/owners.h"
#include "rounds.h"

enum { PODS_MAX = SLOT_MAX };

/* Names belong to a network namespace, and others may run this test, too. */
static bool alone;

static int be_alone(void **state)
{
	(void)state;
	alone = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	if (!alone)
		print_message("SKIPPED: no network namespace can be made here\n");
	return 0;
}

/* The living ones, the oldest first. */
struct node {
	struct slot pods[PODS_MAX];
	size_t n_pods;
};

static void assert_in_order(const struct node *node)
{
	for (size_t i = 1; i < node->n_pods; i++)
		if (node->pods[i].metric <= node->pods[i - 1].metric)
			fail_msg("a pod of metric %u is older than one of %u",
				node->pods[i - 1].metric, node->pods[i].metric);
}

static int take(struct slot *ret, struct err *e)
{
	CLEANUP_SOCKETS struct sockets sockets = SOCKETS_NONE;

	assert_int_equal(sockets_make(&sockets, "", e), 0);
	return slot_take(ret, &sockets, e);
}

static void come(struct node *node)
{
	struct err e = {0};

	if (take(&node->pods[node->n_pods], &e) < 0)
		fail_msg("%s", e.msg);
	node->n_pods++;
	assert_in_order(node);
}

static void go(struct node *node, size_t i)
{
	slot_release(&node->pods[i]);
	node->n_pods--;
	memmove(&node->pods[i], &node->pods[i + 1], (node->n_pods - i) * sizeof node->pods[0]);
}

/* What each pod does once a second, in whatever order. */
static void let_sink(struct node *node, size_t first)
{
	for (size_t i = 0; i < node->n_pods; i++) {
		struct slot *s = &node->pods[(first + i) % node->n_pods];
		struct slot_view others;

		slot_look(&others, s);
		if (slot_move(s, &others)) {
			/* Its routes have both metrics now, and others see that both are held. */
			assert_in_order(node);
			slot_look(&others, s);
			assert_false(slot_move(s, &others));
			slot_settle(s);
		}
		assert_in_order(node);
	}
}

static void everybody_goes(struct node *node)
{
	while (node->n_pods > 0)
		go(node, 0);
}

static void test_pods_take_one_metric_after_another(void **state)
{
	struct node node = {0};
	struct slot_view others;

	(void)state;
	if (!alone)
		skip();
	for (int i = 0; i < 3; i++)
		come(&node);
	assert_int_equal(node.pods[0].metric, 1);
	assert_int_equal(node.pods[2].metric, 3);
	slot_look(&others, &node.pods[2]);
	assert_true(others.held[1] && others.held[2] && !others.held[3] && !others.held[4]);
	/* Few pods stay as they are. */
	go(&node, 0);
	let_sink(&node, 0);
	assert_int_equal(node.pods[0].metric, 2);
	everybody_goes(&node);
	come(&node);
	assert_int_equal(node.pods[0].metric, 1);
	everybody_goes(&node);
}

/* In a roll there is one pod more for a while; which one goes is not said. */
static void roll(size_t n_pods, unsigned seed)
{
	struct node node = {0};
	unsigned rounds = test_rounds(100);

	while (node.n_pods < n_pods)
		come(&node);
	for (unsigned i = 0; i < rounds; i++) {
		come(&node);
		seed = seed * 1103515245u + 12345u;
		go(&node, (seed >> 16) % node.n_pods);
		/* One that looked too early looks again. */
		let_sink(&node, (seed >> 8) % node.n_pods);
		let_sink(&node, (seed >> 8) % node.n_pods);
	}
	everybody_goes(&node);
}

static void test_a_hundred_pods_come_and_go_and_none_is_preferred_to_an_older_one(void **state)
{
	(void)state;
	if (!alone)
		skip();
	for (size_t n_pods = 1; n_pods < SLOT_MAX; n_pods += n_pods < 5 ? 1 : 4)
		roll(n_pods, (unsigned)n_pods);
}

static void test_the_oldest_may_stay_for_ever(void **state)
{
	struct node node = {0};

	(void)state;
	if (!alone)
		skip();
	come(&node);
	come(&node);
	for (int i = 0; i < 300; i++) {
		come(&node);
		go(&node, 1);
		let_sink(&node, 0);
		assert_int_equal(node.pods[0].metric, 1);
	}
	everybody_goes(&node);
}

static void test_without_room_above_a_newcomer_waits(void **state)
{
	struct node node = {0};
	struct slot late;
	struct err e = {0};

	(void)state;
	if (!alone)
		skip();
	while (node.n_pods < SLOT_MAX)
		come(&node);
	go(&node, 0);
	/* The only free metric is below all. */
	assert_int_equal(take(&late, &e), -EBUSY);
	let_sink(&node, 0);
	let_sink(&node, 0);
	come(&node);
	everybody_goes(&node);
}

static int hold(uint32_t metric)
{
	struct err e = {0};
	char name[32];
	int fd = abstract_socket(SOCK_DGRAM, &e);

	snprintf(name, sizeof name, "kago-route-%u", metric);
	assert_int_equal(abstract_bind(fd, name, &e), 0);
	return fd;
}

/* The version before held 1 to 16 and never sinks. */
static void test_a_pod_of_the_version_before_keeps_its_place(void **state)
{
	struct node node = {0};
	int old;

	(void)state;
	if (!alone)
		skip();
	old = hold(16);
	come(&node);
	come(&node);
	let_sink(&node, 0);
	assert_int_equal(node.pods[0].metric, 17);
	close(old);
	let_sink(&node, 0);
	assert_int_equal(node.pods[0].metric, 1);
	assert_int_equal(node.pods[1].metric, 2);
	everybody_goes(&node);
}

/* Another user's process that holds some metrics, by names without a suffix. */
static pid_t start_impostor(uint32_t first, uint32_t last)
{
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		alarm(60);
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		for (uint32_t metric = first; metric <= last; metric++)
			hold(metric);
		if (write(ready[1], "!", 1) < 0)
			_exit(2);
		pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void stop(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void ignore(void *ud, const char *name, uid_t uid)
{
	(void)ud;
	(void)name;
	(void)uid;
}

static bool kernel_tells(void)
{
	CLEANUP(netlink_closep) struct nl_sock *diag = NULL;
	struct err e = {0};
	int fd = hold(SLOT_MAX);
	bool tells = netlink_open(&diag, NETLINK_SOCK_DIAG, &e) == 0 &&
		     owners_each(diag, ignore, NULL, &e) == 0;

	close(fd);
	return tells;
}

static bool can_have_impostors(void)
{
	return alone && geteuid() == 0 && kernel_tells();
}

static void test_what_another_user_holds_is_no_slot(void **state)
{
	struct node node = {0};
	struct slot_view others;
	pid_t impostor;

	(void)state;
	if (!can_have_impostors())
		skip();
	impostor = start_impostor(2, 17);
	come(&node);
	slot_look(&others, &node.pods[0]);
	for (uint32_t metric = SLOT_MIN; metric <= SLOT_MAX; metric++)
		assert_false(others.held[metric]);
	come(&node);
	assert_int_equal(node.pods[0].metric, 1);
	assert_int_equal(node.pods[1].metric, 2);
	stop(impostor);
	/* Whoever takes the name later on finds the metric claimed. */
	slot_look(&others, &node.pods[0]);
	assert_true(others.held[2] && !others.held[3] && !others.contested);
	everybody_goes(&node);
}

static void test_an_impostor_with_all_names_keeps_nobody_out(void **state)
{
	struct node node = {0};
	pid_t impostor;

	(void)state;
	if (!can_have_impostors())
		skip();
	impostor = start_impostor(SLOT_MIN, SLOT_MAX);
	for (size_t n_pods = 1; n_pods < SLOT_MAX; n_pods += 8)
		roll(n_pods, (unsigned)n_pods);
	while (node.n_pods < SLOT_MAX)
		come(&node);
	for (size_t i = 0; i < node.n_pods; i++)
		assert_int_equal(node.pods[i].metric, i + SLOT_MIN);
	everybody_goes(&node);
	stop(impostor);
}

/* A process that takes a metric when the pipe `start` is closed, tells it, and keeps it. */
static pid_t start_newcomer(const int start[2], const int told[2])
{
	pid_t child = fork();
	struct sockets sockets = SOCKETS_NONE;
	struct err e = {0};
	struct slot s;
	uint8_t metric = 0;
	char byte;

	if (child != 0)
		return child;
	alarm(60);
	close(start[1]);
	if (sockets_make(&sockets, "", &e) < 0 || read(start[0], &byte, 1) != 0)
		_exit(2);
	if (slot_take(&s, &sockets, &e) == 0)
		metric = (uint8_t)s.metric;
	if (write(told[1], &metric, 1) != 1)
		_exit(2);
	pause();
	_exit(0);
}

/* None waits for another one, and each has a metric that nobody else has. */
static void let_come_at_once(size_t n_pods)
{
	bool seen[SLOT_MAX + 1] = {true}; /* nobody gets none */
	pid_t pods[SLOT_MAX];
	int start[2], told[2];
	uint8_t metric;

	assert_int_equal(pipe(start), 0);
	assert_int_equal(pipe(told), 0);
	for (size_t i = 0; i < n_pods; i++)
		pods[i] = start_newcomer(start, told);
	close(start[0]);
	close(start[1]);
	close(told[1]);
	for (size_t i = 0; i < n_pods; i++) {
		assert_int_equal(read(told[0], &metric, 1), 1);
		if (seen[metric])
			fail_msg("two have metric %u, or one has none", metric);
		seen[metric] = true;
	}
	close(told[0]);
	for (size_t i = 0; i < n_pods; i++)
		stop(pods[i]);
}

static void test_of_pods_that_come_at_once_each_has_a_metric_of_its_own(void **state)
{
	pid_t impostor;

	(void)state;
	if (!can_have_impostors())
		skip();
	impostor = start_impostor(SLOT_MIN, SLOT_MAX);
	for (int i = 0; i < 50; i++)
		let_come_at_once(2 + (size_t)i % 3);
	stop(impostor);
	for (int i = 0; i < 20; i++)
		let_come_at_once(4);
}

static void test_a_former_version_that_takes_the_name_later_gets_the_metric(void **state)
{
	struct node node = {0};
	struct slot_view others;
	pid_t impostor;
	int old;

	(void)state;
	if (!can_have_impostors())
		skip();
	impostor = start_impostor(SLOT_MIN, SLOT_MAX);
	come(&node);
	stop(impostor);
	/* It does not see who claims by another name, and gives up nothing. */
	old = hold(1);
	slot_look(&others, &node.pods[0]);
	assert_true(others.contested);
	assert_true(slot_move(&node.pods[0], &others));
	slot_look(&others, &node.pods[0]);
	assert_true(others.held[1] && !others.contested);
	slot_settle(&node.pods[0]);
	assert_int_equal(node.pods[0].metric, 2);
	let_sink(&node, 0);
	assert_int_equal(node.pods[0].metric, 2);
	close(old);
	everybody_goes(&node);
}

/* As on a node that has no unix_diag, of which each socket of another kind knows as little. */
static void blind(struct slot *s)
{
	struct err e = {0};

	netlink_close(s->diag);
	assert_int_equal(netlink_open(&s->diag, NETLINK_USERSOCK, &e), 0);
}

static void test_while_the_kernel_does_not_say_what_was_known_and_each_name_counts(void **state)
{
	struct node node = {0};
	struct slot_view others;
	pid_t impostor;
	int late;

	(void)state;
	if (!can_have_impostors())
		skip();
	impostor = start_impostor(1, 2);
	come(&node);
	come(&node);
	stop(impostor);
	slot_look(&others, &node.pods[0]);
	blind(&node.pods[0]);
	late = hold(5);
	slot_look(&others, &node.pods[0]);
	assert_true(others.held[2] && others.held[5]);
	assert_false(others.held[1] || others.held[3] || others.contested);
	close(late);
	slot_look(&others, &node.pods[0]);
	assert_false(others.held[5]);
	everybody_goes(&node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pods_take_one_metric_after_another),
		cmocka_unit_test(
			test_a_hundred_pods_come_and_go_and_none_is_preferred_to_an_older_one),
		cmocka_unit_test(test_the_oldest_may_stay_for_ever),
		cmocka_unit_test(test_without_room_above_a_newcomer_waits),
		cmocka_unit_test(test_a_pod_of_the_version_before_keeps_its_place),
		cmocka_unit_test(test_what_another_user_holds_is_no_slot),
		cmocka_unit_test(test_an_impostor_with_all_names_keeps_nobody_out),
		cmocka_unit_test(test_of_pods_that_come_at_once_each_has_a_metric_of_its_own),
		cmocka_unit_test(test_a_former_version_that_takes_the_name_later_gets_the_metric),
		cmocka_unit_test(
			test_while_the_kernel_does_not_say_what_was_known_and_each_name_counts),
	};

	return cmocka_run_group_tests(tests, be_alone, NULL);
}
