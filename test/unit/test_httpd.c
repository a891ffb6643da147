/* SPDX-License-Identifier: Apache-2.0 */
#include "http/httpd.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/limits.h"
#include "net/sockaddr.h"
#include "net_loopback.h"
#include "shortage.h"

enum {
	TURN = 50 * 1000,
	TURNS = 200,
	FEW = 20,
	STRANGER = 99,      /* 127.0.0.99 */
	LARGE_LINES = 8000, /* of a page that no socket takes at once */
	LARGE_LINE = 1000,
	SLOW = 64,
	READERS = 40,
	AT_ONCE = 1000 * 1000, /* usec; who waited for others would wait for seconds */
};

struct fixture {
	sd_event *loop;
	struct scribes *scribes;
	struct httpd *httpd;
	struct listen at;
	union sockaddr_any addr;
	socklen_t addr_len;
	char answer[1024];
	size_t len;
};

static unsigned on_get(void *ud, const char *path, char **ret_body)
{
	(void)ud;
	if (strcmp(path, "/long") == 0 || strcmp(path, "/lost") == 0 || strcmp(path, "/large") == 0)
		return 0;
	if (strcmp(path, "/metrics") != 0)
		return 404;
	*ret_body = xstrdup("kago_up 1\n");
	return 200;
}

/* In a child. */
static void write_page(void *ud, const char *path, FILE *out)
{
	(void)ud;
	if (strcmp(path, "/lost") == 0)
		raise(SIGKILL);
	fprintf(out, "this is %s of %d\n", path, getpid());
	for (int i = 0; strcmp(path, "/large") == 0 && i < LARGE_LINES; i++)
		fprintf(out, "%0*d\n", LARGE_LINE, i);
}

static bool admits(void *ud, const struct ipaddr *client)
{
	(void)ud;
	return client->bytes[3] != STRANGER;
}

static const struct httpd_ops ops = {admits, on_get, write_page};

static void on_stop(void *ud)
{
	(void)ud;
}

/* A port that is free: the kernel gives it away, and it is given back. */
static void find_port(struct fixture *f, const char *host)
{
	struct err e = {0};
	struct ipaddr ip;
	int fd;

	assert_int_equal(ipaddr_parse(&ip, host, &e), 0);
	f->addr_len = sockaddr_set(&f->addr, &ip, 0);
	fd = socket(f->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, &f->addr.any, f->addr_len), 0);
	assert_int_equal(getsockname(fd, &f->addr.any, &f->addr_len), 0);
	close(fd);
}

static int setup(void **state)
{
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	*state = f;
	find_port(f, "127.0.0.1");
	sockaddr_get(&f->at.addr, &f->addr.any);
	f->at.port = ntohs(f->addr.v4.sin_port);
	if (loop_new(&f->loop, on_stop, NULL, &e) < 0)
		return -1;
	f->scribes = scribes_new(f->loop);
	return httpd_new(&f->httpd, f->loop, &f->at, f->scribes, &ops, f, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	httpd_free(f->httpd);
	scribes_free(f->scribes);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

/* From 127.0.0.HOST. */
static int come_from(const struct fixture *f, unsigned host)
{
	const struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host)};
	int fd = socket(f->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(fd, &f->addr.any, f->addr_len), 0);
	return fd;
}

static int come(const struct fixture *f)
{
	return come_from(f, 1);
}

static int ask_from(const struct fixture *f, unsigned host, const char *path)
{
	char text[128];
	int len = snprintf(text, sizeof text,
		"GET %s HTTP/1.1\r\nHost: kago\r\nConnection: close\r\n\r\n", path);
	int fd = come_from(f, host);

	assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
	return fd;
}

static int ask(const struct fixture *f, const char *path)
{
	return ask_from(f, 1, path);
}

