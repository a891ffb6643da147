/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bird_conf.h"

#include <errno.h>
#include <string.h>

#include "addresses.h"
#include "base/mem.h"

static struct site here(void)
{
	return (struct site){.pod.v4 = addr_of("172.16.20.2"), .router_id = addr_of("172.16.20.2")};
}

static struct config config_of(struct config_peer peers[], size_t n_peers)
{
	return (struct config){
		.bgp = {.peers = peers, .n_peers = n_peers, .bfd = {true, NULL, 300 * 1000, 3}}};
}

static char *text_of(const struct config *c, const struct site *p)
{
	char *text = NULL;
	struct err e = {0};

	if (bird_conf_text(&text, c, p, &e) < 0)
		fail_msg("%s", e.msg);
	return text;
}

/* A pod is a hop behind its node. */
static void test_the_whole_file(void **state)
{
	struct config_peer peers[] = {{.address = addr_of("10.0.0.1"), .bfd = true},
		{.address = addr_of("10.0.0.2"), .ttl = 255, .bfd = true}};
	const struct config c = config_of(peers, 2);
	const struct site p = here();
	CLEANUP_FREE char *text = text_of(&c, &p);

	(void)state;
	assert_string_equal(text, "log stderr { info, warning, error, fatal, bug };\n"
				  "router id 172.16.20.2;\n"
				  "\n"
				  "protocol device {\n"
				  "}\n"
				  "\n"
				  "protocol bfd {\n"
				  "\taccept multihop;\n"
				  "\tinterface \"*\" {\n"
				  "\t\tinterval 300 ms;\n"
				  "\t\tmultiplier 3;\n"
				  "\t};\n"
				  "\tmultihop {\n"
				  "\t\tinterval 300 ms;\n"
				  "\t\tmultiplier 3;\n"
				  "\t};\n"
				  "\tneighbor 10.0.0.1 local 172.16.20.2 multihop yes;\n"
				  "\tneighbor 10.0.0.2 local 172.16.20.2 multihop yes;\n"
				  "}\n");
}

static void test_a_peer_that_has_to_be_a_neighbor(void **state)
{
	struct config_peer peers[] = {{.address = addr_of("fd00::1"),
		.local_address = addr_of("fd00::2"),
		.ttl = 1,
		.bfd = true}};
	const struct config c = config_of(peers, 1);
	const struct site p = here();
	CLEANUP_FREE char *text = text_of(&c, &p);

	(void)state;
	assert_non_null(strstr(text, "\taccept direct;\n"));
	assert_non_null(strstr(text, "\tneighbor fd00::1 local fd00::2;\n"));
}

static void test_both_kinds(void **state)
{
	struct config_peer peers[] = {{.address = addr_of("10.0.0.1"), .ttl = 1, .bfd = true},
		{.address = addr_of("10.0.0.2"), .bfd = true}};
	const struct config c = config_of(peers, 2);
	const struct site p = here();
	CLEANUP_FREE char *text = text_of(&c, &p);

	(void)state;
	assert_null(strstr(text, "accept"));
}

static void test_peers_that_are_left_out(void **state)
{
	struct config_peer peers[] = {
		{.address = addr_of("10.0.0.1")}, {.address = addr_of("10.0.0.2"), .bfd = true}};
	struct config c = config_of(peers, 2);
	const struct site p = here();
	CLEANUP_FREE char *text = text_of(&c, &p);

	(void)state;
	assert_null(strstr(text, "10.0.0.1"));
	assert_non_null(strstr(text, "\tneighbor 10.0.0.2 local"));
	assert_true(bird_conf_has(&c, &peers[1]));
	c.bgp.bfd.enabled = false;
	assert_false(bird_conf_has(&c, &peers[1]));
}

static void test_a_peer_of_a_family_that_the_pod_has_not(void **state)
{
	struct config_peer peers[] = {{.address = addr_of("fd00::1"), .bfd = true}};
	const struct config c = config_of(peers, 1);
	const struct site p = here();
	struct err e = {0};
	char *text = NULL;

	(void)state;
	assert_int_equal(bird_conf_text(&text, &c, &p, &e), -EINVAL);
	assert_string_equal(e.msg, "peer fd00::1: the pod has no address of this family");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_whole_file),
		cmocka_unit_test(test_a_peer_that_has_to_be_a_neighbor),
		cmocka_unit_test(test_both_kinds),
		cmocka_unit_test(test_peers_that_are_left_out),
		cmocka_unit_test(test_a_peer_of_a_family_that_the_pod_has_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
