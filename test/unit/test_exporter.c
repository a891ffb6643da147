/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/exporter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"
#include "net/sockaddr.h"

enum { TURN = 50 * 1000, TURNS = 200 };

void __real_loop_timer_arm(sd_event_source *timer, uint64_t after);
void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after);

void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after)
{
	__real_loop_timer_arm(timer, after / 100);
}

static bool stranger;
bool __wrap_readers_may(
	const struct config *c, const struct listen *at, const struct ipaddr *client);

bool __wrap_readers_may(
	const struct config *c, const struct listen *at, const struct ipaddr *client)
{
	(void)c;
	(void)at;
	(void)client;
	return !stranger;
}

struct fixture {
	sd_event *loop;
	struct listen at;
	union sockaddr_any addr;
	socklen_t addr_len;
	int holder; /* of the port; -1: nobody */
	char answer[1024];
};

static void on_stop(void *ud)
{
	(void)ud;
}

/* In a child. */
static void write_page(void *ud, FILE *out)
{
	(void)ud;
	fputs("kago_node_up 1\n", out);
}

/* The port is taken at first. */
static int setup(void **state)
{
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&f->at.addr, "127.0.0.1", &e), 0);
	f->addr_len = sockaddr_set(&f->addr, &f->at.addr, 0);
	f->holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->holder, &f->addr.any, f->addr_len), 0);
	assert_int_equal(listen(f->holder, 1), 0);
	assert_int_equal(getsockname(f->holder, &f->addr.any, &f->addr_len), 0);
	f->at.port = ntohs(f->addr.v4.sin_port);
	*state = f;
	return loop_new(&f->loop, on_stop, NULL, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->holder >= 0)
		close(f->holder);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

static int connect_to(const struct fixture *f)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (unsigned i = 0; i < TURNS && connect(fd, &f->addr.any, f->addr_len) < 0; i++)
		assert_true(sd_event_run(f->loop, TURN) >= 0);
	return fd;
}

static const char *get(struct fixture *f, const char *path)
{
	char text[64];
	int fd = connect_to(f), len = snprintf(text, sizeof text, "GET %s HTTP/1.0\r\n\r\n", path);
	size_t n_answer = 0;

	send(fd, text, (size_t)len, MSG_NOSIGNAL);
	for (int i = 0; i < TURNS; i++) {
		ssize_t n = recv(
			fd, f->answer + n_answer, sizeof f->answer - 1 - n_answer, MSG_DONTWAIT);

		if (n == 0)
			break;
		if (n > 0)
			n_answer += (size_t)n;
		else
			assert_true(sd_event_run(f->loop, TURN) >= 0);
	}
	f->answer[n_answer] = '\0';
	close(fd);
	return f->answer;
}

/* Tunnels do not depend on it. */
static void a_port_that_is_taken_is_waited_for(void **state)
{
	struct fixture *f = *state;
	const struct config everybody = {0};
	CLEANUP(exporter_freep) struct exporter *x = NULL;
	struct err e = {0};

	assert_int_equal(exporter_new(&x, f->loop, &everybody, &f->at, write_page, NULL, &e), 0);
	assert_true(sd_event_run(f->loop, TURN) >= 0);
	close(steal_fd(&f->holder));
	assert_non_null(strstr(get(f, "/metrics"), "\nkago_node_up 1\n"));
	assert_non_null(strstr(get(f, "/"), " 404 "));
}

/* As of load balancers' metrics (http/readers.h). */
static void who_is_not_allowed_hears_nothing(void **state)
{
	struct fixture *f = *state;
	const struct config c = {0};
	CLEANUP(exporter_freep) struct exporter *x = NULL;
	struct err e = {0};

	close(steal_fd(&f->holder));
	assert_int_equal(exporter_new(&x, f->loop, &c, &f->at, write_page, NULL, &e), 0);
	stranger = true;
	assert_string_equal(get(f, "/metrics"), "");
	stranger = false;
	assert_non_null(strstr(get(f, "/metrics"), "\nkago_node_up 1\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_port_that_is_taken_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_not_allowed_hears_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
