/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/ruleset.h"

#include "await.h"
#include "bad_nft.h"
#include "letters.h"
#include "loop/loop.h"

enum { TURN = 20 * 1000, PATIENCE = 20 * 1000 * 1000 };

#define GUARD_A "10.1.1.1 . tcp . 80"
#define GUARD_B "10.1.1.2 . tcp . 80"

struct fixture {
	sd_event *loop;
	struct ruleset *ruleset;
	unsigned n_told;
	char come[8]; /* of "abc", those whose guards came last */
};

static void ignore(void *ud)
{
	(void)ud;
}

/* Nobody may use any of these. */
static struct fleet *restricted(const char *letters)
{
	struct fleet *fleet = letters_fleet(letters);

	for (size_t i = 0; i < fleet->n_servers; i++)
		fleet->servers[i]->restricted = true;
	return fleet;
}

static void note_come(struct fixture *f)
{
	CLEANUP(fleet_unrefp) struct fleet *all = restricted("abc");
	size_t n = 0;

	for (size_t i = 0; i < all->n_servers; i++)
		if (ruleset_has_come(f->ruleset, all->servers[i]))
			f->come[n++] = "abc"[i];
	f->come[n] = '\0';
}

static void count(void *ud)
{
	struct fixture *f = ud;

	f->n_told++;
	note_come(f);
}

static int make_fixture(void **state)
{
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	*state = f;
	bad_nft_begin();
	return loop_new(&f->loop, ignore, NULL, &e);
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;

	ruleset_free(f->ruleset);
	sd_event_unref(f->loop);
	bad_nft_end();
	free(f);
	return 0;
}

static void launch(struct fixture *f)
{
	struct err e = {0};

	if (ruleset_new(&f->ruleset, f->loop, KAGO_SOURCE_DIR "/templates/nftables.conf.mustache",
		    &(struct ipvs_table){0}, &e) < 0)
		fail_msg("%s", e.msg);
	ruleset_on_guards(f->ruleset, count, f);
}

static void guard(const struct fixture *f, const char *letters)
{
	CLEANUP(fleet_unrefp) struct fleet *fleet = restricted(letters);

	ruleset_guard(f->ruleset, fleet_servers(fleet), fleet->n_servers);
}

static bool covers(const struct fixture *f, const char *letter)
{
	CLEANUP(fleet_unrefp) struct fleet *fleet = restricted(letter);

	return ruleset_covers(f->ruleset, fleet->servers[0]);
}

static void assert_in_place(const struct fixture *f)
{
	assert_string_equal(ruleset_error(f->ruleset), "");
	assert_false(ruleset_is_behind(f->ruleset));
}

static void guards_are_put_in_place_and_told(void **state)
{
	struct fixture *f = *state;

	launch(f);
	assert_in_place(f);
	assert_true(bad_nft_has("table inet kago {"));
	guard(f, "a");
	assert_true(ruleset_is_behind(f->ruleset));
	assert_false(covers(f, "a"));
	AWAIT(f, covers(f, "a"));
	assert_in_place(f);
	assert_int_equal(f->n_told, 1);
	assert_true(bad_nft_has(GUARD_A));
	assert_false(covers(f, "b"));
}

static void what_came_is_told_from_what_was_there(void **state)
{
	struct fixture *f = *state;

	launch(f);
	guard(f, "a");
	AWAIT(f, covers(f, "a"));
	assert_string_equal(f->come, "a");
	guard(f, "ac");
	AWAIT(f, covers(f, "c"));
	assert_string_equal(f->come, "c");
	bad_nft_be(NFT_REFUSES, 1);
	guard(f, "abc");
	AWAIT(f, *ruleset_error(f->ruleset));
	assert_string_equal(f->come, "");
	AWAIT(f, covers(f, "b"));
	assert_string_equal(f->come, "b");
}

/* Until then nothing that needs the guard may be added, and the table is as it was. */
static void assert_tried_again(struct fixture *f, enum nft_mood mood, const char *why)
{
	launch(f);
	bad_nft_be(mood, 1);
	guard(f, "a");
	AWAIT(f, *ruleset_error(f->ruleset));
	assert_non_null(strstr(ruleset_error(f->ruleset), why));
	assert_true(ruleset_is_behind(f->ruleset));
	assert_false(covers(f, "a"));
	assert_false(bad_nft_has(GUARD_A));
	assert_int_equal(nft->n_runs, 1);
	AWAIT(f, covers(f, "a"));
	assert_in_place(f);
	assert_true(bad_nft_has(GUARD_A));
	assert_int_equal(nft->n_runs, 2);
}

static void rules_that_are_refused_once_are_put_in_place_next_time(void **state)
{
	struct fixture *f = *state;

	assert_tried_again(f, NFT_REFUSES, "with nftables: Error: no buffer space");
	assert_int_equal(f->n_told, 2);
}

static void nftables_that_is_killed_is_tried_again(void **state)
{
	struct fixture *f = *state;

	assert_tried_again(f, NFT_IS_KILLED, "the child ended without an answer");
	assert_int_equal(f->n_told, 2);
}

