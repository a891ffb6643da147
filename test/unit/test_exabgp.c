/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "addresses.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/confine.h"
#include "loop/loop.h"

enum { PATIENCE = 20 * 1000 * 1000 };

/*
 * Stands in for exabgp: its one session is up at once. It writes what it is told to `transcript`
 * and refuses the first command that is as the file `refuse` says, or all of them with `always`.
 * It takes whatever peers there are but 10.0.0.66, and tells of none when it is `deaf`.
 * Whether it sees what is beside its folder is in the file `sight`.
 */
static const char fake[] =
	"#!/usr/bin/python3 -SE\n"
	"import os, re, socket, sys\n"
	"folder = os.path.dirname(sys.argv[-1])\n"
	"def peers():\n"
	"    return re.findall('^neighbor (.*) {', open(sys.argv[-1]).read(), re.M)\n"
	"if sys.argv[1] == '--validate':\n"
	"    print('it is wrong\\nmd5-password \"secret\"\\n')\n"
	"    sys.exit('10.0.0.66' in peers())\n"
	"transcript = open(folder + '/transcript', 'a', buffering=1)\n"
	"try:\n"
	"    os.listdir('/tmp')\n"
	"    sight = 'all'\n"
	"except PermissionError:\n"
	"    sight = 'its own'\n"
	"with open(folder + '/sight', 'w') as file:\n"
	"    file.write(sight)\n"
	"verb, how_often = open(folder + '/refuse').read().split()\n"
	"api = socket.socket(socket.AF_UNIX)\n"
	"api.connect('\\0kago-sidecar')\n"
	"api.sendall(b'{\"type\": \"state\", \"neighbor\": {\"address\": {\"peer\": "
	"\"10.0.0.109\"},'\n"
	"            b' \"state\": \"up\"}}\\n')\n"
	"print('start', file=transcript)\n"
	"open(folder + '/pid', 'w').write(str(os.getpid()))\n"
	"for line in api.makefile():\n"
	"    if line != '#\\n':\n"
	"        print(*line.split()[:3:2], file=transcript)\n"
	"    if line.startswith('show') and how_often != 'deaf':\n"
	"        api.sendall(''.join(f'Neighbor {peer}\\n' for peer in peers()).encode())\n"
	"    refused = line.startswith(verb) and not os.path.exists(folder + '/refused')\n"
	"    if refused and how_often == 'once':\n"
	"        open(folder + '/refused', 'w').close()\n"
	"    api.sendall(b'error\\n' if refused else b'done\\n')\n";

static char folder[] = "/tmp/kago-test-XXXXXX";