/* All that comes until the other side closes. */
static const char *await_answer(struct fixture *f, int fd)
{
	f->len = 0;
	for (int i = 0; i < TURNS; i++) {
		ssize_t n =
			recv(fd, f->answer + f->len, sizeof f->answer - 1 - f->len, MSG_DONTWAIT);

		if (n == 0)
			break;
		if (n > 0)
			f->len += (size_t)n;
		else
			assert_true(sd_event_run(f->loop, TURN) >= 0);
	}
	f->answer[f->len] = '\0';
	return f->answer;
}

static void test_a_page_is_served(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = ask(f, "/metrics"), other = ask(f, "/none");

	assert_non_null(strstr(await_answer(f, fd), "HTTP/1.1 200"));
	assert_non_null(strstr(f->answer, "\r\n\r\nkago_up 1\n"));
	assert_non_null(strstr(await_answer(f, other), "HTTP/1.1 404"));
	close(other);
}

static void test_who_is_not_admitted_hears_nothing(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = ask_from(f, STRANGER, "/metrics"), other = ask(f, "/metrics");

	assert_non_null(strstr(await_answer(f, other), "kago_up 1\n"));
	for (int i = 0; i < TURNS; i++) {
		ssize_t n = recv(fd, f->answer, sizeof f->answer, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			break;
		assert_int_equal(n, -1);
		assert_true(i + 1 < TURNS && sd_event_run(f->loop, TURN) >= 0);
	}
	close(other);
}

static void test_a_page_that_takes_long_is_written_by_a_child(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = ask(f, "/long"), quick = ask(f, "/metrics");

	assert_non_null(strstr(await_answer(f, quick), "kago_up 1\n"));
	assert_non_null(strstr(await_answer(f, fd), "HTTP/1.1 200"));
	assert_non_null(strstr(f->answer, "\r\n\r\nthis is /long of "));
	close(quick);
}

static void test_a_child_that_dies_is_an_error_of_that_page(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = ask(f, "/lost"), other = ask(f, "/long");

	assert_non_null(strstr(await_answer(f, fd), "HTTP/1.1 500"));
	assert_non_null(strstr(await_answer(f, other), "HTTP/1.1 200"));
	close(other);
}

/* One child for those who ask while it writes, and for those who ask at once afterwards. */
static void test_a_page_is_written_once_for_all_who_ask(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *first = NULL;
	int fds[LIMIT_HTTP_CLIENT];

	for (size_t i = 0; i < LIMIT_HTTP_CLIENT; i++)
		fds[i] = ask(f, "/long");
	first = xstrdup(await_answer(f, fds[0]));
	assert_non_null(strstr(first, "this is /long of "));
	for (size_t i = 1; i < LIMIT_HTTP_CLIENT; i++)
		assert_string_equal(strstr(await_answer(f, fds[i]), "this"), strstr(first, "this"));
	for (size_t i = 0; i < LIMIT_HTTP_CLIENT; i++)
		close(fds[i]);
	fds[0] = ask(f, "/long");
	assert_string_equal(strstr(await_answer(f, fds[0]), "this"), strstr(first, "this"));
	close(fds[0]);
}

/* The end comes while a page is written. */
static void test_a_server_that_ends_waits_for_nobody(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = ask(f, "/long");

	assert_true(sd_event_run(f->loop, TURN) >= 0);
	f->httpd = httpd_free(f->httpd);
	await_answer(f, fd);
}

static void test_a_port_has_one_server(void **state)
{
	struct fixture *f = *state;
	struct httpd *second;
	struct err e = {0};

	assert_int_equal(httpd_new(&second, f->loop, &f->at, f->scribes, &ops, f, &e), -EADDRINUSE);
}

static void test_without_descriptors_it_rests_and_goes_on_later(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = ask(f, "/metrics");
	struct rlimit before;
	unsigned turns;

	shortage_begin(&before);
	turns = turns_of(f->loop);
	shortage_end(&before);
	assert_in_range(turns, 1, FEW);
	assert_non_null(strstr(await_answer(f, fd), "kago_up 1\n"));
}

/* How long the quick page takes, asked for from 127.0.0.HOST. */
static uint64_t time_of_answer(struct fixture *f, unsigned host)
{
	uint64_t begun = loop_clock();
	CLEANUP_CLOSE int fd = ask_from(f, host, "/metrics");

	assert_non_null(strstr(await_answer(f, fd), "kago_up 1\n"));
	return loop_clock() - begun;
}

/* As a probe has to be; twice the machine itself may be busy. */
static void assert_answers_at_once(struct fixture *f, unsigned host)
{
	assert_true(time_of_answer(f, host) < AT_ONCE || time_of_answer(f, host) < AT_ONCE ||
		    time_of_answer(f, host) < AT_ONCE);
}

static bool is_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* All from one address, as the node's is that of its own pods. */
static void test_clients_that_say_nothing_keep_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	unsigned n_closed = 0;
	int idle[SLOW];

	for (size_t i = 0; i < SLOW; i++)
		idle[i] = come(f);
	assert_answers_at_once(f, 1);
	assert_answers_at_once(f, 2);
	for (size_t i = 0; i < SLOW; i++) {
		n_closed += is_closed(idle[i]);
		close(idle[i]);
	}
	assert_in_range(n_closed, SLOW - LIMIT_HTTP_CLIENT, SLOW - LIMIT_HTTP_CLIENT + 1);
}

