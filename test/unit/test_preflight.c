/* SPDX-License-Identifier: Apache-2.0 */
#include "bad_places.h"
#include "base/fsutil.h"
#include "base/limits.h"

/*
 * docs/check.md quotes findings with their remedies word for word: here all that can be bad comes
 * to pass, one at a time.
 */

static void a_good_place_has_nothing_wrong(void **state)
{
	CLEANUP_FINDINGS struct findings f;

	(void)state;
	judge(&f, NULL);
	assert_int_equal(findings_count(&f, FINDING_OK), f.n_items);
}

static size_t count_of(const struct findings *f, enum finding_level level, const char *check)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_items; i++)
		n += f->items[i].level == level && strcmp(f->items[i].check, check) == 0;
	return n;
}

static void one_bad_thing_hides_no_other(void **state)
{
	static change_fn *const together[] = {wrong_file, no_ipvs, no_nftables, absent_sysctl,
		no_interface, no_pod_address, no_keepalived, broken_template, broken_nft_template,
		no_permissions};
	static const char *const checks[] = {"config", "ipvs", "nftables", "sysctl", "interfaces",
		"http.listen", "http.probes", "keepalived", "keepalived.template",
		"keepalived.nftTemplate", "permissions"};
	CLEANUP_PREFLIGHT struct preflight p;
	CLEANUP_FINDINGS struct findings f = {0};

	(void)state;
	place_init(&p, &config);
	for (size_t i = 0; i < sizeof together / sizeof together[0]; i++)
		together[i](&p);
	preflight_judge(&f, &p);
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		if (count_of(&f, FINDING_ERROR, checks[i]) == 0)
			fail_msg("no error about %s", checks[i]);
}

static void every_permission_that_is_missing_is_named(void **state)
{
	CLEANUP_FINDINGS struct findings none, one;

	(void)state;
	judge(&none, no_permissions);
	assert_int_equal(count_of(&none, FINDING_ERROR, "permissions"), 5);
	judge(&one, some_permissions);
	assert_int_equal(count_of(&one, FINDING_ERROR, "permissions"), 1);
	assert_int_equal(count_of(&one, FINDING_OK, "permissions"), 4);
}

/* Whoever has nothing to do with tunnels hears nothing of them. */
static void tunnels_are_judged_where_there_are_any(void **state)
{
	CLEANUP_FINDINGS struct findings none, some, idle;

	(void)state;
	judge(&none, NULL);
	assert_int_equal(count_of(&none, FINDING_OK, "tunnels"), 0);
	judge(&some, tunnels);
	/* What fits, and who takes them. */
	assert_int_equal(count_of(&some, FINDING_OK, "tunnels"), 2);
	assert_int_equal(count_of(&some, FINDING_OK, "ipvs-tunnel"), 1);
	assert_int_equal(count_of(&some, FINDING_WARNING, "tunnels"), 0);
	judge(&idle, idle_agents);
	assert_int_equal(count_of(&idle, FINDING_WARNING, "tunnels"), 2);
}

/* Nobody misses peers, nor hears of it who has some. */
static void layer_2_wants_no_peers_but_vips_of_the_nodes_network(void **state)
{
	CLEANUP_FINDINGS struct findings bgp, good, own, family, elsewhere;

	(void)state;
	judge(&bgp, no_peer);
	assert_int_equal(count_of(&bgp, FINDING_WARNING, "bgp.peers"), 1);
	assert_int_equal(count_of(&bgp, FINDING_OK, "l2"), 0);
	judge(&good, layer2);
	assert_int_equal(findings_count(&good, FINDING_OK), good.n_items);
	assert_int_equal(count_of(&good, FINDING_OK, "l2"), 1);
	judge(&own, layer2_with_own_address);
	assert_int_equal(count_of(&own, FINDING_WARNING, "l2"), 1);
	judge(&family, layer2_of_another_family);
	assert_int_equal(count_of(&family, FINDING_WARNING, "l2"), 1);
	judge(&elsewhere, layer2_elsewhere);
	assert_int_equal(count_of(&elsewhere, FINDING_WARNING, "l2"), 1);
}

static void a_program_that_announces_has_to_be_there(void **state)
{
	CLEANUP_FINDINGS struct findings good, none, elsewhere;

	(void)state;
	judge(&good, program);
	assert_int_equal(findings_count(&good, FINDING_OK), good.n_items);
	assert_int_equal(count_of(&good, FINDING_OK, "exec.program"), 1);
	judge(&none, no_program);
	assert_int_equal(count_of(&none, FINDING_ERROR, "exec.program"), 1);
	judge(&elsewhere, no_program_here);
	assert_int_equal(count_of(&elsewhere, FINDING_WARNING, "exec.program"), 1);
}

static void forget_node(struct preflight *p)
{
	layer2_elsewhere(p);
	p->layer2.n_node = 0;
}

static void what_is_not_known_of_the_node_is_no_fault(void **state)
{
	CLEANUP_FINDINGS struct findings f;

	(void)state;
	judge(&f, forget_node);
	assert_int_equal(findings_count(&f, FINDING_OK), f.n_items);
}

