/* SPDX-License-Identifier: Apache-2.0 */
#include "app/outcomes.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "await.h"
#include "base/log.h"
#include "objects.h"

enum { TURN = 10 * 1000, PATIENCE = 10 * 1000 * 1000, N_MANY = 4000 };

/* stderr is a file while a test runs. */
struct fixture {
	sd_event *loop;
	struct outcomes *outcomes;
	int saved;
};

static int setup(void **state)
{
	struct fixture *f = xnew0(struct fixture);
	int file = memfd_create("log", MFD_CLOEXEC);
	struct err e = {0};

	f->saved = dup(STDERR_FILENO);
	if (dup2(file, STDERR_FILENO) < 0 || close(file) < 0)
		return -1;
	log_setup(LOG_INFO, LOG_LOGFMT);
	*state = f;
	return sd_event_new(&f->loop) < 0 ? -1 : outcomes_new(&f->outcomes, f->loop, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	outcomes_free(f->outcomes);
	sd_event_unref(f->loop);
	dup2(f->saved, STDERR_FILENO);
	close(f->saved);
	free(f);
	return 0;
}

/* How many lines of the log have this text. */
static unsigned lines_with(const char *text)
{
	CLEANUP_FREE char *line = NULL;
	FILE *log = fdopen(dup(STDERR_FILENO), "r");
	size_t size = 0;
	unsigned n = 0;

	rewind(log);
	while (getline(&line, &size, log) >= 0)
		n += strstr(line, text) != NULL;
	fclose(log);
	return n;
}

static void put_service(struct store *s, unsigned number)
{
	CLEANUP_FREE char *text = xasprintf(
		"apiVersion: v1\nkind: Service\n"
		"metadata: {name: s%u, namespace: shop, annotations: {kago.dev/vip: 10.1.%u.%u}}\n"
		"spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: 80}]}\n",
		number, number / 250, number % 250 + 1);

	put_all(s, text);
}

static void tell(struct fixture *f, const struct store *s)
{
	const struct fleet_rules rules = {.fleet = "a"};
	CLEANUP(fleet_unrefp) struct fleet *fleet = fleet_build(s, &rules);

	outcomes_tell(f->outcomes, fleet);
}

static bool stands_still; /* the clock: however slow the machine is, nothing takes time */

uint64_t __real_loop_clock(void);
uint64_t __wrap_loop_clock(void);

uint64_t __wrap_loop_clock(void)
{
	return stands_still ? 1 : __real_loop_clock();
}

static void what_little_there_is_stands_in_the_log_at_once(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	struct fixture *f = *state;

	stands_still = true;
	put_service(s, 1);
	tell(f, s);
	assert_int_equal(lines_with("event=service.no_endpoints service=shop/s1 "), 1);
	put_service(s, 2);
	tell(f, s);
	assert_int_equal(lines_with("service=shop/s2 "), 1);
	assert_int_equal(lines_with("service=shop/s1 "), 1);
	store_remove(s, "Service", "shop", "s1");
	tell(f, s);
	assert_int_equal(lines_with("event=service.gone service=shop/s1 "), 1);
	stands_still = false;
}

static void many_lines_come_in_pieces_and_all_of_them(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	struct fixture *f = *state;
	unsigned n;

	for (unsigned i = 0; i < N_MANY; i++)
		put_service(s, i);
	tell(f, s);
	n = lines_with("event=service.no_endpoints");
	assert_in_range(n, 1, N_MANY - 1);
	store_remove(s, "Service", "shop", "s0");
	tell(f, s);
	assert_int_equal(lines_with("event=service.no_endpoints"), n);
	AWAIT(f, lines_with("event=service.gone") == 1);
	assert_int_equal(lines_with("event=service.no_endpoints"), N_MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_little_there_is_stands_in_the_log_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			many_lines_come_in_pieces_and_all_of_them, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