static void nftables_that_exits_is_tried_again(void **state)
{
	struct fixture *f = *state;

	assert_tried_again(f, NFT_EXITS, "the child ended without an answer");
	assert_int_equal(f->n_told, 2);
}

static void nftables_that_hangs_is_ended_and_tried_again(void **state)
{
	struct fixture *f = *state;

	assert_tried_again(f, NFT_HANGS, "the child ended without an answer");
	assert_int_equal(f->n_told, 2);
}

/* Who asked for it sees the error at once. */
static void nftables_that_cannot_start_is_tried_again(void **state)
{
	struct fixture *f = *state;

	assert_tried_again(f, NFT_CANNOT_START, "with nftables: forking");
	assert_int_equal(f->n_told, 1);
}

static void it_is_tried_until_it_works(void **state)
{
	struct fixture *f = *state;

	launch(f);
	bad_nft_be(NFT_REFUSES, 3);
	guard(f, "a");
	for (unsigned n = 1; n <= 3; n++) {
		AWAIT(f, f->n_told == n);
		assert_true(*ruleset_error(f->ruleset));
		assert_false(covers(f, "a"));
	}
	AWAIT(f, covers(f, "a"));
	assert_in_place(f);
	assert_int_equal(nft->n_runs, 4);
}

static void the_newest_guards_take_the_place_of_those_that_failed(void **state)
{
	struct fixture *f = *state;

	launch(f);
	bad_nft_be(NFT_REFUSES, 1);
	guard(f, "a");
	guard(f, "b");
	AWAIT(f, covers(f, "b"));
	assert_in_place(f);
	assert_false(covers(f, "a"));
	assert_true(bad_nft_has(GUARD_B));
	assert_false(bad_nft_has(GUARD_A));
	assert_int_equal(nft->n_runs, 2);
}

static void what_is_guarded_stays_so_while_nftables_fails(void **state)
{
	struct fixture *f = *state;

	launch(f);
	guard(f, "a");
	AWAIT(f, covers(f, "a"));
	bad_nft_be(NFT_IS_KILLED, 1);
	guard(f, "ab");
	AWAIT(f, *ruleset_error(f->ruleset));
	assert_true(covers(f, "a"));
	assert_false(covers(f, "b"));
	assert_true(bad_nft_has(GUARD_A));
	AWAIT(f, covers(f, "b"));
	assert_true(covers(f, "a"));
	assert_in_place(f);
}

/* A listener at ADDRESS:80 that this prefix may use, or everybody. */
static void protect(const struct fixture *f, const char *address, const char *prefix)
{
	struct virtual_server own = {.port = 80, .protocol = IPPROTO_TCP};
	struct ipnet net;
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&own.vip, address, &e), 0);
	if (*prefix) {
		assert_int_equal(ipnet_parse(&net, prefix, &e), 0);
		own.restricted = true;
		own.sources = &net;
		own.n_sources = 1;
	}
	ruleset_protect(f->ruleset, &own);
}

static void a_listener_of_ours_is_guarded_among_virtual_servers(void **state)
{
	struct fixture *f = *state;

	launch(f);
	protect(f, "10.1.1.2", "192.0.2.0/24");
	guard(f, "ac");
	AWAIT(f, covers(f, "ac"));
	assert_in_place(f);
	assert_true(bad_nft_has(GUARD_A));
	assert_true(bad_nft_has(GUARD_B " : 2"));
	assert_true(bad_nft_has("allowed4 { 2 . 192.0.2.0/24 }"));
	protect(f, "10.1.1.2", "192.0.3.0/24");
	guard(f, "ac");
	AWAIT(f, !ruleset_is_behind(f->ruleset));
	assert_true(bad_nft_has("allowed4 { 2 . 192.0.3.0/24 }"));
	assert_false(bad_nft_has("192.0.2.0/24"));
	protect(f, "10.1.1.2", "");
	guard(f, "ac");
	AWAIT(f, !ruleset_is_behind(f->ruleset));
	assert_false(bad_nft_has(GUARD_B));
	assert_true(bad_nft_has(GUARD_A));
}

/* nft would refuse a second guard for the same, and all others with it. */
static void a_virtual_server_takes_the_place_of_a_listener_of_ours(void **state)
{
	struct fixture *f = *state;

	launch(f);
	protect(f, "10.1.1.2", "192.0.2.0/24");
	guard(f, "");
	AWAIT(f, !ruleset_is_behind(f->ruleset));
	assert_true(bad_nft_has(GUARD_B));
	guard(f, "b");
	AWAIT(f, covers(f, "b"));
	assert_false(bad_nft_has("192.0.2.0/24"));
}

/* The error is of something that nobody wants any more. */
static void an_error_goes_with_what_it_is_about(void **state)
{
	struct fixture *f = *state;

	launch(f);
	bad_nft_be(NFT_REFUSES, 1);
	guard(f, "a");
	AWAIT(f, *ruleset_error(f->ruleset));
	guard(f, "");
	assert_in_place(f);
	assert_int_equal(nft->n_runs, 1);
}