static char *in_folder(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	CLEANUP_FREE char *path = in_folder(name);
	struct err e = {0};

	assert_int_equal(fs_write_atomic(path, text, strlen(text), &e), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

static void remove_files(void)
{
	static const char *const names[] = {"kago.yaml", "exabgp.conf", "exabgp", "refuse",
		"refused", "sight", "transcript", "pid"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CLEANUP_FREE char *path = in_folder(names[i]);

		unlink(path);
	}
}

static int remove_folder(void **state)
{
	(void)state;
	remove_files();
	return rmdir(folder);
}

/* The relay's name belongs to a network namespace: with one of our own, tests can run at once. */
static int make_folder(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		print_message("in the network namespace of all: %s\n", strerror(errno));
	return mkdtemp(folder) ? 0 : -1;
}

static bool file_has(const char *name, const char *text)
{
	CLEANUP_FREE char *path = in_folder(name), *said = NULL;
	struct err e = {0};
	size_t len;

	return fs_read(&said, &len, path, 1 << 20, &e) == 0 && strstr(said, text);
}

static bool transcript_has(const char *text)
{
	return file_has("transcript", text);
}

static void ignore(void *ud)
{
	(void)ud;
}

struct fixture {
	sd_event *loop;
	struct config *config;
	struct site site;
	struct exabgp *exabgp;
};

static void load(struct fixture *f, const char *peers)
{
	CLEANUP_FREE char *path = in_folder("kago.yaml");
	CLEANUP_FREE char *text =
		xasprintf("bgp: {template: %s/templates/exabgp.conf.mustache, stateDir: %s,"
			  " program: %s/exabgp, as: 65021, peers: [%s]}\n",
			KAGO_SOURCE_DIR, folder, folder, peers);
	struct err e = {0};

	write_file("kago.yaml", text);
	if (config_load(&f->config, path, &e) < 0)
		fail_msg("%s", e.msg);
}

static void start_with(struct fixture *f, const char *refuse, const char *peers)
{
	static const struct exabgp_ops ops = {ignore, ignore, ignore};
	struct err e = {0};

	write_file("exabgp", fake);
	write_file("refuse", refuse);
	load(f, peers);
	f->site = (struct site){.pod.v4 = addr_of("172.16.20.2"),
		.node.v4 = addr_of("10.0.0.106"),
		.router_id = addr_of("172.16.20.2")};
	assert_int_equal(loop_new(&f->loop, ignore, NULL, &e), 0);
	if (exabgp_start(&f->exabgp, f->loop, f->config, &f->site, &ops, NULL, &e) < 0)
		fail_msg("%s", e.msg);
}

static void start(struct fixture *f, const char *refuse)
{
	start_with(f, refuse, "{address: 10.0.0.109}");
}

static void finish(struct fixture *f)
{
	exabgp_free(f->exabgp);
	sd_event_unref(f->loop);
	config_free(f->config);
	remove_files();
}

/* Lets the loop run until `is_so`. */
static void wait_until(struct fixture *f, bool (*is_so)(const struct fixture *f))
{
	uint64_t end = loop_clock() + PATIENCE;

	while (!is_so(f)) {
		if (loop_clock() > end)
			fail_msg("it did not come about");
		assert_true(sd_event_run(f->loop, 10 * 1000) >= 0);
	}
}

static bool is_heard(const struct fixture *f)
{
	return exabgp_is_heard(f->exabgp);
}

static bool was_refused(const struct fixture *f)
{
	(void)f;
	return transcript_has("withdraw");
}

static bool was_started_thrice(const struct fixture *f)
{
	(void)f;
	return transcript_has("start\nannounce 10.1.1.1/32\nstart\nannounce 10.1.1.1/32\n"
			      "start\nannounce 10.1.1.1/32\n");
}

static struct prefixes set_of(const char *a, const char *b)
{
	struct prefixes p = {0};
	struct ipaddr first = addr_of(a), second = addr_of(b);
	struct ipnet nets[] = {ipnet_of(&first), ipnet_of(&second)};

	prefixes_add(&p, &nets[0]);
	prefixes_add(&p, &nets[1]);
	return p;
}

static void announce(struct fixture *f, const struct prefixes *p)
{
	const struct route_rules rules = {.next_hop4 = &f->site.node.v4,
		.peers = exabgp_peers(f->exabgp)->items,
		.n_peers = exabgp_peers(f->exabgp)->n_items};
	CLEANUP_ROUTES_OUT struct routes_out routes = routes_build(p, &(struct book){0}, &rules);

	exabgp_announce(f->exabgp, &routes);
}

static void test_a_refused_withdrawal_is_made_good_by_a_new_exabgp(void **state)
{
	CLEANUP_PREFIXES struct prefixes both = set_of("10.1.1.1", "10.1.1.2");
	CLEANUP_PREFIXES struct prefixes one = set_of("10.1.1.1", "10.1.1.1");
	struct fixture f = {0};

	(void)state;
	start(&f, "withdraw once");
	announce(&f, &both);
	assert_int_equal(exabgp_heard(f.exabgp)->n_items, 0);
	wait_until(&f, is_heard);
	assert_true(prefixes_equal(exabgp_heard(f.exabgp), &both));
	announce(&f, &one);
	/* Peers hear of it until exabgp has said that it took it back. */
	assert_true(prefixes_equal(exabgp_heard(f.exabgp), &both));
	wait_until(&f, was_refused);
	wait_until(&f, is_heard);
	assert_true(prefixes_equal(exabgp_heard(f.exabgp), &one));
	assert_true(transcript_has("withdraw 10.1.1.2/32\nstart\nannounce 10.1.1.1/32\n"));
	finish(&f);
}

static void test_one_that_refuses_for_ever_is_started_ever_more_rarely(void **state)
{
	CLEANUP_PREFIXES struct prefixes one = set_of("10.1.1.1", "10.1.1.1");
	struct fixture f = {0};
	uint64_t began = loop_clock();

	(void)state;
	start(&f, "announce always");
	announce(&f, &one);
	wait_until(&f, was_started_thrice);
	assert_true(loop_clock() - began >= (500 + 1000) * 1000);
	assert_int_equal(exabgp_heard(f.exabgp)->n_items, 0);
	assert_false(exabgp_is_heard(f.exabgp));
	finish(&f);
}

static void stop_exabgp(void)
{
	CLEANUP_FREE char *path = in_folder("pid"), *text = NULL;
	struct err e = {0};
	uint64_t pid;
	size_t len;

	assert_int_equal(fs_read(&text, &len, path, 16, &e), 0);
	assert_int_equal(str_to_u64(&pid, text, 1, INT32_MAX, &e), 0);
	assert_int_equal(kill((pid_t)pid, SIGSTOP), 0);
}

static bool was_started_twice(const struct fixture *f)
{
	(void)f;
	return transcript_has("start\nannounce 10.1.1.1/32\nstart\nannounce 10.1.1.1/32\n");
}

/* There is nothing to tell it: it is asked nevertheless, and peers hear of us meanwhile. */
static void test_one_that_hangs_while_idle_is_started_anew(void **state)
{
	CLEANUP_PREFIXES struct prefixes one = set_of("10.1.1.1", "10.1.1.1");
	struct fixture f = {0};
	uint64_t until;

	(void)state;
	start(&f, "nothing once");
	announce(&f, &one);
	wait_until(&f, is_heard);
	until = loop_clock() + 7 * 1000 * 1000;
	while (loop_clock() < until) {
		assert_true(sd_event_run(f.loop, 10 * 1000) >= 0);
		assert_true(exabgp_is_heard(f.exabgp));
	}
	assert_false(was_started_twice(&f));
	stop_exabgp();
	wait_until(&f, was_started_twice);
	wait_until(&f, is_heard);
	finish(&f);
}

static bool has_started(const struct fixture *f)
{
	(void)f;
	return transcript_has("start");
}

static void test_it_sees_its_own_folder_alone(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "nothing never");
	wait_until(&f, has_started);
	assert_true(file_has("sight", confine_is_possible() ? "its own" : "all"));
	finish(&f);
}

/* What was in `c` before is the test's to free. */
static struct config follow(struct fixture *f, const char *peers)
{
	struct config *in_use = f->config, before = *in_use;

	load(f, peers);
	*in_use = *f->config;
	free(f->config);
	f->config = in_use;
	exabgp_follow(f->exabgp);
	return before;
}

static void free_config(struct config before)
{
	struct config *c = xnew0(struct config);

	*c = before;
	config_free(c);
}

static bool has_two_peers(const struct fixture *f)
{
	return exabgp_peers(f->exabgp)->n_items == 2;
}

static bool is_told_of_both(const struct fixture *f)
{
	(void)f;
	return transcript_has("start\nannounce 10.1.1.1/32\nreload\nshow extensive\n"
			      "neighbor announce\n");
}

static bool was_started_after_a_reload(const struct fixture *f)
{
	(void)f;
	return transcript_has("reload\nshow extensive\nstart\n");
}

static bool is_refused(const struct fixture *f)
{
	return exabgp_why_refused(f->exabgp)[0] != '\0';
}

static void test_peers_are_followed_and_who_stays_is_told_nothing_again(void **state)
{
	CLEANUP_PREFIXES struct prefixes one = set_of("10.1.1.1", "10.1.1.1");
	struct fixture f = {0};
	struct config first, second;

	(void)state;
	start(&f, "nothing never");
	announce(&f, &one);
	wait_until(&f, is_heard);
	first = follow(&f, "{address: 10.0.0.66}, {address: 10.0.0.109}");
	wait_until(&f, is_refused);
	assert_string_equal(exabgp_why_refused(f.exabgp), "it is wrong");
	assert_int_equal(exabgp_peers(f.exabgp)->n_items, 1);
	second = follow(&f, "{address: 10.0.0.110}, {address: 10.0.0.109}");
	wait_until(&f, has_two_peers);
	assert_false(is_refused(&f));
	assert_int_equal(exabgp_sessions(f.exabgp), 1);
	assert_true(sessions_at(exabgp_all_sessions(f.exabgp), 1)->up);
	announce(&f, &one);
	assert_false(exabgp_is_heard(f.exabgp));
	wait_until(&f, is_told_of_both);
	wait_until(&f, is_heard);
	free_config(first);
	free_config(second);
	finish(&f);
}

/* Whatever it has become then, a new one has what kago.yaml says. */
static void test_one_that_does_not_take_new_peers_is_started_anew(void **state)
{
	CLEANUP_PREFIXES struct prefixes one = set_of("10.1.1.1", "10.1.1.1");
	struct fixture f = {0};
	struct config before;

	(void)state;
	start(&f, "nothing deaf");
	announce(&f, &one);
	wait_until(&f, is_heard);
	before = follow(&f, "{address: 10.0.0.109, holdTime: 3s}");
	wait_until(&f, was_started_after_a_reload);
	wait_until(&f, is_heard);
	assert_true(file_has("exabgp.conf", "hold-time 3;"));
	free_config(before);
	finish(&f);
}

static bool has_a_peer(const struct fixture *f)
{
	return exabgp_peers(f->exabgp)->n_items == 1;
}

/* However often kago.yaml was read meanwhile. */
static void test_the_first_peer_that_comes_is_told_all(void **state)
{
	CLEANUP_PREFIXES struct prefixes one = set_of("10.1.1.1", "10.1.1.1");
	struct fixture f = {0};
	struct config first, second;

	(void)state;
	start_with(&f, "nothing never", "");
	first = follow(&f, "");
	second = follow(&f, "{address: 10.0.0.109}");
	wait_until(&f, has_a_peer);
	announce(&f, &one);
	wait_until(&f, is_heard);
	free_config(first);
	free_config(second);
	finish(&f);
}

static bool was_renewed(const struct fixture *f)
{
	(void)f;
	return transcript_has("start\nannounce 10.1.1.1/32\n"
			      "reload\nshow extensive\nreload\nshow extensive\n");
}

/* Who has no session is told nothing, and keeps nobody from being told all. */
static void test_a_lost_peer_is_added_anew(void **state)
{
	CLEANUP_PREFIXES struct prefixes one = set_of("10.1.1.1", "10.1.1.1");
	CLEANUP_PREFIXES struct prefixes other = set_of("10.1.1.2", "10.1.1.2");
	struct fixture f = {0};

	(void)state;
	start_with(&f, "nothing never", "{address: 10.0.0.109}, {address: 10.0.0.110}");
	announce(&f, &one);
	wait_until(&f, is_heard);
	wait_until(&f, was_renewed);
	wait_until(&f, is_heard);
	assert_int_equal(exabgp_sessions(f.exabgp), 1);
	assert_true(prefixes_equal(exabgp_heard(f.exabgp), &one));
	announce(&f, &other);
	wait_until(&f, is_heard);
	assert_true(transcript_has("neighbor withdraw\nneighbor announce\n"));
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_sees_its_own_folder_alone),
		cmocka_unit_test(test_a_refused_withdrawal_is_made_good_by_a_new_exabgp),
		cmocka_unit_test(test_one_that_refuses_for_ever_is_started_ever_more_rarely),
		cmocka_unit_test(test_one_that_hangs_while_idle_is_started_anew),
		cmocka_unit_test(test_peers_are_followed_and_who_stays_is_told_nothing_again),
		cmocka_unit_test(test_one_that_does_not_take_new_peers_is_started_anew),
		cmocka_unit_test(test_the_first_peer_that_comes_is_told_all),
		cmocka_unit_test(test_a_lost_peer_is_added_anew),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
