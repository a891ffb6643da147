/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "shortage.h"

struct fixture {
	sd_event *loop;
	struct control_server *server;
	char name[64];
	size_t n_messages, n_closed;
	char why[128];
	size_t bytes_back;
	size_t n_refused;
	uid_t refused;
	bool goes_on; /* the loop, after a connection has ended */
};

/* Answers {"echo":N} with N bytes of text, and closes on {"bye":true}. */
static void on_request(struct control_conn *c, json_t *msg, void *ud)
{
	struct fixture *f = ud;
	json_int_t n = json_integer_value(json_object_get(msg, "echo"));
	CLEANUP_FREE char *text = xcalloc((size_t)n + 1, 1);

	f->n_messages++;
	if (json_is_true(json_object_get(msg, "bye"))) {
		control_close(c);
		return;
	}
	memset(text, 'x', (size_t)n);
	control_send(c, json_pack("{s:s}", "text", text));
}

static void on_request_close(struct control_conn *c, const char *why, void *ud)
{
	struct fixture *f = ud;

	(void)c;
	f->n_closed++;
	snprintf(f->why, sizeof f->why, "%s", why);
	if (!f->goes_on)
		loop_exit(f->loop, 0);
}

static void on_request_refused(uid_t uid, void *ud)
{
	struct fixture *f = ud;

	f->n_refused++;
	f->refused = uid;
	loop_exit(f->loop, 0);
}

static void on_answer(struct control_conn *c, json_t *msg, void *ud)
{
	struct fixture *f = ud;

	f->bytes_back += strlen(json_string_value(json_object_get(msg, "text")));
	control_close(c);
}

static void on_answer_close(struct control_conn *c, const char *why, void *ud)
{
	struct fixture *f = ud;

	(void)c;
	(void)why;
	loop_exit(f->loop, 1);
}

static void on_stop(void *ud)
{
	(void)ud;
}

static const struct control_ops server_ops = {on_request, on_request_close, on_request_refused};
static const struct control_ops client_ops = {.on_message = on_answer, .on_close = on_answer_close};

static int setup(void **state)
{
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	snprintf(f->name, sizeof f->name, "kago-test-%d", getpid());
	*state = f;
	if (loop_new(&f->loop, on_stop, NULL, &e) < 0)
		return -1;
	return control_listen(&f->server, f->loop, f->name, &server_ops, f, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_server_free(f->server);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

static void test_a_large_answer_arrives_whole(void **state)
{
	struct fixture *f = *state;
	struct control_conn *c;
	struct err e = {0};

	assert_int_equal(control_connect(&c, f->loop, f->name, &client_ops, f, &e), 0);
	control_send(c, json_pack("{s:i}", "echo", 3000000));
	assert_int_equal(loop_run(f->loop, &e), 0); /* the server sees the client close */
	assert_int_equal(f->bytes_back, 3000000);
	assert_int_equal(f->n_closed, 1);
}

static void test_the_server_may_close_from_within_a_message(void **state)
{
	struct fixture *f = *state;
	struct control_conn *c;
	struct err e = {0};

	assert_int_equal(control_connect(&c, f->loop, f->name, &client_ops, f, &e), 0);
	control_send(c, json_pack("{s:b}", "bye", 1));
	assert_int_equal(loop_run(f->loop, &e), 1); /* the client sees the end */
	assert_int_equal(f->n_closed, 0);
}

static int connect_raw(const struct fixture *f)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(f->name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(addr.sun_path + 1, f->name, len);
	len += offsetof(struct sockaddr_un, sun_path) + 1;
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, (socklen_t)len), 0);
	return fd;
}

static void test_a_line_that_is_no_object_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = connect_raw(f);
	struct err e = {0};

	assert_int_equal(write(fd, "{\"echo\":1}\n[]\n", 14), 14);
	assert_int_equal(loop_run(f->loop, &e), 0);
	assert_int_equal(f->n_messages, 1);
	assert_string_equal(f->why, "sent a line that is no JSON object");
}

/* Until `n` more connections were closed. */
static void run_until_closed(struct fixture *f, size_t n)
{
	size_t end = f->n_closed + n;

	alarm(20);
	while (f->n_closed < end)
		assert_true(sd_event_run(f->loop, UINT64_MAX) >= 0);
	alarm(0);
}

static void take_all(const struct fixture *f)
{
	while (sd_event_run(f->loop, 0) > 0)
		;
}

static void test_those_who_say_nothing_make_room_for_others(void **state)
{
	struct fixture *f = *state;
	int silent[2 * LIMIT_CONTROL_CLIENTS];
	struct control_conn *c;
	struct err e = {0};

	f->goes_on = true;
	for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++)
		silent[i] = connect_raw(f);
	assert_int_equal(write(silent[0], "{\"echo\":1}\n", 11), 11);
	take_all(f);
	for (size_t i = LIMIT_CONTROL_CLIENTS; i < 2 * LIMIT_CONTROL_CLIENTS; i++) {
		silent[i] = connect_raw(f);
		take_all(f);
	}
	/* All of the first, but the one that has said something. */
	assert_int_equal(f->n_messages, 1);
	assert_int_equal(f->n_closed, LIMIT_CONTROL_CLIENTS);
	assert_string_equal(f->why, "said nothing, and others came");
	assert_int_equal(control_connect(&c, f->loop, f->name, &client_ops, f, &e), 0);
	control_send(c, json_pack("{s:i}", "echo", 7));
	while (f->bytes_back == 0)
		assert_true(sd_event_run(f->loop, UINT64_MAX) >= 0);
	assert_int_equal(write(silent[0], "{\"echo\":1}\n", 11), 11);
	take_all(f);
	assert_int_equal(f->n_messages, 3);
	for (size_t i = 0; i < 2 * LIMIT_CONTROL_CLIENTS; i++)
		close(silent[i]);
}

