/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/apply.h"

#include <errno.h>
#include <sys/stat.h>

#include "await.h"
#include "bad_nft.h"
#include "base/fsutil.h"
#include "ipvs_sim.h"
#include "loop/loop.h"
#include "tree.h"

/* With nftables and an IPVS of our own: the virtual servers "a" and "b", of which "a" is not for
 * everybody. keepalived is a script that takes everything. */

enum { TURN = 20 * 1000, PATIENCE = 20 * 1000 * 1000, N_PLACES = 2 };

static struct sim kernel[N_PLACES];

int __wrap_ipvs_writer_open(struct ipvs_writer **ret, struct err *e);
struct ipvs_writer *__wrap_ipvs_writer_close(struct ipvs_writer *w);
int __wrap_ipvs_write(struct ipvs_writer *w, struct ipvs_op ops[], size_t n, struct err *e);
int __wrap_ipvs_open(struct ipvs **ret, struct err *e);
int __wrap_ipvs_read_quick(struct ipvs_table **ret, struct ipvs *v, struct err *e);
int __wrap_ipvs_read_service(
	struct ipvs_table **ret, struct ipvs *v, const struct place *place, struct err *e);

int __wrap_ipvs_read_timeouts(struct ipvs_timeouts *ret, struct ipvs *v, struct err *e);

/* As the configuration has them. */
int __wrap_ipvs_read_timeouts(struct ipvs_timeouts *ret, struct ipvs *v, struct err *e)
{
	(void)v;
	(void)e;
	*ret = (struct ipvs_timeouts){0};
	return 0;
}

static size_t letter_number(const struct ipaddr *vip)
{
	assert_in_range(vip->bytes[3], 1, N_PLACES);
	return vip->bytes[3] - 1U;
}

int __wrap_ipvs_writer_open(struct ipvs_writer **ret, struct err *e)
{
	(void)e;
	*ret = NULL;
	return 0;
}

struct ipvs_writer *__wrap_ipvs_writer_close(struct ipvs_writer *w)
{
	return w;
}

int __wrap_ipvs_write(struct ipvs_writer *w, struct ipvs_op ops[], size_t n, struct err *e)
{
	(void)w;
	(void)e;
	for (size_t i = 0; i < n; i++)
		sim_apply(&kernel[letter_number(&ops[i].service.addr)], &ops[i]);
	return 0;
}

static void read_one(struct ipvs_table *table, const struct sim *s)
{
	struct ipvs_service read = {0};

	if (sim_read(&read, s))
		ipvs_table_add(table, &read);
}

/* In the child that looks at all of it. */
int __wrap_ipvs_open(struct ipvs **ret, struct err *e)
{
	(void)e;
	*ret = NULL;
	return 0;
}

int __wrap_ipvs_read_quick(struct ipvs_table **ret, struct ipvs *v, struct err *e)
{
	(void)v;
	(void)e;
	*ret = ipvs_table_new();
	for (size_t i = 0; i < N_PLACES; i++)
		read_one(*ret, &kernel[i]);
	return 0;
}

int __wrap_ipvs_read_service(
	struct ipvs_table **ret, struct ipvs *v, const struct place *place, struct err *e)
{
	const struct sim *s = &kernel[letter_number(&place->vip)];

	(void)v;
	if (!s->there)
		return err_set(e, ENOENT, "nothing is there");
	*ret = ipvs_table_new();
	read_one(*ret, s);
	return 0;
}

static const char keepalived[] = "#!/bin/sh\n"
				 "[ \"$1\" != --config-test ] || exit 0\n"
				 "trap 'echo Reload complete' HUP\n"
				 "echo Startup complete\n"
				 "while :; do sleep 60 >/dev/null 2>&1 & wait $!; done\n";

struct fixture {
	char folder[sizeof "/tmp/test_apply.XXXXXX"];
	struct config config;
	sd_event *loop;
	struct ruleset *ruleset;
	struct apply *apply;
};

static void ignore(void *ud)
{
	(void)ud;
}

static void ignore_places(void *ud, const struct place places[], size_t n_places)
{
	(void)ud;
	(void)places;
	(void)n_places;
}

static void ignore_tables(void *ud, const struct sketch *tables)
{
	(void)ud;
	(void)tables;
}

