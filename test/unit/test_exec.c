/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/exec.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own_clock.h"

#include "addresses.h"
#include "base/fsutil.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"

/* With a program in the cloud's place that notes how it was called, and fails or hangs as told. */

enum { SECOND = 1000 * 1000, TURN = 20 * 1000, TURNS = 3000, N_EVENTS = 8 };

#define SCRIPT                                                                                     \
	"#!/bin/sh\n"                                                                              \
	"cd %s || exit\n"                                                                          \
	"vip=${2%%/*}\n"                                                                           \
	"echo \"$*\" $(cat) >>record\n"                                                            \
	"echo \"${SECRET-none} ${TOKEN-none}\" >environment\n"                                     \
	"[ ! -e hang-$vip ] || { echo $$ >pid; exec sleep 1000; }\n"                               \
	"[ ! -e loud ] || seq 1000\n"                                                              \
	"[ ! -e fail-$1 ] || { echo \"no $1 today\" >&2; exit 3; }\n"

#define NETWORK_SCRIPT                                                                             \
	"#!/usr/bin/python3\n"                                                                     \
	"import socket, urllib.request\n"                                                          \
	"with socket.create_connection((socket.gethostbyname('localhost'), %d)) as s:\n"           \
	"    s.sendall(b'hello')\n"

struct fixture {
	char folder[sizeof "/tmp/kago-test-XXXXXX"];
	char *program, *token;
	sd_event *loop;
	struct config config;
	struct site site;
	struct exec *exec;
	size_t n_changes, n_stopped;
};

static struct {
	const char *name;
	size_t n;
} events[N_EVENTS];

void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields);
void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	size_t i = 0;

	(void)level;
	(void)fields;
	while (i < N_EVENTS - 1 && events[i].name && strcmp(events[i].name, event) != 0)
		i++;
	events[i].name = event;
	events[i].n++;
}

static size_t logged(const char *event)
{
	for (size_t i = 0; i < N_EVENTS && events[i].name; i++)
		if (strcmp(events[i].name, event) == 0)
			return events[i].n;
	return 0;
}

static void ignore(void *ud)
{
	(void)ud;
}

static void on_change(void *ud)
{
	struct fixture *f = ud;

	f->n_changes++;
}

static void on_stopped(void *ud)
{
	struct fixture *f = ud;

	f->n_stopped++;
}

static char *in_folder(const struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->folder, name);
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	CLEANUP_FREE char *path = in_folder(f, name);
	struct err e = {0};

	assert_int_equal(fs_write_atomic(path, text, strlen(text), &e), 0);
	chmod(path, 0755);
}

static void drop(const struct fixture *f, const char *name)
{
	CLEANUP_FREE char *path = in_folder(f, name);

	unlink(path);
}

/* "" if there is none. */
static char *text_in(const struct fixture *f, const char *name)
{
	CLEANUP_FREE char *path = in_folder(f, name);
	struct err e = {0};
	char *text = NULL;
	size_t len;

	return fs_read(&text, &len, path, 1 << 20, &e) < 0 ? xstrdup("") : text;
}

static bool has_called(const struct fixture *f, const char *call)
{
	CLEANUP_FREE char *record = text_in(f, "record"), *line = xasprintf("%s\n", call);

	return strstr(record, line);
}

/* The clock stands meanwhile. */
#define AWAIT(f, condition)                                                                        \
	do {                                                                                       \
		for (unsigned turn_ = 0; !(condition) && turn_ < TURNS; turn_++)                   \
			assert_true(sd_event_run((f)->loop, TURN) >= 0);                           \
		assert_true(condition);                                                            \
	} while (0)

/* The clock goes on, too, slower than what is done. */
#define AWAIT_LATER(f, condition)                                                                  \
	do {                                                                                       \
		for (unsigned turn_ = 0; !(condition) && turn_ < TURNS; turn_++) {                 \
			assert_true(sd_event_run((f)->loop, TURN) >= 0);                           \
			own_clock_pass((f)->loop, SECOND / 10);                                    \
		}                                                                                  \
		assert_true(condition);                                                            \
	} while (0)

