/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp_conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "addresses.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "loop/loop.h"

DEFINE_CLEANUP(struct config *, config_free);
DEFINE_CLEANUP(struct mustache *, mustache_free);

#define PROGRAM "/usr/bin/kago-sidecar"
#define TEMPLATE KAGO_SOURCE_DIR "/templates/exabgp.conf.mustache"

static char folder[] = "/tmp/kago-test-XXXXXX";

static char *in_folder(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text, size_t len)
{
	CLEANUP_FREE char *path = in_folder(name);
	struct err e = {0};

	assert_int_equal(fs_write_atomic(path, text, len, &e), 0);
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"kago.yaml", "exabgp.conf", "password"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CLEANUP_FREE char *path = in_folder(names[i]);

		unlink(path);
	}
	return rmdir(folder);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static struct config *config_of(const char *bgp)
{
	CLEANUP_FREE char *path = in_folder("kago.yaml");
	CLEANUP_FREE char *text = xasprintf(
		"fleet: blue\nbgp: {template: %s, stateDir: %s, %s}\n", TEMPLATE, folder, bgp);
	struct config *c = NULL;
	struct err e = {0};

	write_file("kago.yaml", text, strlen(text));
	if (config_load(&c, path, &e) < 0)
		fail_msg("%s", e.msg);
	return c;
}

static void ignore(void *ud)
{
	(void)ud;
}

static int view_of(json_t **ret, const struct config *c, const struct site *p, const char *program,
	struct err *e)
{
	CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
	CLEANUP(passwords_freep) struct passwords *passwords = NULL;

	assert_int_equal(loop_new(&loop, ignore, NULL, e), 0);
	passwords = passwords_new(loop, ignore, NULL);
	passwords_follow(passwords, c->bgp.peers, c->bgp.n_peers);
	return exabgp_conf_view(ret, c, p, passwords, program, e);
}

static int write_conf(char **ret_path, const struct config *c, const struct site *p, struct err *e)
{
	CLEANUP(mustache_freep) struct mustache *template = NULL;
	CLEANUP(json_decrefp) json_t *view = NULL;
	CLEANUP_FREE char *path = in_folder("exabgp.conf");
	int r = view_of(&view, c, p, PROGRAM, e);

	if (r == 0)
		r = mustache_load(&template, c->bgp.template_path, e);
	if (r == 0)
		r = exabgp_conf_write(path, template, view, e);
	if (r == 0)
		*ret_path = steal(path);
	return r;
}

static struct site site4(void)
{
	return (struct site){.pod.v4 = addr_of("172.16.20.2"),
		.node.v4 = addr_of("10.0.0.106"),
		.router_id = addr_of("172.16.20.2")};
}

