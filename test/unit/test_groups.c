/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/groups.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "addresses.h"

/* What the kernel and the network cards know. */
static struct {
	unsigned n_joined, n_left, n_taken, n_given; /* changes */
	unsigned in, by_frames;                      /* what is left of them */
	unsigned room;                               /* for groups */
	bool has_none;                               /* there is no IPv6 at the interface */
} kernel;

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __wrap_wire_take_frames(struct wire *w, int index, const struct mac *group, bool takes);

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	(void)fd;
	(void)value;
	assert_int_equal(level, IPPROTO_IPV6);
	assert_int_equal(len, sizeof(struct ipv6_mreq));
	if (option == IPV6_LEAVE_GROUP) {
		kernel.n_left++;
		kernel.in--;
		return 0;
	}
	errno = kernel.has_none ? ENODEV : ENOMEM;
	if (kernel.has_none || kernel.in == kernel.room)
		return -1;
	kernel.n_joined++;
	kernel.in++;
	return 0;
}

int __wrap_wire_take_frames(struct wire *w, int index, const struct mac *group, bool takes)
{
	(void)w;
	(void)group;
	if (takes && index == 99)
		return -ENODEV;
	*(takes ? &kernel.n_taken : &kernel.n_given) += 1;
	kernel.by_frames += takes ? 1 : -1u;
	return 0;
}

static int setup(void **state)
{
	*state = groups_new(-1, NULL);
	memset(&kernel, 0, sizeof kernel);
	kernel.room = 100;
	return 0;
}

/* Whatever it was in, it is in nothing at the end. */
static int teardown(void **state)
{
	groups_free(*state);
	return kernel.in || kernel.by_frames ? -1 : 0;
}

/* At this interface, those with these ends. */
static void set(struct groups *g, int index, const uint8_t *ends, size_t n)
{
	struct group wanted[16];

	for (size_t i = 0; i < n; i++) {
		wanted[i] = (struct group){index, addr_of("ff02::1:ff00:0"), false};
		wanted[i].addr.bytes[15] = ends[i];
	}
	groups_set(g, wanted, n);
}

static void test_only_what_differs_is_changed(void **state)
{
	struct groups *g = *state;

	set(g, 2, (const uint8_t[]){7, 5, 6}, 3);
	assert_int_equal(kernel.n_joined, 3);
	set(g, 2, (const uint8_t[]){5, 7, 8}, 3);
	assert_int_equal(kernel.n_joined, 4);
	assert_int_equal(kernel.n_left, 1);
	set(g, 3, (const uint8_t[]){5}, 1);
	assert_int_equal(kernel.n_joined, 5);
	assert_int_equal(kernel.n_left, 4);
}

/* Only the last three bytes of an address are in its group. */
static void test_the_same_group_is_joined_once(void **state)
{
	struct groups *g = *state;

	set(g, 2, (const uint8_t[]){7, 5, 7, 7}, 4);
	assert_int_equal(kernel.n_joined, 2);
	set(g, 2, (const uint8_t[]){7}, 1);
	assert_int_equal(kernel.in, 1);
}

static void test_where_the_kernel_takes_no_more_the_network_card_is_told(void **state)
{
	struct groups *g = *state;

	kernel.room = 2;
	set(g, 2, (const uint8_t[]){1, 2, 3, 4}, 4);
	assert_int_equal(kernel.n_joined, 2);
	assert_int_equal(kernel.n_taken, 2);
	set(g, 2, (const uint8_t[]){1, 2, 3}, 3);
	assert_int_equal(kernel.by_frames, 1);
	assert_int_equal(kernel.in, 2);
	kernel.room = 3;
	set(g, 2, (const uint8_t[]){1, 2, 3}, 3);
	assert_int_equal(kernel.by_frames, 0);
	assert_int_equal(kernel.in, 3);
}

static void test_what_cannot_be_had_is_tried_again(void **state)
{
	struct groups *g = *state;

	kernel.has_none = true;
	set(g, 99, (const uint8_t[]){1}, 1);
	assert_int_equal(kernel.in + kernel.by_frames, 0);
	kernel.has_none = false;
	set(g, 99, (const uint8_t[]){1}, 1);
	assert_int_equal(kernel.in, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_only_what_differs_is_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_same_group_is_joined_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_where_the_kernel_takes_no_more_the_network_card_is_told, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_what_cannot_be_had_is_tried_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