/* 1280 bytes of IPv6 behind 40, and 12 of GUE. */
static void an_mtu_has_to_leave_ipv6_its_least(void **state)
{
	static const struct {
		unsigned mtu;
		enum encapsulation encapsulation;
		size_t n_bad;
	} cases[] = {{1320, ENCAPSULATION_IPIP, 0}, {1319, ENCAPSULATION_IPIP, 1},
		{1332, ENCAPSULATION_GUE, 0}, {1331, ENCAPSULATION_GUE, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEANUP_PREFLIGHT struct preflight p;
		CLEANUP_FINDINGS struct findings f = {0};

		place_init(&p, &config);
		tunnels(&p);
		p.network.interfaces[0].ipv6 = true;
		p.network.interfaces[0].mtu = cases[i].mtu;
		p.tunnels.encapsulation = cases[i].encapsulation;
		preflight_judge(&f, &p);
		assert_int_equal(count_of(&f, FINDING_WARNING, "tunnels"), cases[i].n_bad);
	}
}

static char *without_blanks(const char *text)
{
	char *ret = xcalloc(strlen(text) + 1, 1), *end = ret;

	for (const char *at = text; *at; at++)
		if (*at != ' ' || end == ret || end[-1] != ' ')
			*end++ = *at;
	return ret;
}

/* A finding in the document, with one blank where there are several. */
static char *quotation(const struct finding *one)
{
	CLEANUP_FREE char *line =
		xasprintf("\n %s %s %s\n", finding_level_name(one->level), one->check, one->found);

	return one->remedy ? xasprintf("%s remedy: %s\n", line, one->remedy) : steal(line);
}

static void assert_documented(const char *document, const struct findings *f)
{
	for (size_t i = 0; i < f->n_items; i++) {
		CLEANUP_FREE char *text = quotation(&f->items[i]);

		if (f->items[i].level != FINDING_OK && !strstr(document, text))
			fail_msg("not in docs/check.md:%s", text);
	}
}

static bool is_said(const char *line, const struct findings *f)
{
	for (size_t i = 0; i < f->n_items; i++) {
		CLEANUP_FREE char *text = quotation(&f->items[i]);

		if (strstr(text, line))
			return true;
	}
	return false;
}

static bool is_ever_said(const char *line)
{
	for (size_t i = 0; i <= N_CHANGES; i++) {
		CLEANUP_FINDINGS struct findings f;

		judge(&f, i < N_CHANGES ? changes[i] : NULL);
		if (is_said(line, &f))
			return true;
	}
	return false;
}

static bool is_quotation(const char *line)
{
	static const char *const starts[] = {" ok ", " warning ", " error ", " remedy: "};

	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (strncmp(line, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static void assert_all_said(const char *document)
{
	size_t n = 0;

	for (const char *at = document, *end; (end = strchr(at, '\n')); at = end + 1) {
		CLEANUP_FREE char *line = xasprintf("%.*s", (int)(end + 1 - at), at);

		if (!is_quotation(line))
			continue;
		n++;
		if (!is_ever_said(line))
			fail_msg("docs/check.md, but never said:%s", line);
	}
	assert_true(n > 60);
}

static void the_document_quotes_what_is_said(void **state)
{
	CLEANUP_FREE char *text = NULL, *document = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	if (fs_read(&text, &len, KAGO_SOURCE_DIR "/docs/check.md", LIMIT_DOCUMENT_BYTES, &e) < 0)
		fail_msg("%s", e.msg);
	document = without_blanks(text);
	for (size_t i = 0; i < N_CHANGES; i++) {
		CLEANUP_FINDINGS struct findings f;

		judge(&f, changes[i]);
		assert_documented(document, &f);
	}
	assert_all_said(document);
}

static void a_version_is_read_wherever_it_ends(void **state)
{
	static const char *const wrong[] = {"", "busybox", "Keepalived", "x v2", "x v2.3",
		"x v2.3.", "x v2..3", "x va.b.c", "x v2.3.99999999999999999999"};
	unsigned v[3];

	(void)state;
	assert_true(programs_version(v, "Keepalived v2.3.3 (03/30,2025)"));
	assert_true(v[0] == 2 && v[1] == 3 && v[2] == 3);
	assert_true(programs_version(v, "Keepalived v2.10.0"));
	assert_true(v[0] == 2 && v[1] == 10 && v[2] == 0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (programs_version(v, wrong[i]))
			fail_msg("'%s' was taken", wrong[i]);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_place_has_nothing_wrong),
		TEST(one_bad_thing_hides_no_other),
		TEST(every_permission_that_is_missing_is_named),
		TEST(tunnels_are_judged_where_there_are_any),
		TEST(layer_2_wants_no_peers_but_vips_of_the_nodes_network),
		cmocka_unit_test(a_program_that_announces_has_to_be_there),
		TEST(what_is_not_known_of_the_node_is_no_fault),
		TEST(an_mtu_has_to_leave_ipv6_its_least),
		TEST(a_version_is_read_wherever_it_ends),
		TEST(the_document_quotes_what_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
