/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/edition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "letters.h"

/* `ud` has the letters to leave out. */
static bool leave_out(void *ud, const struct virtual_server *vs)
{
	return strchr(ud, 'a' + vs->vip.bytes[3] - 1) != NULL;
}

static struct edition edition(const char *letters, char *without)
{
	CLEANUP(fleet_unrefp) struct fleet *fleet = letters_fleet(letters);

	return edition_of(fleet, leave_out, without);
}

#define EDITION CLEANUP(edition_done) struct edition

static void what_is_left_out_is_not_in_it(void **state)
{
	char without[] = "bd";
	EDITION ed = edition("abcde", without);

	(void)state;
	assert_int_equal(ed.n_servers, 3);
	assert_int_equal(ed.fleet->n_servers, 5);
	assert_ptr_equal(ed.servers[1], ed.fleet->servers[2]);
}

static void the_same_for_keepalived_is_the_same(void **state)
{
	char none[] = "", b[] = "b";
	EDITION a = edition("ac", none);
	EDITION same = edition("abc", b);
	EDITION other = edition("abc", none);
	EDITION more = edition("a+c", none);

	(void)state;
	assert_true(edition_same(&a, &same));
	assert_false(edition_same(&a, &other));
	assert_false(edition_same(&a, &more));
}

/* The first file has to be written, also when it is empty. */
static void an_empty_one_is_not_the_same_as_none(void **state)
{
	char none[] = "";
	EDITION empty = edition("", none);
	const struct edition nothing = {0};

	(void)state;
	assert_false(edition_same(&empty, &nothing));
	assert_false(edition_same(&nothing, &nothing));
	assert_true(edition_same(&empty, &empty));
}

static void a_copy_outlives_what_it_was_made_of(void **state)
{
	char none[] = "";
	struct edition first = edition("ab", none);
	EDITION copy = edition_copy(&first);
	EDITION taken = edition_take(&first);

	(void)state;
	assert_null(first.fleet);
	edition_done(&first);
	edition_done(&taken);
	assert_int_equal(copy.n_servers, 2);
	assert_int_equal(copy.fleet->n_refs, 1);
	assert_int_equal(copy.servers[1]->vip.bytes[3], 2);
}

static void a_real_server_is_in_it_with_its_virtual_server(void **state)
{
	char b[] = "b";
	EDITION ed = edition("abc+", b);
	const struct real_server first = letters_real(0), second = letters_real(1);
	const struct virtual_server servers[] = {
		letters_server('a'), letters_server('b'), letters_server('c')};
	struct place at = virtual_server_place(&servers[2]);

	(void)state;
	assert_true(edition_has(&ed, &at, &second.addr, 8080));
	assert_false(edition_has(&ed, &at, &second.addr, 8081));
	at = virtual_server_place(&servers[0]);
	assert_false(edition_has(&ed, &at, &second.addr, 8080));
	at = virtual_server_place(&servers[1]);
	assert_false(edition_has(&ed, &at, &first.addr, 8080));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_is_not_in_it),
		cmocka_unit_test(the_same_for_keepalived_is_the_same),
		cmocka_unit_test(an_empty_one_is_not_the_same_as_none),
		cmocka_unit_test(a_copy_outlives_what_it_was_made_of),
		cmocka_unit_test(a_real_server_is_in_it_with_its_virtual_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
