/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "keepalived/configtest.h"
#include "keepalived/upkeep.h"
#include "letters.h"
#include "loop/loop.h"
#include "tree.h"

/*
 * Upkeep with a script in the place of keepalived, which does what a test wants: it calls the shell
 * functions on_test, on_start and on_reload of a file, with the path of its configuration. A start
 * or reload of which the function says yes is told as keepalived does.
 */

enum { TURN = 20 * 1000, PATIENCE = 20 * 1000 * 1000, A_MINUTE = 60 * 1000 * 1000 };

static const char script[] =
	"#!/bin/bash\n"
	"[ -n \"$HEARS_HUP\" ] || HEARS_HUP=1 exec env --default-signal=HUP \"$0\" \"$@\"\n"
	"dir=${0%/*}\n"
	"on_test() { true; }; on_start() { true; }; on_reload() { true; }\n"
	". $dir/behaviour\n"
	"if [ \"$1\" = --config-test ]; then\n"
	"  echo test >>$dir/state/calls; on_test \"$4\"; exit\n"
	"fi\n"
	"reload() {\n"
	"  . $dir/behaviour; echo reload >>$dir/state/calls\n"
	"  on_reload $conf && echo 'Sun Nov 29 17:19:23 2026: Reload complete'\n"
	"}\n"
	"conf=$8\n"
	"trap reload HUP\n"
	"echo start >>$dir/state/calls\n"
	"on_start $conf && echo 'Startup complete'\n"
	"while :; do sleep 60 >/dev/null 2>&1 & wait $!; done\n";

struct fixture {
	char folder[sizeof "/tmp/test_upkeep.XXXXXX"];
	struct config config;
	sd_event *loop;
	struct upkeep *upkeep;
	unsigned n_up, n_down, n_touched;
	int checks; /* 1: made, 0: not made, -1: nothing was said */
};

/* Timers of a minute and more wait for pass_time; the time of a config test can be cut. */
static struct {
	sd_event_source *timer;
	unsigned n_set;
} parked[2];
static uint64_t config_test_time = CONFIGTEST_TIMEOUT;

void __real_loop_timer_arm(sd_event_source *timer, uint64_t after);
void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after);

void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after)
{
	size_t i = 0;

	__real_loop_timer_arm(timer, after == CONFIGTEST_TIMEOUT ? config_test_time : after);
	if (after < A_MINUTE)
		return;
	while (parked[i].timer && parked[i].timer != timer)
		assert_true(++i < 2);
	parked[i].timer = timer;
	parked[i].n_set++;
}

static inline void turn(const struct fixture *f)
{
	assert_true(sd_event_run(f->loop, TURN) >= 0);
}

/* What was to happen in a minute or more happens. */
static inline void pass_time(const struct fixture *f)
{
	for (size_t i = 0; i < 2; i++) {
		unsigned n_set = parked[i].n_set;

		if (!parked[i].timer || !loop_timer_armed(parked[i].timer))
			continue;
		__real_loop_timer_arm(parked[i].timer, 0);
		while (loop_timer_armed(parked[i].timer) && parked[i].n_set == n_set)
			turn(f);
		return;
	}
	fail_msg("nothing was to happen");
}

static inline char *in_folder(const struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->folder, name);
}

static inline void put(const struct fixture *f, const char *name, const char *text)
{
	CLEANUP_FREE char *path = in_folder(f, name);
	struct err e = {0};

	if (fs_write_atomic(path, text, strlen(text), &e) < 0)
		fail_msg("%s", e.msg);
}

static inline void behave(const struct fixture *f, const char *functions)
{
	put(f, "behaviour", functions);
}

