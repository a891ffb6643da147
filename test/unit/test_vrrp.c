/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/vrrp.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addresses.h"
#include "base/fsutil.h"
#include "loop/loop.h"
#include "vrrp/share.h"

/*
 * With a program in keepalived's place that says what a file tells it to. test/lab/test_vrrp.py has
 * the real one, and others to agree with.
 */

enum { PATIENCE = 60 * 1000 * 1000, ALL = (1 << SHARES) - 1 };

#define TEMPLATE KAGO_SOURCE_DIR "/templates/vrrp.conf.mustache"
#define SCRIPT                                                                                     \
	"#!/bin/sh\n"                                                                              \
	"cd %s || exit\n"                                                                          \
	"exec 3<>words\n"                                                                          \
	"echo 'Startup complete'\n"                                                                \
	"echo >>starts\n"                                                                          \
	"while [ ! -e die ]; do\n"                                                                 \
	"    [ ! -e say ] || { cat say >&3; rm say; }\n"                                           \
	"    [ -e silent ] || echo 'INSTANCE \"pulse\" BACKUP_PRIORITY 101' >&3\n"                 \
	"    sleep 0.1\n"                                                                          \
	"done\n"                                                                                   \
	"rm die\n"                                                                                 \
	"exit 3\n"

struct fixture {
	char folder[sizeof "/tmp/kago-test-XXXXXX"];
	char *program;
	sd_event *loop;
	struct config config;
	struct site site;
	struct ipaddr members[2];
	struct vrrp *vrrp;
	uint32_t seen[64]; /* vrrp_owned at each change */
	size_t n_seen, n_stopped;
};

static void ignore(void *ud)
{
	(void)ud;
}

static void on_change(void *ud)
{
	struct fixture *f = ud;

	assert_true(f->n_seen < 64);
	f->seen[f->n_seen++] = vrrp_owned(f->vrrp);
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
}

static void drop(const struct fixture *f, const char *name)
{
	CLEANUP_FREE char *path = in_folder(f, name);

	unlink(path);
}

static size_t count_starts(const struct fixture *f)
{
	CLEANUP_FREE char *path = in_folder(f, "starts"), *text = NULL;
	struct err e = {0};
	size_t len;

	return fs_read(&text, &len, path, 100, &e) < 0 ? 0 : len;
}

static int setup(void **state)
{
	static const struct vrrp_ops ops = {on_change, on_stopped};
	static char template[] = TEMPLATE;
	struct fixture *f = xnew0(struct fixture);
	CLEANUP_FREE char *script = NULL;
	struct err e = {0};

	*state = f;
	memcpy(f->folder, "/tmp/kago-test-XXXXXX", sizeof f->folder);
	assert_non_null(mkdtemp(f->folder));
	f->program = in_folder(f, "keepalived");
	script = xasprintf(SCRIPT, f->folder);
	put(f, "keepalived", script);
	chmod(f->program, 0755);
	f->config.l2.program = f->program;
	f->config.l2.template_path = template;
	f->config.l2.state_dir = f->folder;
	f->config.l2.interval = 1000 * 1000;
	f->site.pod.v4 = f->members[0] = addr_of("127.0.0.1");
	f->members[1] = addr_of("127.0.0.2");
	assert_int_equal(loop_new(&f->loop, ignore, NULL, &e), 0);
	if (vrrp_start(&f->vrrp, f->loop, &f->config, &f->site, &ops, f, &e) < 0)
		fail_msg("%s", e.msg);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vrrp_free(f->vrrp);
	sd_event_unref(f->loop);
	for (unsigned i = 0; i < SHARES; i++) {
		CLEANUP_FREE char *name = xasprintf("share%u", i);

		drop(f, name);
	}
	drop(f, "pulse");
	drop(f, "words");
	drop(f, "vrrp.conf");
	drop(f, "keepalived");
	drop(f, "starts");
	drop(f, "silent");
	drop(f, "die");
	drop(f, "say");
	rmdir(f->folder);
	free(f->program);
	free(f);
	return 0;
}

static void turn(struct fixture *f, uint64_t end)
{
	if (loop_clock() > end)
		fail_msg("it did not come about; owned: %x", vrrp_owned(f->vrrp));
	assert_true(sd_event_run(f->loop, 10 * 1000) >= 0);
}