static int start(struct fixture *f, struct err *e)
{
	static const struct exec_ops ops = {on_change, on_stopped};

	return exec_start(&f->exec, f->loop, &f->config, &f->site, &ops, f, e);
}

static void must_start(struct fixture *f)
{
	struct err e = {0};

	if (start(f, &e) < 0)
		fail_msg("%s", e.msg);
}

static int setup(void **state)
{
	static char *environment[1];
	struct fixture *f = xnew0(struct fixture);
	CLEANUP_FREE char *script = NULL;
	struct err e = {0};

	*state = f;
	own_clock_begin();
	memset(events, 0, sizeof events);
	memcpy(f->folder, "/tmp/kago-test-XXXXXX", sizeof f->folder);
	assert_non_null(mkdtemp(f->folder));
	f->program = in_folder(f, "program");
	f->token = xstrdup("TOKEN");
	environment[0] = f->token;
	script = xasprintf(SCRIPT, f->folder);
	put(f, "program", script);
	f->config.exec.program = f->program;
	f->config.exec.timeout = 30 * (uint64_t)SECOND;
	f->config.exec.environment = environment;
	f->config.exec.n_environment = 1;
	f->config.node.drain = 5 * (uint64_t)SECOND;
	f->config.node.grace = 30 * (uint64_t)SECOND;
	f->site.node.v4 = addr_of("10.0.0.7");
	setenv("NODE_NAME", "node-1.example.com", 1);
	setenv("SECRET", "hidden", 1);
	setenv("TOKEN", "t0", 1);
	assert_int_equal(loop_new(&f->loop, ignore, NULL, &e), 0);
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {"program", "record", "environment", "pid", "loud",
		"fail-add", "fail-remove", "fail-sync", "hang-10.1.1.1"};
	struct fixture *f = *state;

	exec_free(f->exec);
	sd_event_unref(f->loop);
	/* Who was killed just now may make one more. */
	for (unsigned turn = 0; access(f->folder, F_OK) == 0 && turn < TURNS; turn++) {
		for (size_t i = 0; i < sizeof files / sizeof *files; i++)
			drop(f, files[i]);
		rmdir(f->folder);
	}
	assert_int_equal(access(f->folder, F_OK), -1);
	free(f->program);
	free(f->token);
	free(f);
	return 0;
}

/* The VIPs in this text, or none. */
static void offer(const struct fixture *f, const char *one, const char *other)
{
	CLEANUP_PREFIXES struct prefixes all = {0};
	const char *const texts[] = {one, other};

	for (size_t i = 0; i < 2; i++) {
		const struct ipaddr addr = texts[i] ? addr_of(texts[i]) : (struct ipaddr){0};
		const struct ipnet net = ipnet_of(&addr);

		if (texts[i])
			prefixes_add(&all, &net);
	}
	exec_offer(f->exec, &all);
}

static size_t n_heard(const struct fixture *f)
{
	return exec_heard(f->exec)->n_items;
}

static json_int_t reported(const struct fixture *f, const char *key)
{
	json_t *report = exec_report(f->exec);
	json_int_t n = json_integer_value(json_object_get(report, key));

	json_decref(report);
	return n;
}

static void assert_error(const struct fixture *f, const char *expected)
{
	json_t *report = exec_report(f->exec);

	assert_string_equal(json_string_value(json_object_get(report, "error")), expected);
	json_decref(report);
}

/* Nothing is wanted yet. */
static void begin(struct fixture *f)
{
	must_start(f);
	exec_begin(f->exec);
	AWAIT(f, reported(f, "pending") == 0);
}

static void all_is_told_by_one_call_at_first(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *environment = NULL;

	must_start(f);
	offer(f, "10.1.1.1", "10.1.1.2");
	assert_int_equal(n_heard(f), 0);
	assert_false(exec_is_heard(f->exec));
	exec_begin(f->exec);
	AWAIT(f, n_heard(f) == 2);
	assert_true(exec_is_heard(f->exec));
	assert_true(f->n_changes > 0);
	assert_true(has_called(f, "sync 10.0.0.7 node-1.example.com 10.1.1.1/32 10.1.1.2/32"));
	environment = text_in(f, "environment");
	assert_string_equal(environment, "none t0\n");
	assert_int_equal(logged("exec.synced"), 1);
}