/* How many times it was called to "test", "start" or "reload". */
static inline unsigned calls(const struct fixture *f, const char *what)
{
	CLEANUP_FREE char *path = in_folder(f, "state/calls"), *text = NULL;
	struct err e = {0};
	unsigned n = 0;
	size_t len;

	if (fs_read(&text, &len, path, 1 << 20, &e) < 0)
		return 0;
	for (const char *at = text; (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* The letters of the virtual servers in the file; "no file" without one. */
static inline const char *in_file(const struct fixture *f)
{
	CLEANUP_FREE char *path = in_folder(f, "state/keepalived.conf"), *text = NULL;
	static const char start[] = "virtual_server 10.1.1.";
	static char letters[32];
	struct err e = {0};
	size_t len, n = 0;

	if (fs_read(&text, &len, path, 1 << 20, &e) < 0)
		return "no file";
	for (const char *at = text; (at = strstr(at, start));) {
		const char *protocol = strstr(at, "protocol ");

		at += strlen(start);
		letters[n] = (char)('a' + at[0] - '1');
		if (strncmp(protocol, "protocol UDP", strlen("protocol UDP")) == 0)
			letters[n] = (char)toupper(letters[n]);
		n++;
	}
	letters[n] = '\0';
	return letters;
}

static inline void want(const struct fixture *f, const char *letters)
{
	CLEANUP(fleet_unrefp) struct fleet *fleet = letters_fleet(letters);

	upkeep_want(f->upkeep, fleet);
}

static inline struct upkeep_status status(const struct fixture *f)
{
	return upkeep_status(f->upkeep);
}

/* Goes on until it is so. */
#define AWAIT(f, condition)                                                                        \
	do {                                                                                       \
		uint64_t until_ = loop_clock() + PATIENCE;                                         \
		while (!(condition) && loop_clock() < until_)                                      \
			turn(f);                                                                   \
		assert_true(condition);                                                            \
	} while (0)

/* Until keepalived has the newest decision, and this is in the file. */
static inline void await_file(const struct fixture *f, const char *letters)
{
	AWAIT(f, status(f).is_idle && strcmp(in_file(f), letters) == 0);
}

static inline const char *complaint(const struct fixture *f, char letter)
{
	CLEANUP(fleet_unrefp) struct fleet *fleet = letters_fleet((char[]){letter, '\0'});

	return upkeep_complaint(f->upkeep, fleet->servers[0]);
}

static inline void on_health(
	void *ud, const struct place *place, const struct ipaddr *addr, uint16_t port, bool up)
{
	struct fixture *f = ud;

	(void)place;
	(void)addr;
	(void)port;
	*(up ? &f->n_up : &f->n_down) += 1;
}

static inline void on_touched(void *ud, const struct place *place)
{
	struct fixture *f = ud;

	(void)place;
	f->n_touched++;
}

static inline void on_checks(void *ud, bool are_made)
{
	((struct fixture *)ud)->checks = are_made;
}

static inline void ignore(void *ud)
{
	(void)ud;
}

static inline void launch(struct fixture *f, bool write_only)
{
	static const struct upkeep_ops ops = {on_health, on_touched, on_checks, ignore};
	struct err e = {0};

	if (upkeep_new(&f->upkeep, f->loop, &f->config, write_only, &ops, f, &e) < 0)
		fail_msg("%s", e.msg);
}

/* With a template of the user's, of which keepalived has to accept each whole file. */
static inline void launch_own_template(struct fixture *f)
{
	put(f, "own.mustache",
		"{{#virtual_servers}}\nvirtual_server {{vip}} {{port}} {\n"
		"    protocol {{protocol}}\n}\n{{/virtual_servers}}\n");
	free(f->config.keepalived.template_path);
	f->config.keepalived.template_path = in_folder(f, "own.mustache");
	launch(f, false);
}

static inline int make_fixture(void **state)
{
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	memset(parked, 0, sizeof parked);
	config_test_time = CONFIGTEST_TIMEOUT;
	memcpy(f->folder, "/tmp/test_upkeep.XXXXXX", sizeof f->folder);
	if (!mkdtemp(f->folder) || loop_new(&f->loop, ignore, NULL, &e) < 0)
		return -1;
	f->checks = -1;
	f->config.keepalived.program = in_folder(f, "keepalived");
	f->config.keepalived.state_dir = in_folder(f, "state");
	f->config.keepalived.template_path =
		xstrdup(KAGO_SOURCE_DIR "/templates/keepalived.conf.mustache");
	f->config.keepalived.min_reload_gap = 10 * 1000;
	f->config.keepalived.verify_timeout = 10 * 1000 * 1000;
	put(f, "keepalived", script);
	behave(f, "");
	*state = f;
	return chmod(f->config.keepalived.program, 0755);
}

static inline int drop_fixture(void **state)
{
	struct fixture *f = *state;

	upkeep_free(f->upkeep);
	sd_event_unref(f->loop);
	tree_remove(f->folder);
	free(f->config.keepalived.program);
	free(f->config.keepalived.state_dir);
	free(f->config.keepalived.template_path);
	free(f);
	return 0;
}