static void await_owned(struct fixture *f, uint32_t owned)
{
	uint64_t end = loop_clock() + PATIENCE;

	while (vrrp_owned(f->vrrp) != owned)
		turn(f, end);
}

static void await_starts(struct fixture *f, size_t n)
{
	uint64_t end = loop_clock() + PATIENCE;

	while (count_starts(f) < n)
		turn(f, end);
}

static void stop(struct fixture *f)
{
	uint64_t end = loop_clock() + PATIENCE;

	vrrp_stop(f->vrrp);
	assert_int_equal(vrrp_owned(f->vrrp), 0);
	while (f->n_stopped == 0)
		turn(f, end);
	assert_int_equal(f->n_stopped, 1);
}

static void begin(struct fixture *f, size_t n_members)
{
	vrrp_set_members(f->vrrp, f->members, n_members);
	vrrp_take_part(f->vrrp, true);
}

/* Not at once: others may be in the next list. */
static void who_is_alone_owns_all(void **state)
{
	struct fixture *f = *state;

	begin(f, 1);
	assert_int_equal(vrrp_owned(f->vrrp), 0);
	await_owned(f, ALL);
	vrrp_take_part(f->vrrp, false);
	assert_int_equal(vrrp_owned(f->vrrp), 0);
	vrrp_take_part(f->vrrp, true);
	assert_int_equal(vrrp_owned(f->vrrp), ALL);
	stop(f);
	assert_int_equal(count_starts(f), 0);
}

static void what_vrrp_says_counts(void **state)
{
	struct fixture *f = *state;

	begin(f, 2);
	put(f, "say",
		"INSTANCE \"share3\" BACKUP 200\nINSTANCE \"share3\" MASTER 200\n"
		"INSTANCE \"share5\" MASTER 200\nnonsense\n");
	await_owned(f, 1 << 3 | 1 << 5);
	put(f, "say", "INSTANCE \"share5\" BACKUP 200\n");
	await_owned(f, 1 << 3);
	stop(f);
}

static void what_was_all_ours_stays_until_vrrp_knows(void **state)
{
	struct fixture *f = *state;

	begin(f, 1);
	await_owned(f, ALL);
	put(f, "say", "INSTANCE \"share3\" BACKUP 200\nINSTANCE \"share3\" MASTER 200\n");
	vrrp_set_members(f->vrrp, f->members, 2);
	assert_int_equal(vrrp_owned(f->vrrp), ALL);
	await_owned(f, 1 << 3);
	assert_int_equal(f->n_seen, 2);
	/* Who is no member any more may be alive: what it lets go VRRP says. */
	vrrp_set_members(f->vrrp, f->members, 1);
	assert_int_equal(vrrp_owned(f->vrrp), 1 << 3);
	put(f, "say", "INSTANCE \"share4\" MASTER 200\n");
	await_owned(f, 1 << 3 | 1 << 4);
	stop(f);
}

static void one_that_ends_is_started_again(void **state)
{
	struct fixture *f = *state;

	begin(f, 2);
	put(f, "say", "INSTANCE \"share3\" MASTER 200\n");
	await_owned(f, 1 << 3);
	put(f, "die", "");
	await_owned(f, 0);
	await_starts(f, 2);
	put(f, "say", "INSTANCE \"share4\" MASTER 200\n");
	await_owned(f, 1 << 4);
	stop(f);
}

static void one_that_is_silent_owns_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, 2);
	put(f, "say", "INSTANCE \"share3\" MASTER 200\n");
	await_owned(f, 1 << 3);
	put(f, "silent", "");
	await_owned(f, 0);
	await_starts(f, 2);
	drop(f, "silent");
	put(f, "say", "INSTANCE \"share3\" MASTER 200\n");
	await_owned(f, 1 << 3);
	stop(f);
}

static void who_is_not_listed_owns_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, 1);
	await_owned(f, ALL);
	vrrp_set_members(f->vrrp, f->members + 1, 1);
	assert_int_equal(vrrp_owned(f->vrrp), 0);
	vrrp_set_members(f->vrrp, f->members, 1);
	assert_int_equal(vrrp_owned(f->vrrp), 0);
	await_owned(f, ALL);
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_is_alone_owns_all, setup, teardown),
		cmocka_unit_test_setup_teardown(what_vrrp_says_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_all_ours_stays_until_vrrp_knows, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_ends_is_started_again, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_is_silent_owns_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_not_listed_owns_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
