/* SPDX-License-Identifier: Apache-2.0 */
#include "node/ways.h"

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "announce/places.h"
#include "loop/loop.h"
#include "node/fib.h"
#include "node/rt.h"

/* The kernel: what it says of the VIP whose last byte is the index; no type: it says nothing. */
static struct fib_answer kernel[256];
static unsigned n_questions;
static uint64_t clock_now, question_takes;

int __wrap_fib_ask(
	struct fib_answer *ret, struct nl_sock *s, const struct ipaddr *addr, struct err *e);
uint64_t __wrap_loop_clock(void);

int __wrap_fib_ask(
	struct fib_answer *ret, struct nl_sock *s, const struct ipaddr *addr, struct err *e)
{
	(void)s;
	n_questions++;
	clock_now += question_takes;
	*ret = kernel[addr->bytes[3]];
	return ret->error || ret->type ? 0 : err_set(e, ENOMEM, "no memory");
}

uint64_t __wrap_loop_clock(void)
{
	return clock_now;
}

static struct ipnet vip_net(unsigned n)
{
	char text[IPNET_TEXT];
	struct ipnet net;
	struct err e = {0};

	snprintf(text, sizeof text, "10.1.1.%u/32", n);
	assert_int_equal(ipnet_parse(&net, text, &e), 0);
	return net;
}

struct fixture {
	sd_event *loop;
	struct site site;
	struct ways *ways;
	struct vip items[256];
	struct vips vips;
	struct prefixes routed;
	unsigned n_changes;
};

static void ignore(void *ud)
{
	(void)ud;
}

static void on_change(void *ud)
{
	((struct fixture *)ud)->n_changes++;
}

static void answer(unsigned n, const struct fib_answer *a)
{
	kernel[n] = *a;
}

static const struct fib_answer ours = {.type = RTN_UNICAST, .protocol = RT_PROTOCOL};
static const struct fib_answer blackhole = {.error = EINVAL}, silence = {0};

/* With `n` VIPs, 10.1.1.1 and so on, of which all is well. */
static void start(struct fixture *f, unsigned n)
{
	/* Our own namespace does for the node's. */
	CLEANUP_SOCKETS struct sockets node = SOCKETS_NONE;
	struct err e = {0};

	*f = (struct fixture){0};
	n_questions = 0;
	question_takes = 0;
	f->site.pod.v4 = vip_net(200).addr;
	f->vips.items = f->items;
	for (unsigned i = 1; i <= n; i++) {
		struct ipnet net = vip_net(i);

		answer(i, &ours);
		f->items[f->vips.n_items++] = (struct vip){net.addr, true};
		prefixes_add(&f->routed, &net);
	}
	assert_int_equal(loop_new(&f->loop, ignore, NULL, &e), 0);
	assert_int_equal(sockets_make(&node, "", &e), 0);
	if (ways_open(&f->ways, f->loop, &node, &f->site, on_change, f, &e) < 0)
		fail_msg("%s", e.msg);
}

static void finish(struct fixture *f)
{
	ways_close(f->ways);
	prefixes_done(&f->routed);
	sd_event_unref(f->loop);
}

/* The VIPs that are usable, as the last bytes of their addresses. */
static void assert_usable(const struct fixture *f, const char *expected)
{
	CLEANUP_VIPS struct vips v = ways_usable(f->ways, &f->vips);
	char text[1024] = "";
	size_t len = 0;

	assert_int_equal(v.n_items, f->vips.n_items);
	for (size_t i = 0; i < v.n_items; i++)
		if (v.items[i].usable)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%u",
				len ? " " : "", v.items[i].addr.bytes[3]);
	assert_string_equal(text, expected);
}

static void run_until(struct fixture *f, unsigned questions)
{
	for (int i = 0; n_questions < questions && i < 1000; i++)
		assert_true(sd_event_run(f->loop, 10 * 1000) >= 0);
	assert_int_equal(n_questions, questions);
}