static void test_a_message_must_end_in_time(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int silent = connect_raw(f), slow = connect_raw(f), idle = connect_raw(f);
	char byte;

	f->goes_on = true;
	assert_int_equal(write(slow, "{\"echo\":1}\n{\"ec", 15), 15);
	assert_int_equal(write(idle, "{\"echo\":1}\n", 11), 11);
	run_until_closed(f, 2);
	assert_string_equal(f->why, "did not finish its message in time");
	assert_int_equal(f->n_messages, 2);
	assert_int_equal(recv(silent, &byte, 1, MSG_DONTWAIT), 0);
	/* Whoever has said all it had to say may be silent for ever: such is the lifeline. */
	assert_int_equal(write(idle, "{\"echo\":1}\n", 11), 11);
	take_all(f);
	assert_int_equal(f->n_messages, 3);
}

static void test_only_root_and_our_own_user_are_let_in(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	int status;
	pid_t child;

	if (geteuid() != 0)
		skip(); /* only root can be somebody else */
	child = fork();
	if (child == 0) {
		char byte;

		alarm(20);
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		_exit(read(connect_raw(f), &byte, 1) == 0 ? 0 : 1);
	}
	alarm(20);
	assert_int_equal(loop_run(f->loop, &e), 0);
	alarm(0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(f->n_refused, 1);
	assert_int_equal(f->refused, 65534);
	assert_int_equal(f->n_closed, 0);
}

/* A process of another user that was there first. */
static pid_t start_impostor(const char *name)
{
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct sockaddr_un addr = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		socklen_t len =
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));

		alarm(20);
		memcpy(addr.sun_path + 1, name, strlen(name));
		if (setresuid(65534, 65534, 65534) < 0 ||
			bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 4) < 0 ||
			write(ready[1], "!", 1) < 0)
			_exit(2);
		pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void test_nobody_else_is_taken_for_the_controller(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *name = xasprintf("%s-impostor", f->name);
	struct control_conn *c;
	json_t *answer;
	struct err e = {0};
	pid_t impostor;

	if (geteuid() != 0)
		skip(); /* only root can be somebody else */
	impostor = start_impostor(name);
	assert_int_equal(control_connect(&c, f->loop, name, &client_ops, f, &e), -EACCES);
	assert_int_equal(control_ask(&answer, name, json_object(), 1000000, &e), -EACCES);
	kill(impostor, SIGKILL);
	waitpid(impostor, NULL, 0);
}

static void test_without_descriptors_it_rests_and_goes_on_later(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = connect_raw(f);
	struct rlimit before;
	unsigned turns;

	assert_int_equal(write(fd, "{\"echo\":1}\n[]\n", 14), 14);
	shortage_begin(&before);
	turns = turns_of(f->loop);
	shortage_end(&before);
	assert_in_range(turns, 1, 20);
	assert_int_equal(f->n_messages, 0);
	alarm(10);
	assert_int_equal(loop_run(f->loop, &(struct err){0}), 0);
	alarm(0);
	assert_int_equal(f->n_messages, 1);
}

static void test_one_name_has_one_listener(void **state)
{
	struct fixture *f = *state;
	struct control_server *second;
	struct err e = {0};

	assert_int_equal(
		control_listen(&second, f->loop, f->name, &server_ops, f, &e), -EADDRINUSE);
}

static void test_nobody_listening_is_refused(void **state)
{
	struct fixture *f = *state;
	struct control_conn *c;
	json_t *answer;
	struct err e = {0};

	assert_int_equal(
		control_connect(&c, f->loop, "kago-nobody", &client_ops, f, &e), -ECONNREFUSED);
	assert_int_equal(
		control_ask(&answer, "kago-nobody", json_object(), 1000000, &e), -ECONNREFUSED);
}

static void test_asking_a_silent_listener_times_out(void **state)
{
	struct fixture *f = *state;
	json_t *answer;
	struct err e = {0};

	/* The loop does not run, so nobody answers. */
	assert_int_equal(control_ask(&answer, f->name, json_object(), 50000, &e), -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_large_answer_arrives_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_server_may_close_from_within_a_message, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_line_that_is_no_object_ends_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_descriptors_it_rests_and_goes_on_later, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_those_who_say_nothing_make_room_for_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_message_must_end_in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_only_root_and_our_own_user_are_let_in, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_nobody_else_is_taken_for_the_controller, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_name_has_one_listener, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_listening_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_asking_a_silent_listener_times_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