static void test_clients_from_everywhere_keep_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	int idle[LIMIT_HTTP_CONNECTIONS];

	for (unsigned i = 0; i < LIMIT_HTTP_CONNECTIONS; i++)
		idle[i] = come_from(f, 2 + i / 8);
	turns_of(f->loop);
	for (size_t i = 0; i < LIMIT_HTTP_CONNECTIONS; i++)
		assert_false(is_closed(idle[i]));
	assert_answers_at_once(f, 1);
	assert_true(is_closed(idle[0]));
	for (size_t i = 1; i < LIMIT_HTTP_CONNECTIONS; i++)
		assert_false(is_closed(idle[i]));
	assert_in_range(turns_of(f->loop), 1, FEW);
	for (size_t i = 0; i < LIMIT_HTTP_CONNECTIONS; i++)
		close(idle[i]);
}

static void test_readers_that_are_slow_keep_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	unsigned turns = UINT_MAX;
	int readers[READERS];

	for (unsigned i = 0; i < READERS; i++)
		readers[i] = ask_from(f, 2 + i / 10, "/large");
	turns_of(f->loop);
	assert_answers_at_once(f, 1);
	/* Nor do they keep us busy, once their sockets are full. */
	for (int i = 0; i < TURNS && turns > FEW; i++)
		turns = turns_of(f->loop);
	assert_in_range(turns, 1, FEW);
	assert_answers_at_once(f, 2);
	for (size_t i = 0; i < READERS; i++)
		close(readers[i]);
	assert_answers_at_once(f, 3);
}

/* Who is sent away while the page is being written is not waited for. */
static void test_readers_that_have_to_go_are_forgotten(void **state)
{
	struct fixture *f = *state;
	int readers[2 * LIMIT_HTTP_CLIENT];

	for (size_t i = 0; i < 2 * LIMIT_HTTP_CLIENT; i++)
		readers[i] = ask(f, "/long");
	assert_non_null(
		strstr(await_answer(f, readers[2 * LIMIT_HTTP_CLIENT - 1]), "this is /long"));
	for (size_t i = 0; i < 2 * LIMIT_HTTP_CLIENT; i++)
		close(readers[i]);
	assert_answers_at_once(f, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_page_is_served, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_who_is_not_admitted_hears_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_page_that_takes_long_is_written_by_a_child, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_child_that_dies_is_an_error_of_that_page, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_page_is_written_once_for_all_who_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_server_that_ends_waits_for_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_port_has_one_server, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_descriptors_it_rests_and_goes_on_later, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_clients_that_say_nothing_keep_nobody_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_clients_from_everywhere_keep_nobody_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_readers_that_are_slow_keep_nobody_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_readers_that_have_to_go_are_forgotten, setup, teardown),
	};

	net_loopback(); /* where nobody else takes a port that was free a moment ago */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
