/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconf.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kubeconf_fixture.h"

static struct kubeconf *load(const struct fixture *f, const char *text, const char *context)
{
	struct kubeconf *c = NULL;
	struct err e = {0};

	put(f, "config", text);
	if (kubeconf_load(&c, f->path, context, &e) < 0)
		fail_msg("%s", e.msg);
	return c;
}

static struct kubeconf *load_parts(const struct fixture *f, const char *cluster, const char *user)
{
	CLEANUP_FREE char *text = config_of(cluster, user);

	return load(f, text, "");
}

static void assert_holds(const char *path, const char *expected)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	assert_int_equal(fs_read(&text, &len, path, LIMIT_PEM_BYTES, &e), 0);
	assert_string_equal(text, expected);
}

static void test_files_are_below_the_folder_of_the_kubeconfig(void **state)
{
	const struct fixture *f = *state;
	CLEANUP(kubeconf_freep)
	struct kubeconf *c = load_parts(f,
		"server: 'https://api.example:6443', certificate-authority: ca.crt, "
		"tls-server-name: kubernetes, proxy-url: 'http://me:pw@proxy:3128'",
		"client-certificate: ./client.crt, client-key: client.key");
	CLEANUP_FREE char *ca = path_of(f, "ca.crt"), *key = path_of(f, "client.key");

	assert_string_equal(c->server, "https://api.example:6443");
	assert_string_equal(c->tls_name, "kubernetes");
	assert_string_equal(c->proxy_url, "http://me:pw@proxy:3128");
	assert_string_equal(c->namespace, "web");
	assert_string_equal(c->ca_file, ca);
	assert_string_equal(c->key_file, key);
	assert_holds(c->cert_file, PEM_A);
	assert_false(c->insecure);
	assert_null(c->token);
	assert_null(c->user);
	assert_int_equal(c->n_fds, 0);
}

static void test_inline_data_wins_and_is_in_files_of_memory(void **state)
{
	CLEANUP(kubeconf_freep)
	struct kubeconf *c = load_parts(*state,
		"server: 'https://h', certificate-authority: /nowhere, "
		"certificate-authority-data: " DATA_B,
		"client-certificate-data: " DATA_A ", client-key-data: " DATA_B);

	assert_int_equal(c->n_fds, 3);
	assert_holds(c->ca_file, PEM_B);
	assert_holds(c->cert_file, PEM_A);
	assert_holds(c->key_file, PEM_B);
	for (size_t i = 0; i < c->n_fds; i++)
		assert_true(fcntl(c->fds[i], F_GETFD) & FD_CLOEXEC);
}