/* An earlier process has left something. */
static void who_is_not_told_to_begin_begins_after_the_grace(void **state)
{
	struct fixture *f = *state;

	must_start(f);
	own_clock_pass(f->loop, 29 * (uint64_t)SECOND);
	assert_false(has_called(f, "sync 10.0.0.7 node-1.example.com"));
	own_clock_pass(f->loop, 2 * (uint64_t)SECOND);
	AWAIT(f, has_called(f, "sync 10.0.0.7 node-1.example.com"));
}

static void each_family_is_told_with_its_own_address(void **state)
{
	struct fixture *f = *state;

	f->site.node.v6 = addr_of("fd00::7");
	must_start(f);
	offer(f, "10.1.1.1", "fd00:1::1");
	exec_begin(f->exec);
	AWAIT(f, n_heard(f) == 2);
	assert_true(has_called(f, "sync 10.0.0.7 node-1.example.com 10.1.1.1/32"));
	assert_true(has_called(f, "sync fd00::7 node-1.example.com fd00:1::1/128"));
	offer(f, "10.1.1.1", "fd00:1::2");
	AWAIT(f, n_heard(f) == 2 && reported(f, "pending") == 0);
	assert_true(has_called(f, "add fd00:1::2/128 fd00::7 node-1.example.com"));
	assert_true(has_called(f, "remove fd00:1::1/128 fd00::7 node-1.example.com"));
}

static void each_change_is_told_by_a_call_of_its_own(void **state)
{
	struct fixture *f = *state;

	begin(f);
	offer(f, "10.1.1.1", NULL);
	AWAIT(f, n_heard(f) == 1);
	assert_true(has_called(f, "add 10.1.1.1/32 10.0.0.7 node-1.example.com"));
	offer(f, NULL, NULL);
	assert_int_equal(n_heard(f), 0);
	AWAIT(f, reported(f, "pending") == 0);
	assert_true(has_called(f, "remove 10.1.1.1/32 10.0.0.7 node-1.example.com"));
}

static void what_fails_is_tried_again_and_said_once(void **state)
{
	struct fixture *f = *state;

	begin(f);
	put(f, "fail-add", "");
	offer(f, "10.1.1.1", NULL);
	AWAIT(f, reported(f, "failing") == 1);
	assert_error(f, "exit status 3, its last words: 'no add today'");
	AWAIT_LATER(f, logged("exec.log") == 3);
	assert_int_equal(logged("exec.failed"), 1);
	assert_int_equal(n_heard(f), 0);
	drop(f, "fail-add");
	AWAIT_LATER(f, n_heard(f) == 1);
	assert_error(f, "");
}

static void a_program_that_is_not_there_is_tried_again(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *script = text_in(f, "program");

	drop(f, "program");
	must_start(f);
	exec_begin(f->exec);
	AWAIT(f, reported(f, "failing") == 1);
	put(f, "program", script);
	AWAIT_LATER(f, reported(f, "pending") == 0);
}

static pid_t pid_in(const struct fixture *f)
{
	CLEANUP_FREE char *text = text_in(f, "pid");
	uint64_t pid = 0;
	struct err e = {0};

	text[strcspn(text, "\n")] = '\0';
	return str_to_u64(&pid, text, 2, INT32_MAX, &e) < 0 ? 0 : (pid_t)pid;
}

static void what_hangs_is_killed_and_holds_up_no_other(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	begin(f);
	put(f, "hang-10.1.1.1", "");
	offer(f, "10.1.1.1", "10.1.1.2");
	AWAIT(f, n_heard(f) == 1 && pid_in(f) > 0);
	pid = pid_in(f);
	drop(f, "hang-10.1.1.1");
	own_clock_pass(f->loop, 31 * (uint64_t)SECOND);
	assert_int_equal(reported(f, "failing"), 1);
	assert_error(f, "it was killed after 30s (exec.timeout)");
	AWAIT(f, kill(pid, 0) < 0);
	AWAIT_LATER(f, n_heard(f) == 2);
}

