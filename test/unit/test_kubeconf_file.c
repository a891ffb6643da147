/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kubeconf_fixture.h"

/* The message, without the path of the file, which must stand in front. */
static void assert_refused(const struct fixture *f, const char *text, const char *message)
{
	size_t len = strlen(f->path);
	struct kubeconf *c = NULL;
	struct err e = {0};

	put(f, "config", text);
	if (kubeconf_load(&c, f->path, "", &e) == 0)
		fail_msg("was not refused with '%s'", message);
	assert_null(c);
	assert_int_equal(e.code, EINVAL);
	assert_memory_equal(e.msg, f->path, len);
	assert_string_equal(e.msg + len, message);
}

static void assert_part_refused(
	const struct fixture *f, const char *cluster, const char *user, const char *message)
{
	CLEANUP_FREE char *text = config_of(cluster, user);

	assert_refused(f, text, message);
}

static void test_exec_plugins_and_the_like_are_refused_by_name(void **state)
{
	const struct fixture *f = *state;

	assert_part_refused(f, "server: 'https://h'", "token: t, exec: {command: aws}",
		": user 'u': user.exec: exec plugins are not supported; use a token, a tokenFile "
		"or "
		"a client certificate");
	assert_part_refused(f, "server: 'https://h'", "auth-provider: {name: gcp}",
		": user 'u': user.auth-provider: auth providers are not supported; use a token, a "
		"tokenFile or a client certificate");
	assert_part_refused(f, "server: 'https://h'", "token: t, as: nobody",
		": user 'u': user.as: impersonation is not supported; use a token, a tokenFile or "
		"a "
		"client certificate");
}

static void test_a_wrong_cluster_is_refused_with_what_would_be_right(void **state)
{
	static const struct {
		const char *cluster, *message;
	} wrong[] = {
		{"x: 1", "cluster.server: missing"},
		{"server: 10", "cluster.server: must be a string, not a whole number"},
		{"server: ''", "cluster.server: must be a URL such as https://10.0.0.1:6443"},
		{"server: '10.0.0.1:6443'",
			"cluster.server: must be a URL such as https://10.0.0.1:6443"},
		{"server: 'ftp://h'",
			"cluster.server: must be a URL such as https://10.0.0.1:6443"},
		{"server: 'https://me:pw@h'",
			"cluster.server: must be a URL such as https://10.0.0.1:6443"},
		{"server: 'https://h/?a=b'",
			"cluster.server: must be a URL such as https://10.0.0.1:6443"},
		{"server: 'https://h:70000'",
			"cluster.server: must be a URL such as https://10.0.0.1:6443"},
		{"server: \"https://h/\\r\\nX: y\"",
			"cluster.server: must be a URL such as https://10.0.0.1:6443"},
		{"server: 'https://h', insecure-skip-tls-verify: 'yes'",
			"cluster.insecure-skip-tls-verify: must be true or false, not a string"},
		{"server: 'https://h', insecure-skip-tls-verify: true, "
		 "certificate-authority: ca.crt",
			"cluster.insecure-skip-tls-verify and a certificate authority exclude each "
			"other: remove one"},
		{"server: 'https://h', certificate-authority: /nowhere",
			"cluster.certificate-authority: reading /nowhere: No such file or "
			"directory"},
		{"server: 'https://h', certificate-authority: /dev/zero",
			"cluster.certificate-authority: reading /dev/zero: not a regular file"},
		{"server: 'https://h', certificate-authority-data: 'a-b'",
			"cluster.certificate-authority-data: not base64: its length is no multiple "
			"of 4"},
		{"server: 'https://h', certificate-authority-data: 'aGVsbG8='",
			"cluster.certificate-authority-data: must be PEM (\"-----BEGIN ...\")"},
		{"server: 'https://h', tls-server-name: 'a b'",
			"cluster.tls-server-name: 'a b' is no host name or address"},
		{"server: 'https://h', proxy-url: 'proxy:3128'",
			"cluster.proxy-url: must be a URL of a proxy: http://HOST:PORT, "
			"https://HOST:PORT or socks5://HOST:PORT"},
	};

	for (size_t i = 0; i < N(wrong); i++) {
		CLEANUP_FREE char *message = xasprintf(": cluster 'c': %s", wrong[i].message);

		assert_part_refused(*state, wrong[i].cluster, "", message);
	}
}