static int make_config(struct fixture *f, struct err *e)
{
	struct config *c = &f->config;

	memcpy(f->folder, "/tmp/test_apply.XXXXXX", sizeof f->folder);
	if (!mkdtemp(f->folder))
		return -1;
	c->keepalived.program = xasprintf("%s/keepalived", f->folder);
	c->keepalived.state_dir = xasprintf("%s/state", f->folder);
	c->keepalived.template_path =
		xstrdup(KAGO_SOURCE_DIR "/templates/keepalived.conf.mustache");
	c->keepalived.min_reload_gap = 10 * 1000;
	c->keepalived.verify_timeout = PATIENCE;
	if (fs_write_atomic(c->keepalived.program, keepalived, sizeof keepalived - 1, e) < 0)
		return -1;
	return chmod(c->keepalived.program, 0755);
}

static int make_fixture(void **state)
{
	static const struct apply_ops ops = {ignore, ignore_places, NULL, ignore_tables};
	struct fixture *f = xnew0(struct fixture);
	struct ipvs_table empty = {0};
	struct err e = {0};
	int r;

	*state = f;
	memset(kernel, 0, sizeof kernel);
	bad_nft_begin();
	if (make_config(f, &e) < 0 || loop_new(&f->loop, ignore, NULL, &e) < 0)
		return -1;
	r = ruleset_new(&f->ruleset, f->loop, KAGO_SOURCE_DIR "/templates/nftables.conf.mustache",
		&empty, &e);
	if (r < 0)
		return r;
	/* Nothing looks into an IPVS that is ours. */
	return apply_new(&f->apply, f->loop, &f->config, (struct ipvs *)f, f->ruleset, &ops, f, &e);
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;

	apply_free(f->apply);
	ruleset_free(f->ruleset);
	sd_event_unref(f->loop);
	bad_nft_end();
	tree_remove(f->folder);
	free(f->config.keepalived.program);
	free(f->config.keepalived.state_dir);
	free(f->config.keepalived.template_path);
	free(f);
	return 0;
}

static void submit(const struct fixture *f)
{
	struct fleet *fleet = letters_fleet("ab");

	fleet->servers[0]->restricted = true;
	apply_submit(f->apply, fleet, loop_clock());
}

static struct apply_status status(const struct fixture *f)
{
	return apply_status(f->apply);
}

static size_t n_reals(char letter)
{
	return kernel[letter - 'a'].n_dests;
}

/* Everybody may use these. */
static void submit_open(const struct fixture *f, const char *letters)
{
	apply_submit(f->apply, letters_fleet(letters), loop_clock());
}

/* Of "a", which everybody may use: nftables has to know of them. */
static void submit_tunnels(const struct fixture *f)
{
	struct fleet *fleet = letters_fleet("ab");

	fleet->servers[0]->reals[0].forward.method = FORWARD_TUNNEL;
	apply_submit(f->apply, fleet, loop_clock());
}

/* All of IPVS was looked at, by a child that takes its time, and keepalived has a file. */
static void begin_with_nothing(struct fixture *f)
{
	submit_open(f, "");
	AWAIT(f, status(f).settled && status(f).ready && status(f).keepalived.n_files == 1 &&
			 status(f).keepalived.is_idle);
}

/* What everybody may use does not wait; what not everybody may is added after the guard. */
static void assert_added_after_the_guard(struct fixture *f, enum nft_mood mood, const char *why)
{
	begin_with_nothing(f);
	bad_nft_be(mood, 1);
	submit(f);
	/* At once, unless the machine is so slow that the first slice of time is over. */
	AWAIT(f, n_reals('b') == 1);
	AWAIT(f, *status(f).last_error);
	assert_non_null(strstr(status(f).last_error, why));
	assert_string_equal(status(f).last_result, "mismatch");
	assert_int_equal(n_reals('a'), 0);
	assert_false(status(f).settled);
	assert_true(status(f).keepalived.is_idle); /* it was not told */
	assert_int_equal(status(f).keepalived.n_files, 1);
	AWAIT(f, status(f).settled);
	assert_true(bad_nft_has("10.1.1.1 . tcp . 80"));
	assert_int_equal(nft->n_runs, 2);
	assert_int_equal(n_reals('a'), 1);
	assert_string_equal(status(f).last_result, "applied");
	assert_string_equal(status(f).last_error, "");
	assert_int_equal(status(f).n_applied, 2);
	AWAIT(f, status(f).keepalived.n_files == 2);
}

static void rules_that_are_refused_once_keep_only_their_service_waiting(void **state)
{
	assert_added_after_the_guard(*state, NFT_REFUSES, "with nftables: Error: no buffer space");
}

static void nftables_that_is_killed_keeps_only_its_service_waiting(void **state)
{
	assert_added_after_the_guard(*state, NFT_IS_KILLED, "ended without an answer");
}

