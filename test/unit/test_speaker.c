/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own_clock.h"

#include "addresses.h"
#include "base/fsutil.h"

/* A program that notes how it was called: what comes to it of what the sidecar says. */

enum { TURN = 20 * 1000, TURNS = 3000 };

#define SCRIPT                                                                                     \
	"#!/bin/sh\n"                                                                              \
	"echo \"$*\" $(cat) >>%s/record\n"

struct fixture {
	char folder[sizeof "/tmp/kago-test-XXXXXX"];
	char *program;
	sd_event *loop;
	struct config config;
	struct site site;
	struct speaker *speaker;
	size_t n_stopped;
};

static void ignore(void *ud)
{
	(void)ud;
}

static void on_stopped(void *ud)
{
	struct fixture *f = ud;

	f->n_stopped++;
}

static int setup(void **state)
{
	static const struct speaker_ops ops = {ignore, ignore, on_stopped};
	struct fixture *f = xnew0(struct fixture);
	CLEANUP_FREE char *script = NULL;
	struct err e = {0};

	*state = f;
	own_clock_begin();
	memcpy(f->folder, "/tmp/kago-test-XXXXXX", sizeof f->folder);
	assert_non_null(mkdtemp(f->folder));
	f->program = xasprintf("%s/program", f->folder);
	script = xasprintf(SCRIPT, f->folder);
	assert_int_equal(fs_write_atomic(f->program, script, strlen(script), &e), 0);
	chmod(f->program, 0755);
	f->config.announce = CONFIG_ANNOUNCE_EXEC;
	f->config.exec.program = f->program;
	f->config.exec.timeout = 30 * 1000 * 1000;
	f->config.node.drain = 5 * 1000 * 1000;
	f->site.node.v4 = addr_of("10.0.0.7");
	setenv("NODE_NAME", "n", 1);
	assert_int_equal(loop_new(&f->loop, ignore, NULL, &e), 0);
	if (speaker_start(&f->speaker, f->loop, &SOCKETS_NONE, &f->config, &f->site, &ops, f, &e) <
		0)
		fail_msg("%s", e.msg);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *record = xasprintf("%s/record", f->folder);

	speaker_free(f->speaker);
	sd_event_unref(f->loop);
	unlink(record);
	unlink(f->program);
	assert_int_equal(rmdir(f->folder), 0);
	free(f->program);
	free(f);
	return 0;
}

static void announce(const struct fixture *f, const char *vip)
{
	CLEANUP_PREFIXES struct prefixes all = {0};
	const struct book book = {0};

	if (vip)
		prefixes_add(&all, &(struct ipnet){addr_of(vip), 32});
	speaker_announce(f->speaker, &all, &book);
}

/* Until it was called like that, and with nothing else since. */
static void await_record(const struct fixture *f, const char *expected)
{
	CLEANUP_FREE char *path = xasprintf("%s/record", f->folder), *text = NULL;
	struct err e = {0};
	size_t len;

	for (unsigned i = 0; i < TURNS && (!text || strcmp(text, expected) != 0); i++) {
		assert_true(sd_event_run(f->loop, TURN) >= 0);
		free(text);
		text = NULL;
		fs_read(&text, &len, path, 1000, &e);
	}
	assert_string_equal(text, expected);
}

/* A restart removes nothing that is served again once the controller has come. */
static void a_program_is_called_once_it_is_known_what_is_served(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *record = xasprintf("%s/record", f->folder);
	CLEANUP_PREFIXES struct prefixes others = {0};
	const struct vips nothing = {0};

	speaker_weigh(f->speaker, &nothing, false);
	own_clock_settle(f->loop);
	assert_int_equal(access(record, F_OK), -1);
	announce(f, "10.1.1.1");
	prefixes_add(&others, &(struct ipnet){addr_of("10.1.1.9"), 32});
	speaker_set_others(f->speaker, &others);
	speaker_weigh(f->speaker, &nothing, true);
	await_record(f, "sync 10.0.0.7 n 10.1.1.1/32 10.1.1.9/32 other\n");
	for (unsigned i = 0; i < TURNS && !speaker_is_heard(f->speaker); i++)
		assert_true(sd_event_run(f->loop, TURN) >= 0);
	assert_int_equal(speaker_heard(f->speaker)->n_items, 1);
}

static void what_is_announced_of_it_is_reported(void **state)
{
	struct fixture *f = *state;
	struct lifeline_report r = {0};
	json_t *status = json_object();

	announce(f, "10.1.1.1");
	speaker_report(f->speaker, &r);
	assert_int_equal(r.announced->n_items, 0);
	assert_int_equal(json_integer_value(json_object_get(r.exec, "pending")), 2);
	speaker_status(f->speaker, status);
	assert_true(json_equal(json_object_get(status, "exec"), r.exec));
	assert_int_equal(json_array_size(json_object_get(status, "vips")), 1);
	json_decref(r.exec);
	json_decref(status);
}

static void all_is_taken_back_before_it_stops(void **state)
{
	struct fixture *f = *state;
	const struct vips nothing = {0};

	speaker_weigh(f->speaker, &nothing, true);
	await_record(f, "sync 10.0.0.7 n\n");
	announce(f, "10.1.1.1");
	await_record(f, "sync 10.0.0.7 n\nadd 10.1.1.1/32 10.0.0.7 n\n");
	announce(f, NULL);
	speaker_stop(f->speaker);
	for (unsigned i = 0; i < TURNS && f->n_stopped == 0; i++)
		assert_true(sd_event_run(f->loop, TURN) >= 0);
	assert_int_equal(f->n_stopped, 1);
	await_record(f, "sync 10.0.0.7 n\nadd 10.1.1.1/32 10.0.0.7 n\n"
			"remove 10.1.1.1/32 10.0.0.7 n\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_program_is_called_once_it_is_known_what_is_served),
		TEST(what_is_announced_of_it_is_reported),
		TEST(all_is_taken_back_before_it_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