static void test_a_wrong_user_is_refused_without_quoting_secrets(void **state)
{
	static const struct {
		const char *user, *message;
	} wrong[] = {
		{"token: 12345", "user.token: must be a string, not a whole number"},
		{"token: \"se\\ncret\"",
			"user.token: the token must be one word of printable ASCII; byte 3 is not"},
		{"token: ' '", "user.token: the token is empty"},
		{"tokenFile: /nowhere",
			"user.tokenFile: reading /nowhere: No such file or directory"},
		{"token: t, username: me",
			"user: a token and a username exclude each other: remove one"},
		{"password: secret", "user.password: needs user.username"},
		{"client-certificate: client.crt",
			"user.client-certificate: needs a client-key, too"},
		{"client-key-data: " DATA_A, "user.client-key: needs a client-certificate, too"},
		{"client-key-data: '%secret%'",
			"user.client-key-data: not base64: character 1 is none of it"},
	};

	for (size_t i = 0; i < N(wrong); i++) {
		CLEANUP_FREE char *message = xasprintf(": user 'u': %s", wrong[i].message);

		assert_part_refused(*state, "server: 'https://h'", wrong[i].user, message);
	}
}

static void test_missing_entries_are_named_with_those_there_are(void **state)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {
		{"", ": must be one object of kind Config"},
		{"[]", ": must be one object of kind Config"},
		{"a: 1\n---\nb: 2", ": must be one object of kind Config"},
		{"a: [", ": line 2, column 1: did not find expected node content while parsing a "
			 "flow "
			 "node"},
		{"kind: Secret", ": kind: must be Config, not 'Secret'"},
		{"kind: [Config]", ": kind: must be a string, not a list"},
		{"apiVersion: v2", ": apiVersion: must be v1, not 'v2'"},
		{"kind: Config", ": current-context: missing; set it, or name the context to use"},
		{"current-context: a", ": contexts: none is named 'a'"},
		{"current-context: a\ncontexts: {a: 1}",
			": contexts: must be a list, not an object"},
		{"current-context: a\ncontexts: [{name: b}, {name: c}]",
			": contexts: none is named 'a'; there are 'b', 'c'"},
		{"current-context: a\ncontexts: [{name: b}, 7]",
			": contexts[1]: must be an object, not a whole number"},
		{"current-context: a\ncontexts: [{context: {}}]", ": contexts[0]: name: missing"},
		{"current-context: a\ncontexts: [{name: a}, {name: a}]",
			": contexts: two are named 'a'"},
		{"current-context: a\ncontexts: [{name: a}]",
			": context 'a': context.cluster: missing"},
		{"current-context: a\ncontexts: [{name: a, context: {cluster: x}}]",
			": clusters: none is named 'x'"},
		{"current-context: a\ncontexts: [{name: a, context: {cluster: x, namespace: A}}]",
			": context 'a': context.namespace: 'A' is no namespace, which is of at "
			"most 63 characters of a-z, 0-9 and -"},
		{"current-context: a\ncontexts: [{name: a, context: {cluster: x, user: me}}]\n"
		 "clusters: [{name: x, cluster: {server: 'https://h'}}]\nusers: [{name: z}]",
			": users: none is named 'me'; there are 'z'"},
		{"current-context: a\ncontexts: [{name: a, context: {cluster: x, user: me}}]\n"
		 "clusters: [{name: x, cluster: {server: 'https://h'}}]\n"
		 "users: [{name: me, user: [token]}]",
			": user 'me': user: must be an object, not a list"},
	};

	for (size_t i = 0; i < N(wrong); i++)
		assert_refused(*state, wrong[i].text, wrong[i].message);
}

static void test_a_file_that_cannot_be_read_is_named(void **state)
{
	struct kubeconf *c = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(kubeconf_load(&c, "/nowhere/config", "", &e), -ENOENT);
	assert_string_equal(e.msg, "reading /nowhere/config: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exec_plugins_and_the_like_are_refused_by_name),
		TEST(test_a_wrong_cluster_is_refused_with_what_would_be_right),
		TEST(test_a_wrong_user_is_refused_without_quoting_secrets),
		TEST(test_missing_entries_are_named_with_those_there_are),
		TEST(test_a_file_that_cannot_be_read_is_named),
	};

	return cmocka_run_group_tests_name("kubeconf_file", tests, NULL, NULL);
}
