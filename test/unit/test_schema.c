/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "config/schema.h"

/* The row of a key in docs/configuration.md. */
static char *document(const struct schema_key *k)
{
	CLEANUP_FREE char *type = schema_describe(k), *initial = NULL;

	if (k->initial && str_has_prefix(k->initial, KAGO_DATADIR)) /* as packages install it */
		initial = xasprintf("`/usr/share/kago%s`", k->initial + strlen(KAGO_DATADIR));
	else if (k->initial)
		initial = xasprintf("`%s`", *k->initial ? k->initial : "\"\"");
	return xasprintf("\n| `%s` | %s | %s | %s | %s |\n", k->path, type, initial ? initial : "",
		schema_is_live(k) ? "at once" : "restart", k->help);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

static void test_the_document_has_the_keys_and_no_others(void **state)
{
	CLEANUP_FREE char *text = NULL;
	const struct schema_key *keys;
	struct err e = {0};
	size_t n, len;

	(void)state;
	if (fs_read(&text, &len, KAGO_SOURCE_DIR "/docs/configuration.md", 1 << 20, &e) < 0)
		fail_msg("%s", e.msg);
	keys = schema_keys(&n);
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *row = document(&keys[i]);

		if (!strstr(text, row))
			fail_msg("docs/configuration.md must have the row%s", row);
	}
	assert_int_equal(count(text, "\n| `"), n);
}

static void test_keys_are_unique_and_sections_hang_together(void **state)
{
	const struct schema_key *keys;
	size_t n;

	(void)state;
	keys = schema_keys(&n);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(schema_find(keys[i].path), &keys[i]);
		assert_false(schema_is_section(keys[i].path));
	}
	assert_null(schema_find("keepalived"));
	assert_null(schema_find(""));
	assert_true(schema_is_section("keepalived"));
	assert_true(schema_is_section("ipvs.timeouts"));
	assert_true(schema_is_section("bgp.peers[]"));
	assert_false(schema_is_section("keep"));
	assert_false(schema_is_section("bgp.peers"));
}

static void assert_names(const char *section, const char *expected)
{
	CLEANUP_FREE char *names = schema_names(section);

	assert_string_equal(names, expected);
}

static void test_names_of_a_section(void **state)
{
	(void)state;
	assert_names("", "fleet, log, http, control, keepalived, ipvs, announce, l2, exec, bgp, "
			 "node, kubernetes, "
			 "endpoints, forward, tunnel, pools");
	assert_names("log", "level, format");
	assert_names("bgp",
		"program, template, stateDir, as, holdTime, peers, otherPeers, "
		"nextHop, aggregates, communities, localPreference, med, asPathPrepend, bfd");
	assert_names("bgp.bfd", "enabled, program, interval, multiplier");
	assert_names("bgp.peers[]", "address, as, port, passwordFile, name, holdTime, ttl, "
				    "localAddress, ipv4, ipv6, extendedNextHop, bfd");
	assert_names("bgp.otherPeers[]", "address, name");
	assert_names("ipvs", "timeouts");
	assert_names("ipvs.timeouts", "tcp, tcpFin, udp");
	assert_names("none", "");
}

/* A default that does not parse would be lost in silence. */
static void test_defaults_are_in_range(void **state)
{
	const struct schema_key *keys;
	struct err e = {0};
	size_t n;

	(void)state;
	keys = schema_keys(&n);
	for (size_t i = 0; i < n; i++) {
		struct config_peer peer = {0};
		struct config_other_peer other = {0};
		struct config c = {0};
		struct config_pool pool = {0};
		void *base = &c;

		if (str_has_prefix(keys[i].path, "bgp.peers[]"))
			base = &peer;
		else if (str_has_prefix(keys[i].path, "bgp.otherPeers[]"))
			base = &other;
		else if (str_has_prefix(keys[i].path, "pools[]"))
			base = &pool;
		if (keys[i].initial && schema_set(&keys[i], base, keys[i].initial, &e) < 0)
			fail_msg("%s: %s", keys[i].path, e.msg);
		if (schema_is_string(&keys[i]))
			free(*(char **)schema_field(&keys[i], base));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_document_has_the_keys_and_no_others),
		cmocka_unit_test(test_keys_are_unique_and_sections_hang_together),
		cmocka_unit_test(test_names_of_a_section),
		cmocka_unit_test(test_defaults_are_in_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