static void test_without_the_nodes_namespace_all_is_well(void **state)
{
	struct fixture f = {0};
	struct err e = {0};
	struct ipnet net = vip_net(1);
	struct sockets none = SOCKETS_NONE;

	(void)state;
	f.vips = (struct vips){f.items, 1};
	f.items[0] = (struct vip){net.addr, true};
	assert_int_equal(ways_open(&f.ways, f.loop, &none, &f.site, on_change, &f, &e), 0);
	assert_null(f.ways);
	assert_false(ways_watch(f.ways, &f.routed));
	assert_false(ways_divert(f.ways, &net));
	assert_usable(&f, "1");
	ways_ask_some(f.ways);
	ways_close(f.ways);
}

static void test_what_leads_elsewhere_is_not_usable(void **state)
{
	struct fixture f;
	struct fib_answer foreign = {.type = RTN_UNICAST, .protocol = RTPROT_STATIC};
	struct ipnet good = vip_net(1), bad = vip_net(2), both = {vip_net(0).addr, 24};

	(void)state;
	start(&f, 6);
	answer(2, &blackhole);
	foreign.gateway = vip_net(201).addr;
	answer(3, &foreign);
	/* Whoever set it, it leads to this pod. */
	foreign.gateway = f.site.pod.v4;
	answer(4, &foreign);
	/* The node has it as an address of its own. */
	answer(5, &(struct fib_answer){.type = RTN_LOCAL, .protocol = RT_PROTOCOL});
	assert_usable(&f, "");
	assert_true(ways_watch(f.ways, &f.routed));
	assert_usable(&f, "1 4 6");
	assert_false(ways_divert(f.ways, &good));
	assert_true(ways_divert(f.ways, &bad));
	assert_true(ways_divert(f.ways, &both));
	assert_int_equal(n_questions, 6);
	assert_false(ways_watch(f.ways, &f.routed));
	assert_int_equal(n_questions, 6);
	finish(&f);
}

static void test_each_second_they_are_asked_about_again(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 3);
	ways_watch(f.ways, &f.routed);
	answer(2, &blackhole);
	ways_ask_some(f.ways);
	run_until(&f, 6);
	assert_int_equal(f.n_changes, 1);
	assert_usable(&f, "1 3");
	answer(2, &ours);
	ways_ask_some(f.ways);
	run_until(&f, 9);
	assert_int_equal(f.n_changes, 2);
	assert_usable(&f, "1 2 3");
	finish(&f);
}

static void test_many_are_asked_about_in_slices(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 25);
	question_takes = 1000;
	assert_true(ways_watch(f.ways, &f.routed));
	assert_int_equal(n_questions, 10);
	assert_usable(&f, "1 2 3 4 5 6 7 8 9 10");
	run_until(&f, 20);
	run_until(&f, 25);
	assert_int_equal(f.n_changes, 2);
	assert_usable(&f, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25");
	finish(&f);
}

static void test_silence_changes_nothing(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 3);
	answer(1, &silence);
	answer(2, &blackhole);
	ways_watch(f.ways, &f.routed);
	assert_usable(&f, "1 3");
	answer(2, &silence);
	answer(3, &silence);
	ways_ask_some(f.ways);
	run_until(&f, 6);
	assert_int_equal(f.n_changes, 0);
	assert_usable(&f, "1 3");
	finish(&f);
}

static void test_a_vip_that_comes_back_is_asked_about_before_it_is_usable(void **state)
{
	struct fixture f;
	const struct prefixes nothing = {0};

	(void)state;
	start(&f, 1);
	ways_watch(f.ways, &f.routed);
	assert_false(ways_watch(f.ways, &nothing));
	assert_usable(&f, "");
	answer(1, &blackhole);
	assert_true(ways_watch(f.ways, &f.routed));
	assert_usable(&f, "");
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_the_nodes_namespace_all_is_well),
		cmocka_unit_test(test_what_leads_elsewhere_is_not_usable),
		cmocka_unit_test(test_each_second_they_are_asked_about_again),
		cmocka_unit_test(test_many_are_asked_about_in_slices),
		cmocka_unit_test(test_silence_changes_nothing),
		cmocka_unit_test(test_a_vip_that_comes_back_is_asked_about_before_it_is_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