static void test_files_of_memory_go_with_their_owner(void **state)
{
	struct kubeconf *c =
		load_parts(*state, "server: 'https://h', certificate-authority-data: " DATA_A, "");
	int fd = c->fds[0];

	kubeconf_free(c);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_json_is_read_too(void **state)
{
	CLEANUP(kubeconf_freep)
	struct kubeconf *c = load(*state,
		"{\"kind\":\"Config\",\"current-context\":\"a b\",\"contexts\":[{\"name\":\"a b\","
		"\"context\":{\"cluster\":\"c\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":"
		"{\"server\":\"http://[::1]:8080/\"}}],\"users\":null}",
		"");

	assert_string_equal(c->server, "http://[::1]:8080");
	assert_string_equal(c->namespace, "default");
	assert_null(c->token);
}

static void test_the_context_asked_for_wins_over_the_current_one(void **state)
{
	static const char text[] = "current-context: one\n"
				   "contexts:\n"
				   "- {name: one, context: {cluster: gone}}\n"
				   "- {name: two, context: {cluster: c, user: u}}\n"
				   "clusters:\n"
				   "- {name: c, cluster: {server: 'https://two/k8s/c-1/'}}\n"
				   "users:\n"
				   "- {name: bad, user: {exec: {command: aws}}}\n"
				   "- {name: u, user: {token: abc}}\n";
	CLEANUP(kubeconf_freep) struct kubeconf *c = load(*state, text, "two");

	assert_string_equal(c->server, "https://two/k8s/c-1");
	assert_string_equal(c->token, "abc");
}

static void test_a_proxy_resolves_names_itself(void **state)
{
	CLEANUP(kubeconf_freep)
	struct kubeconf *c =
		load_parts(*state, "server: 'https://h', proxy-url: 'socks5://proxy:1080/'", "");

	assert_string_equal(c->proxy_url, "socks5h://proxy:1080");
}

static void test_skipping_verification_and_passwords_are_taken_as_they_are(void **state)
{
	CLEANUP(kubeconf_freep)
	struct kubeconf *c =
		load_parts(*state, "server: 'https://h', insecure-skip-tls-verify: true",
			"username: me, password: 'a:b c'");

	assert_true(c->insecure);
	assert_string_equal(c->user, "me");
	assert_string_equal(c->password, "a:b c");
}

static void test_empty_strings_are_absent_as_in_go(void **state)
{
	CLEANUP(kubeconf_freep)
	struct kubeconf *c = load_parts(*state,
		"server: 'https://h', certificate-authority: '', certificate-authority-data: '', "
		"proxy-url: '', tls-server-name: ''",
		"token: '', tokenFile: '', client-certificate: '', username: '', exec: null");

	assert_null(c->ca_file);
	assert_null(c->proxy_url);
	assert_null(c->tls_name);
	assert_null(c->token);
	assert_null(c->user);
}

static void test_a_token_file_wins_and_is_read_again_after_a_minute(void **state)
{
	const struct fixture *f = *state;
	CLEANUP(kubeconf_freep)
	struct kubeconf *c =
		load_parts(f, "server: 'https://h'", "token: inline, tokenFile: token");
	const uint64_t minute = 60 * 1000 * 1000;
	const char *token;
	struct err e = {0};

	assert_int_equal(kubeconf_token(&token, c, false, 1000, &e), 0);
	assert_string_equal(token, "from-file");
	put(f, "token", "rotated");
	assert_int_equal(kubeconf_token(&token, c, false, 999 + minute, &e), 0);
	assert_string_equal(token, "from-file");
	assert_int_equal(kubeconf_token(&token, c, false, 1000 + minute, &e), 0);
	assert_string_equal(token, "rotated");
	put(f, "token", "again");
	assert_int_equal(kubeconf_token(&token, c, true, 1001 + minute, &e), 0);
	assert_string_equal(token, "again");
}

static void test_a_token_file_that_is_gone_leaves_the_last_token(void **state)
{
	const struct fixture *f = *state;
	CLEANUP(kubeconf_freep)
	struct kubeconf *c = load_parts(f, "server: 'https://h'", "tokenFile: token");
	CLEANUP_FREE char *path = path_of(f, "token");
	const char *token = NULL;
	struct err e = {0};

	unlink(path);
	assert_int_equal(kubeconf_token(&token, c, false, 1000, &e), -ENOENT);
	assert_non_null(strstr(e.msg, path));
	assert_string_equal(token, "from-file");
	put(f, "token", "\n");
	assert_int_equal(kubeconf_token(&token, c, false, 1001, &e), -EINVAL);
	assert_string_equal(token, "from-file");
	put(f, "token", "back");
	assert_int_equal(kubeconf_token(&token, c, false, 1002, &e), 0);
	assert_string_equal(token, "back");
}

static void test_without_a_token_there_is_none(void **state)
{
	CLEANUP(kubeconf_freep) struct kubeconf *c = load_parts(*state, "server: 'https://h'", "");
	const char *token = "not touched";
	struct err e = {0};

	assert_int_equal(kubeconf_token(&token, c, true, 1000, &e), 0);
	assert_null(token);
}

static void test_a_pod_uses_its_service_account(void **state)
{
	const struct fixture *f = *state;
	CLEANUP(kubeconf_freep) struct kubeconf *c = NULL;
	CLEANUP_FREE char *ca = path_of(f, "ca.crt");
	const char *token;
	struct err e = {0};

	assert_int_equal(kubeconf_in_cluster(&c, f->folder, &e), 0);
	assert_string_equal(c->server, "https://10.96.0.1:443");
	assert_string_equal(c->ca_file, ca);
	assert_string_equal(c->namespace, "load-balancers");
	put(f, "token", "rotated");
	assert_int_equal(kubeconf_token(&token, c, true, 5, &e), 0);
	assert_string_equal(token, "rotated");
}

static void test_an_ipv6_service_host_goes_in_brackets(void **state)
{
	const struct fixture *f = *state;
	CLEANUP(kubeconf_freep) struct kubeconf *c = NULL;
	CLEANUP_FREE char *namespace = path_of(f, "namespace");
	struct err e = {0};

	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	unlink(namespace);
	assert_int_equal(kubeconf_in_cluster(&c, f->folder, &e), 0);
	assert_string_equal(c->server, "https://[fd00::1]:443");
	assert_string_equal(c->namespace, "default");
}

static void assert_no_pod(const struct fixture *f, int result, const char *message)
{
	struct kubeconf *c = NULL;
	struct err e = {0};

	assert_int_equal(kubeconf_in_cluster(&c, f->folder, &e), result);
	assert_null(c);
	if (!strstr(e.msg, message))
		fail_msg("'%s' lacks '%s'", e.msg, message);
}

static void test_what_a_pod_lacks_is_named(void **state)
{
	const struct fixture *f = *state;
	CLEANUP_FREE char *token = path_of(f, "token");

	put(f, "namespace", "not/one");
	assert_no_pod(f, -EINVAL, "'not/one' is no namespace");
	put(f, "ca.crt", "junk");
	assert_no_pod(f, -EINVAL, "ca.crt: must be PEM");
	unlink(token);
	assert_no_pod(f, -ENOENT, "/token: No such file or directory");
	setenv("KUBERNETES_SERVICE_HOST", "a b", 1);
	assert_no_pod(f, -EINVAL, "KUBERNETES_SERVICE_HOST: 'a b' is no address");
	setenv("KUBERNETES_SERVICE_PORT", "https", 1);
	assert_no_pod(f, -EINVAL, "KUBERNETES_SERVICE_PORT: 'https' is not a number");
	unsetenv("KUBERNETES_SERVICE_HOST");
	assert_no_pod(f, -ENOENT, "this is no pod");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files_are_below_the_folder_of_the_kubeconfig),
		TEST(test_inline_data_wins_and_is_in_files_of_memory),
		TEST(test_files_of_memory_go_with_their_owner),
		TEST(test_json_is_read_too),
		TEST(test_the_context_asked_for_wins_over_the_current_one),
		TEST(test_a_proxy_resolves_names_itself),
		TEST(test_skipping_verification_and_passwords_are_taken_as_they_are),
		TEST(test_empty_strings_are_absent_as_in_go),
		TEST(test_a_token_file_wins_and_is_read_again_after_a_minute),
		TEST(test_a_token_file_that_is_gone_leaves_the_last_token),
		TEST(test_without_a_token_there_is_none),
		TEST(test_a_pod_uses_its_service_account),
		TEST(test_an_ipv6_service_host_goes_in_brackets),
		TEST(test_what_a_pod_lacks_is_named),
	};

	return cmocka_run_group_tests_name("kubeconf", tests, NULL, NULL);
}
