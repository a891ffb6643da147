/* SPDX-License-Identifier: Apache-2.0 */
#include "app/httpd.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/sockaddr.h"
#include "shortage.h"

enum { TURN = 50 * 1000, TURNS = 200, FEW = 20 };

struct fixture {
	sd_event *loop;
	struct scribes *scribes;
	struct httpd *httpd;
	union sockaddr_any addr;
	socklen_t addr_len;
	char answer[1024];
	size_t len;
};

static unsigned on_get(void *ud, const char *path, char **ret_body)
{
	(void)ud;
	if (strcmp(path, "/long") == 0 || strcmp(path, "/lost") == 0)
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
	fprintf(out, "this is %s\n", path);
}

static const struct httpd_ops ops = {on_get, write_page};

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
	char at[32];

	*state = f;
	find_port(f, "127.0.0.1");
	snprintf(at, sizeof at, "127.0.0.1:%u", ntohs(f->addr.v4.sin_port));
	if (loop_new(&f->loop, on_stop, NULL, &e) < 0)
		return -1;
	f->scribes = scribes_new(f->loop);
	return httpd_new(&f->httpd, f->loop, at, f->scribes, &ops, f, &e);
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

static int come(const struct fixture *f)
{
	int fd = socket(f->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, &f->addr.any, f->addr_len), 0);
	return fd;
}

static int ask(const struct fixture *f, const char *path)
{
	char text[128];
	int len = snprintf(text, sizeof text,
		"GET %s HTTP/1.1\r\nHost: kago\r\nConnection: close\r\n\r\n", path);
	int fd = come(f);

	assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
	return fd;
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

static void test_a_page_that_takes_long_is_written_by_a_child(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = ask(f, "/long"), quick = ask(f, "/metrics");

	assert_non_null(strstr(await_answer(f, quick), "kago_up 1\n"));
	assert_non_null(strstr(await_answer(f, fd), "HTTP/1.1 200"));
	assert_non_null(strstr(f->answer, "\r\n\r\nthis is /long\n"));
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

static void test_more_long_pages_than_children_are_put_off(void **state)
{
	struct fixture *f = *state;
	int fds[LIMIT_SCRIBES + 1];
	unsigned n_served = 0, n_put_off = 0;

	for (size_t i = 0; i <= LIMIT_SCRIBES; i++)
		fds[i] = ask(f, "/long");
	for (size_t i = 0; i <= LIMIT_SCRIBES; i++) {
		await_answer(f, fds[i]);
		n_served += strstr(f->answer, "HTTP/1.1 200") != NULL;
		n_put_off += strstr(f->answer, "HTTP/1.1 503") != NULL;
		close(fds[i]);
	}
	assert_int_equal(n_served + n_put_off, LIMIT_SCRIBES + 1);
	assert_true(n_served >= LIMIT_SCRIBES);
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
	char at[32];

	snprintf(at, sizeof at, "127.0.0.1:%u", ntohs(f->addr.v4.sin_port));
	assert_int_equal(httpd_new(&second, f->loop, at, f->scribes, &ops, f, &e), -EADDRINUSE);
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

/* More clients than it has room for are turned away, and do not keep it from the others. */
static void test_those_who_are_too_many_are_turned_away(void **state)
{
	struct fixture *f = *state;
	int idle[LIMIT_HTTP_CONNECTIONS], fd;

	for (size_t i = 0; i < LIMIT_HTTP_CONNECTIONS; i++)
		idle[i] = come(f);
	fd = ask(f, "/metrics");
	assert_string_equal(await_answer(f, fd), "");
	close(fd);
	assert_in_range(turns_of(f->loop), 1, FEW);
	for (size_t i = 0; i < LIMIT_HTTP_CONNECTIONS; i++)
		close(idle[i]);
	turns_of(f->loop);
	fd = ask(f, "/metrics");
	assert_non_null(strstr(await_answer(f, fd), "kago_up 1\n"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_page_is_served, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_page_that_takes_long_is_written_by_a_child, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_child_that_dies_is_an_error_of_that_page, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_more_long_pages_than_children_are_put_off, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_server_that_ends_waits_for_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_port_has_one_server, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_descriptors_it_rests_and_goes_on_later, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_those_who_are_too_many_are_turned_away, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