static void nftables_that_cannot_start_keeps_only_its_service_waiting(void **state)
{
	assert_added_after_the_guard(*state, NFT_CANNOT_START, "with nftables: forking");
}

static void tunnels_are_there_when_their_service_is_said_to_be(void **state)
{
	struct fixture *f = *state;

	submit_open(f, "b");
	AWAIT(f, status(f).settled);
	submit_tunnels(f);
	assert_false(status(f).settled);
	AWAIT(f, status(f).settled);
	assert_string_equal(status(f).last_result, "applied");
	assert_true(bad_nft_has("tunnelled4 { 10.1.1.1 . tcp . 80 }"));
	assert_int_equal(n_reals('a'), 1);
}

/* "a" is for nobody from now on, and has another pod. */
static struct fleet *closed_and_rolled(void)
{
	struct fleet *fleet = letters_fleet("a");

	fleet->servers[0]->restricted = true;
	fleet->servers[0]->reals[0].addr = sim_addr(9);
	return fleet;
}

static void pods_stay_until_those_after_them_may_come(void **state)
{
	struct fixture *f = *state;

	submit_open(f, "a");
	AWAIT(f, status(f).settled);
	bad_nft_be(NFT_REFUSES, 1);
	apply_submit(f->apply, closed_and_rolled(), loop_clock());
	AWAIT(f, *status(f).last_error);
	assert_int_equal(n_reals('a'), 1);
	assert_int_equal(sim_number(&kernel[0].dests[0].addr), 1);
	AWAIT(f, status(f).settled);
	assert_int_equal(n_reals('a'), 1);
	assert_int_equal(sim_number(&kernel[0].dests[0].addr), 9);
}

static void pods_of_another_service_do_not(void **state)
{
	struct fixture *f = *state;
	struct fleet *fleet = closed_and_rolled();

	submit_open(f, "a");
	AWAIT(f, status(f).settled);
	bad_nft_be(NFT_REFUSES, 1);
	fleet->servers[0]->name = "other";
	apply_submit(f->apply, fleet, loop_clock());
	AWAIT(f, *status(f).last_error && n_reals('a') == 0);
	AWAIT(f, status(f).settled);
	assert_int_equal(n_reals('a'), 1);
}

/* With another client for "a" each time. */
static void submit_ranges(const struct fixture *f, unsigned number)
{
	struct fleet *fleet = letters_fleet("ab");
	struct virtual_server *a = fleet->servers[0];

	a->restricted = true;
	a->sources = xcalloc(1, sizeof *a->sources);
	a->sources[0] = (struct ipnet){sim_addr(number % 200), 32};
	a->n_sources = 1;
	apply_submit(f->apply, fleet, loop_clock());
}

static void who_changes_ranges_all_the_time_keeps_nobody_else_waiting(void **state)
{
	struct fixture *f = *state;
	uint64_t until = loop_clock() + PATIENCE;
	struct apply_status now = {0};

	for (unsigned n = 0;
		loop_clock() < until && (!now.n_applied || !now.keepalived.n_files || !now.ready);
		n++) {
		submit_ranges(f, n);
		assert_false(status(f).settled);
		assert_true(sd_event_run(f->loop, TURN) >= 0);
		now = status(f);
	}
	assert_int_equal(n_reals('b'), 1);
	assert_int_equal(now.keepalived.n_files, 1);
	assert_string_equal(now.last_result, "applied");
	assert_true(now.ready);
	AWAIT(f, status(f).settled);
	assert_int_equal(n_reals('a'), 1);
}

/* Until what a look at the table has begun is over. */
static void finish_look(const struct fixture *f)
{
	unsigned before = nft->n_asked;

	AWAIT(f, (ruleset_check(f->ruleset), nft->n_asked > before));
}

static void a_look_at_ipvs_is_one_at_nftables(void **state)
{
	struct fixture *f = *state;

	finish_look(f);
	bad_nft_flush();
	submit_open(f, "b");
	AWAIT(f, nft->there);
	AWAIT(f, status(f).settled);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rules_that_are_refused_once_keep_only_their_service_waiting),
		TEST(nftables_that_is_killed_keeps_only_its_service_waiting),
		TEST(nftables_that_cannot_start_keeps_only_its_service_waiting),
		TEST(tunnels_are_there_when_their_service_is_said_to_be),
		TEST(pods_stay_until_those_after_them_may_come),
		TEST(pods_of_another_service_do_not),
		TEST(who_changes_ranges_all_the_time_keeps_nobody_else_waiting),
		TEST(a_look_at_ipvs_is_one_at_nftables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