static void who_talks_much_is_logged_in_part(void **state)
{
	struct fixture *f = *state;

	put(f, "loud", "");
	put(f, "fail-sync", "");
	must_start(f);
	exec_begin(f->exec);
	AWAIT(f, reported(f, "failing") == 1);
	assert_int_equal(logged("exec.log"), LIMIT_EXEC_LINES + 1);
	assert_error(f, "exit status 3, its last words: 'no sync today'");
}

static void all_is_taken_back_at_the_end(void **state)
{
	struct fixture *f = *state;

	must_start(f);
	offer(f, "10.1.1.1", "10.1.1.2");
	exec_begin(f->exec);
	AWAIT(f, n_heard(f) == 2);
	exec_stop(f->exec);
	assert_int_equal(f->n_stopped, 0);
	AWAIT(f, f->n_stopped == 1);
	assert_true(has_called(f, "remove 10.1.1.1/32 10.0.0.7 node-1.example.com"));
	assert_true(has_called(f, "remove 10.1.1.2/32 10.0.0.7 node-1.example.com"));
	assert_int_equal(logged("exec.left"), 0);
}

static void who_ends_before_it_begins_takes_back_what_was_left(void **state)
{
	struct fixture *f = *state;

	must_start(f);
	exec_stop(f->exec);
	AWAIT(f, f->n_stopped == 1);
	assert_true(has_called(f, "sync 10.0.0.7 node-1.example.com"));
}

static void the_end_waits_for_the_drain_and_no_longer(void **state)
{
	struct fixture *f = *state;

	begin(f);
	offer(f, "10.1.1.1", NULL);
	AWAIT(f, n_heard(f) == 1);
	put(f, "fail-remove", "");
	offer(f, NULL, NULL);
	AWAIT(f, reported(f, "failing") == 1);
	own_clock_pass(f->loop, 3 * (uint64_t)SECOND);
	exec_stop(f->exec);
	own_clock_pass(f->loop, SECOND);
	assert_int_equal(f->n_stopped, 0);
	own_clock_pass(f->loop, 2 * (uint64_t)SECOND);
	assert_int_equal(f->n_stopped, 1);
	assert_int_equal(logged("exec.left"), 1);
}

static void there_is_a_node_with_a_name(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};

	unsetenv("NODE_NAME");
	assert_int_equal(start(f, &e), -EINVAL);
	setenv("NODE_NAME", "--help; rm", 1);
	assert_int_equal(start(f, &e), -EINVAL);
	assert_string_equal(e.msg, "NODE_NAME: '--help; rm' is not a DNS name");
}

static void what_it_shall_get_and_is_not_there_is_said(void **state)
{
	struct fixture *f = *state;

	unsetenv("TOKEN");
	must_start(f);
	assert_int_equal(logged("exec.no_variable"), 1);
}

static int listen_somewhere(uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

/* With what it may not do: no capability, no right to gain, a wall around its files. */
static void it_can_be_a_client_of_the_network(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *script = NULL;
	char word[8] = "";
	uint16_t port;
	int fd, client;

	if (access("/usr/bin/python3", X_OK) < 0) {
		print_message("there is no /usr/bin/python3\n");
		skip();
	}
	fd = listen_somewhere(&port);
	script = xasprintf(NETWORK_SCRIPT, port);
	put(f, "program", script);
	begin(f);
	client = accept(fd, NULL, NULL);
	assert_int_equal(read(client, word, sizeof word), 5);
	assert_string_equal(word, "hello");
	close(client);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(all_is_told_by_one_call_at_first),
		TEST(who_is_not_told_to_begin_begins_after_the_grace),
		TEST(each_family_is_told_with_its_own_address),
		TEST(each_change_is_told_by_a_call_of_its_own),
		TEST(what_fails_is_tried_again_and_said_once),
		TEST(a_program_that_is_not_there_is_tried_again),
		TEST(what_hangs_is_killed_and_holds_up_no_other),
		TEST(who_talks_much_is_logged_in_part),
		TEST(all_is_taken_back_at_the_end),
		TEST(who_ends_before_it_begins_takes_back_what_was_left),
		TEST(the_end_waits_for_the_drain_and_no_longer),
		TEST(there_is_a_node_with_a_name),
		TEST(what_it_shall_get_and_is_not_there_is_said),
		TEST(it_can_be_a_client_of_the_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