/* Its rules may be those of another template, so nothing is known of them. */
static void the_table_of_a_predecessor_stays_while_nftables_fails(void **state)
{
	struct fixture *f = *state;

	nft->there = true;
	snprintf(nft->table, sizeof nft->table, "the predecessor's");
	launch(f);
	bad_nft_be(NFT_REFUSES, 1);
	guard(f, "a");
	AWAIT(f, *ruleset_error(f->ruleset));
	assert_string_equal(nft->table, "the predecessor's");
	assert_false(covers(f, "a"));
	AWAIT(f, covers(f, "a"));
	assert_in_place(f);
	assert_true(bad_nft_has(GUARD_A));
}

/* Runs the loop until what a look has begun is over. */
static void finish_look(const struct fixture *f)
{
	unsigned before = nft->n_asked;

	AWAIT(f, (ruleset_check(f->ruleset), nft->n_asked > before));
}

/* "a" is guarded, and the table is known. */
static void launch_known(struct fixture *f)
{
	launch(f);
	guard(f, "a");
	AWAIT(f, covers(f, "a"));
	finish_look(f);
	bad_nft_be(NFT_WORKS, 0);
}

static void a_table_that_somebody_removes_is_put_back(void **state)
{
	struct fixture *f = *state;

	launch_known(f);
	bad_nft_flush();
	ruleset_check(f->ruleset);
	AWAIT(f, nft->there);
	AWAIT(f, covers(f, "a"));
	assert_in_place(f);
	assert_true(bad_nft_has(GUARD_A));
	assert_int_equal(nft->n_runs, 1);
	assert_string_equal(f->come, "a");
}

static void a_table_that_somebody_changes_is_put_back(void **state)
{
	struct fixture *f = *state;

	launch_known(f);
	snprintf(nft->table, sizeof nft->table, "somebody's");
	nft->generation++;
	ruleset_check(f->ruleset);
	AWAIT(f, bad_nft_has(GUARD_A));
	AWAIT(f, covers(f, "a"));
	assert_int_equal(nft->n_runs, 1);
}

/* Nothing that needs a guard may be added meanwhile. */
static void a_table_that_is_lost_covers_nothing_until_it_is_back(void **state)
{
	struct fixture *f = *state;

	launch_known(f);
	bad_nft_be(NFT_REFUSES, 1);
	bad_nft_flush();
	ruleset_check(f->ruleset);
	AWAIT(f, *ruleset_error(f->ruleset));
	assert_false(covers(f, "a"));
	assert_true(ruleset_is_behind(f->ruleset));
	guard(f, "ab");
	AWAIT(f, covers(f, "a"));
	assert_true(covers(f, "b"));
	assert_in_place(f);
}

static void tables_of_others_are_none_of_our_business(void **state)
{
	struct fixture *f = *state;
	unsigned n_reads;

	launch_known(f);
	nft->generation++;
	ruleset_check(f->ruleset);
	finish_look(f);
	n_reads = nft->n_reads;
	finish_look(f);
	assert_int_equal(nft->n_reads, n_reads); /* while nobody changes anything */
	assert_int_equal(nft->n_runs, 0);
	assert_true(covers(f, "a"));
}

static void a_table_that_cannot_be_read_is_taken_to_be_there(void **state)
{
	struct fixture *f = *state;

	launch_known(f);
	nft->unreadable = true;
	nft->generation++;
	ruleset_check(f->ruleset);
	finish_look(f);
	assert_int_equal(nft->n_runs, 0);
	assert_true(covers(f, "a"));
	assert_in_place(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guards_are_put_in_place_and_told),
		TEST(what_came_is_told_from_what_was_there),
		TEST(rules_that_are_refused_once_are_put_in_place_next_time),
		TEST(nftables_that_is_killed_is_tried_again),
		TEST(nftables_that_exits_is_tried_again),
		TEST(nftables_that_hangs_is_ended_and_tried_again),
		TEST(nftables_that_cannot_start_is_tried_again),
		TEST(it_is_tried_until_it_works),
		TEST(the_newest_guards_take_the_place_of_those_that_failed),
		TEST(what_is_guarded_stays_so_while_nftables_fails),
		TEST(a_listener_of_ours_is_guarded_among_virtual_servers),
		TEST(a_virtual_server_takes_the_place_of_a_listener_of_ours),
		TEST(an_error_goes_with_what_it_is_about),
		TEST(the_table_of_a_predecessor_stays_while_nftables_fails),
		TEST(a_table_that_somebody_removes_is_put_back),
		TEST(a_table_that_somebody_changes_is_put_back),
		TEST(a_table_that_is_lost_covers_nothing_until_it_is_back),
		TEST(tables_of_others_are_none_of_our_business),
		TEST(a_table_that_cannot_be_read_is_taken_to_be_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