/* The configuration of the paper's Appendix D, with the routes left to the API. */
static void test_the_neighbor_block(void **state)
{
	CLEANUP(config_freep)
	struct config *c = config_of("as: 65021, peers: [{address: 10.0.0.109}]");
	CLEANUP_FREE char *path = NULL, *text = NULL;
	const struct site p = site4();
	struct err e = {0};
	size_t len;

	(void)state;
	if (write_conf(&path, c, &p, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(fs_read(&text, &len, path, 4096, &e), 0);
	assert_string_equal(text, "process kago {\n"
				  "\trun /usr/bin/kago-sidecar relay;\n"
				  "\tencoder json;\n"
				  "}\n"
				  "\n"
				  "neighbor 10.0.0.109 {\n"
				  "\tdescription \"kago blue\";\n"
				  "\trouter-id 172.16.20.2;\n"
				  "\tlocal-address 172.16.20.2;\n"
				  "\tlocal-as 65021;\n"
				  "\tpeer-as 65021;\n"
				  "\thold-time 9;\n"
				  "\tconnect 179;\n"
				  "\tadj-rib-in false;\n"
				  "\tadj-rib-out true;\n"
				  "\tfamily {\n"
				  "\t\tipv4 unicast;\n"
				  "\t}\n"
				  "\tapi {\n"
				  "\t\tprocesses [ kago ];\n"
				  "\t\tneighbor-changes;\n"
				  "\t}\n"
				  "}\n");
}

static void test_both_families_and_peers(void **state)
{
	CLEANUP(config_freep)
	struct config *c = config_of(
		"as: 65021, peers: [{address: 10.0.0.109}, {address: 'fd00::109', as: 65022, port: "
		"1790}]");
	struct site p = site4();
	CLEANUP_FREE char *path = NULL, *text = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	p.pod.v6 = addr_of("fd00::2");
	p.node.v6 = addr_of("fd00::106");
	assert_int_equal(write_conf(&path, c, &p, &e), 0);
	assert_int_equal(fs_read(&text, &len, path, 4096, &e), 0);
	assert_non_null(strstr(text, "neighbor fd00::109 {\n\tdescription \"kago blue\";\n"
				     "\trouter-id 172.16.20.2;\n\tlocal-address fd00::2;\n"
				     "\tlocal-as 65021;\n\tpeer-as 65022;\n\thold-time 9;\n"
				     "\tconnect 1790;\n"));
	assert_non_null(strstr(text, "\t\tipv4 unicast;\n\t\tipv6 unicast;\n"));
}

static void test_what_a_peer_has_of_its_own(void **state)
{
	CLEANUP(config_freep)
	struct config *c = config_of(
		"as: 65021, peers: [{address: 10.0.0.109, as: 65001, holdTime: 3s, ttl: 255, "
		"localAddress: 172.16.20.3, ipv6: false}]");
	struct site p = site4();
	CLEANUP_FREE char *path = NULL, *text = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	p.node.v6 = addr_of("fd00::106");
	assert_int_equal(write_conf(&path, c, &p, &e), 0);
	assert_int_equal(fs_read(&text, &len, path, 4096, &e), 0);
	assert_non_null(strstr(text, "\tlocal-address 172.16.20.3;\n\tlocal-as 65021;\n"
				     "\tpeer-as 65001;\n\thold-time 3;\n\tconnect 179;\n"
				     "\toutgoing-ttl 255;\n"));
	assert_non_null(strstr(text, "\tfamily {\n\t\tipv4 unicast;\n\t}\n"));
}

static void test_a_peer_that_takes_ipv4_by_ipv6(void **state)
{
	CLEANUP(config_freep)
	struct config *c = config_of("as: 65021, peers: [{address: 10.0.0.109, ipv6: false, "
				     "extendedNextHop: true}]");
	struct site p = site4();
	CLEANUP_FREE char *path = NULL, *text = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	assert_int_equal(write_conf(&path, c, &p, &e), -EINVAL);
	assert_string_equal(e.msg, "peer 10.0.0.109: extendedNextHop is of routes to an IPv6 "
				   "address, and there is none (bgp.nextHop.ipv6)");
	/* exabgp says so only to whom it speaks of both families. */
	p.node = (struct dual){.v6 = addr_of("fd00::106")};
	assert_int_equal(write_conf(&path, c, &p, &e), 0);
	assert_int_equal(fs_read(&text, &len, path, 4096, &e), 0);
	assert_non_null(strstr(text, "\tfamily {\n\t\tipv4 unicast;\n\t\tipv6 unicast;\n\t}\n"
				     "\tnexthop {\n\t\tipv4 unicast ipv6;\n\t}\n"));
}

static int write_with_password(char **ret_text, const char *password, size_t len, struct err *e)
{
	CLEANUP_FREE char *bgp = xasprintf(
		"as: 65021, peers: [{address: 10.0.0.109, passwordFile: %s/password}]", folder);
	CLEANUP(config_freep) struct config *c = config_of(bgp);
	CLEANUP_FREE char *path = NULL;
	const struct site p = site4();
	size_t text_len;
	int r;

	write_file("password", password, len);
	r = write_conf(&path, c, &p, e);
	return r < 0 ? r : fs_read(ret_text, &text_len, path, 4096, e);
}

static void assert_has(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text ? text : "nothing");
}

/* Base64 keeps whatever a password holds from being read as configuration. */
static void test_a_password_is_encoded(void **state)
{
	static const struct {
		const char *password, *line;
	} cases[] = {
		{"secret\n", "\tmd5-password \"c2VjcmV0\";\n"},
		{"a", "\tmd5-password \"YQ==\";\n"},
		{"\"; } neighbor 1.2.3.4 {", "\tmd5-password \"Ijsg"
					     "fSBuZWlnaGJvciAxLjIuMy40IHs=\";\n"},
		{"\xff\xfe", "\tmd5-password \"//4=\";\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEANUP_FREE char *text = NULL;
		struct err e = {0};

		assert_int_equal(write_with_password(
					 &text, cases[i].password, strlen(cases[i].password), &e),
			0);
		assert_has(text, "\tmd5-base64 true;\n");
		assert_has(text, cases[i].line);
	}
}

static void test_a_password_must_be_one(void **state)
{
	static const struct {
		const char *password;
		size_t len;
	} cases[] = {{"", 0}, {"\n", 1}};
	char text81[82];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEANUP_FREE char *text = NULL;
		struct err e = {0};

		assert_int_equal(
			write_with_password(&text, cases[i].password, cases[i].len, &e), -EINVAL);
		assert_non_null(strstr(e.msg, "must have 1 to 80 bytes"));
	}
	memset(text81, 'x', sizeof text81);
	for (size_t len = 80; len <= 82; len++) {
		CLEANUP_FREE char *text = NULL;
		struct err e = {0};
		int r = write_with_password(&text, text81, len, &e);

		assert_true(len == 80 ? r == 0 : r < 0);
	}
}

static void test_only_we_can_read_the_file(void **state)
{
	CLEANUP_FREE char *text = NULL, *path = in_folder("exabgp.conf");
	struct err e = {0};
	struct stat s;

	(void)state;
	unlink(path);
	assert_int_equal(write_with_password(&text, "secret", 6, &e), 0);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
}

static void test_a_peer_of_a_family_the_pod_lacks_is_refused(void **state)
{
	CLEANUP(config_freep)
	struct config *c = config_of("as: 65021, peers: [{address: 'fd00::109'}]");
	CLEANUP_FREE char *path = NULL;
	const struct site p = site4();
	struct err e = {0};

	(void)state;
	assert_int_equal(write_conf(&path, c, &p, &e), -EINVAL);
	assert_string_equal(e.msg, "peer fd00::109: the pod has no address of this family");
}

static void test_a_path_that_exabgp_would_split_is_refused(void **state)
{
	CLEANUP(config_freep) struct config *c = config_of("as: 65021");
	const struct site p = site4();
	struct err e = {0};
	json_t *view = NULL;

	(void)state;
	assert_int_equal(view_of(&view, c, &p, "/opt/my programs/x", &e), -EINVAL);
	assert_null(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_neighbor_block),
		cmocka_unit_test(test_both_families_and_peers),
		cmocka_unit_test(test_what_a_peer_has_of_its_own),
		cmocka_unit_test(test_a_peer_that_takes_ipv4_by_ipv6),
		cmocka_unit_test(test_a_password_is_encoded),
		cmocka_unit_test(test_a_password_must_be_one),
		cmocka_unit_test(test_only_we_can_read_the_file),
		cmocka_unit_test(test_a_peer_of_a_family_the_pod_lacks_is_refused),
		cmocka_unit_test(test_a_path_that_exabgp_would_split_is_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
