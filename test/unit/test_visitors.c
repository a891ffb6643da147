/* SPDX-License-Identifier: Apache-2.0 */
#include "http/visitors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/mem.h"
#include "own_clock.h"

enum { MAX = 4, MAX_EACH = 2, MSEC = 1000, ASK = 50 * MSEC, LEAVE = 200 * MSEC };

/* A visitor and the other end of its connection. */
struct guest {
	struct visitor *visitor;
	int ours, theirs;
};

struct fixture {
	sd_event *loop;
	struct visitors *visitors;
	struct guest guests[MAX + 1];
	size_t n_guests;
	unsigned n_dismissed;
};

static void on_stop(void *ud)
{
	(void)ud;
}

static void on_dismissed(void *ud, struct visitor *v)
{
	struct fixture *f = ud;

	assert_ptr_equal(visitor_owner(v), f);
	f->n_dismissed++;
}

static int setup(void **state)
{
	static const struct visitors_rules rules = {MAX, MAX_EACH, ASK, LEAVE};
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	*state = f;
	own_clock_begin();
	if (loop_new(&f->loop, on_stop, NULL, &e) < 0)
		return -1;
	return visitors_new(&f->visitors, f->loop, &rules, on_dismissed, f, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->n_guests; i++) {
		visitors_leave(f->guests[i].visitor);
		close(f->guests[i].ours);
		close(f->guests[i].theirs);
	}
	visitors_free(f->visitors);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

static struct guest *arrive(struct fixture *f, const char *from)
{
	struct guest *g = &f->guests[f->n_guests++];
	struct err e = {0};
	struct ipaddr addr;
	int ends[2];

	assert_int_equal(ipaddr_parse(&addr, from, &e), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	visitors_make_room(f->visitors, &addr);
	*g = (struct guest){
		visitors_enter(f->visitors, ends[0], &addr, f), .ours = ends[0], .theirs = ends[1]};
	return g;
}

static bool is_out(const struct guest *g)
{
	char byte;

	return visitor_is_dismissed(g->visitor) && recv(g->theirs, &byte, 1, MSG_DONTWAIT) == 0;
}

static void run_for(const struct fixture *f, uint64_t usec)
{
	own_clock_pass(f->loop, usec);
}

static void test_an_address_has_its_share(void **state)
{
	struct fixture *f = *state;
	const struct guest *first = arrive(f, "192.0.2.1"), *other = arrive(f, "192.0.2.2");

	arrive(f, "192.0.2.1");
	assert_int_equal(f->n_dismissed, 0);
	arrive(f, "192.0.2.1");
	assert_true(is_out(first));
	assert_false(is_out(other));
	assert_int_equal(f->n_dismissed, 1);
}

static void test_room_is_made_by_the_address_that_has_most(void **state)
{
	struct fixture *f = *state;
	const struct guest *alone = arrive(f, "192.0.2.1"), *first = arrive(f, "2001:db8::1");

	arrive(f, "2001:db8::1");
	arrive(f, "192.0.2.2");
	assert_int_equal(f->n_dismissed, 0);
	arrive(f, "192.0.2.3");
	assert_true(is_out(first));
	assert_false(is_out(alone));
	assert_int_equal(f->n_dismissed, 1);
}

static void test_who_does_not_ask_in_time_is_out(void **state)
{
	struct fixture *f = *state;
	const struct guest *silent = arrive(f, "192.0.2.1"), *asks = arrive(f, "192.0.2.1");

	visitor_asked(asks->visitor);
	run_for(f, 2 * ASK);
	assert_true(is_out(silent));
	assert_false(is_out(asks));
	run_for(f, LEAVE);
	assert_true(is_out(asks));
}

static void test_who_is_out_takes_no_place(void **state)
{
	struct fixture *f = *state;
	const struct guest *first = arrive(f, "192.0.2.1");

	arrive(f, "192.0.2.1");
	run_for(f, 2 * ASK);
	assert_true(is_out(first));
	assert_int_equal(f->n_dismissed, 2);
	arrive(f, "192.0.2.1");
	arrive(f, "192.0.2.1");
	assert_int_equal(f->n_dismissed, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_address_has_its_share, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_room_is_made_by_the_address_that_has_most, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_who_does_not_ask_in_time_is_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_is_out_takes_no_place, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
