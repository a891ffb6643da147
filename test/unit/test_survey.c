/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/survey.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "loop/confine.h"
#include "net_loopback.h"

DEFINE_CLEANUP(struct config *, config_free);

enum { PATIENCE = 60 /* s */, TEXT = 4096, STATUS_MAX = 64 * 1024, HEX = 16, NOBODY = 65534 };

static char folder[] = "/tmp/kago-test-XXXXXX";
static bool is_apart; /* the sysctls are nobody else's */

static int make_folder(void **state)
{
	(void)state;
	is_apart = net_loopback();
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	CLEANUP_FREE char *path = xasprintf("%s/kubeconfig", folder);
	CLEANUP_FREE char *token = xasprintf("%s/token", folder);
	CLEANUP_FREE char *bin = xasprintf("%s/bin", folder);
	CLEANUP_FREE char *program = xasprintf("%s/keepalived", bin);

	(void)state;
	unlink(path);
	unlink(token);
	unlink(program);
	rmdir(bin);
	return rmdir(folder);
}

static int listen_somewhere(uint16_t *ret_port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

/* That of somebody who became root to run the check. */
static void write_kubeconfig(const char *path, uint16_t port)
{
	CLEANUP_FREE char *text =
		xasprintf("{apiVersion: v1, kind: Config, current-context: c,"
			  " clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%u'}}],"
			  " contexts: [{name: c, context: {cluster: c, user: u}}],"
			  " users: [{name: u, user: {}}]}\n",
			port);
	struct err e = {0};

	assert_int_equal(fs_write_atomic(path, text, strlen(text), &e), 0);
	assert_int_equal(chmod(path, 0600), 0);
	if (chown(path, NOBODY, NOBODY) < 0)
		print_message("a kubeconfig of our own: %s\n", strerror(errno));
}

/* A keepalived that complains of what it can read and should not, and of what it cannot. */
static void write_keepalived(void)
{
	CLEANUP_FREE char *token = xasprintf("%s/token", folder);
	CLEANUP_FREE char *bin = xasprintf("%s/bin", folder);
	CLEANUP_FREE char *program = xasprintf("%s/keepalived", bin);
	CLEANUP_FREE char *text =
		xasprintf("#!/bin/sh\n"
			  "grep secret %s 2>/dev/null\n"
			  "[ \"$1\" = --version ] && exit\n"
			  "grep -q virtual_server \"$4\" || echo 'it cannot read the example'\n",
			token);
	struct err e = {0};

	assert_int_equal(fs_write_atomic(token, "secret\n", strlen("secret\n"), &e), 0);
	assert_int_equal(mkdir(bin, 0755), 0);
	assert_int_equal(fs_write_atomic(program, text, strlen(text), &e), 0);
	assert_int_equal(chmod(program, 0755), 0);
}

static bool is_confined(const struct programs_facts *facts)
{
	const char *said = facts->said ? facts->said : "", *complaints = facts->complaints;

	if (!facts->accepted || (confine_is_possible() && (*said || *complaints)) ||
		strstr(complaints, "cannot")) {
		print_message("keepalived: %s: %s\n", said, complaints);
		return false;
	}
	return true;
}

/* The whole survey, in a process of its own, since it gives up what this one may need. */
static void survey_and_end(const char *kubeconfig) __attribute__((noreturn));
static void survey_and_end(const char *kubeconfig)
{
	CLEANUP_FREE char *program = xasprintf("%s/bin/keepalived", folder);
	const char *const settings[][2] = {
		{"keepalived.program", program},
		{"keepalived.template", KAGO_SOURCE_DIR "/templates/keepalived.conf.mustache"},
		{"keepalived.nftTemplate", KAGO_SOURCE_DIR "/templates/nftables.conf.mustache"},
	};
	const struct survey_options options = {.fix = is_apart};
	struct preflight facts = {0};
	struct config *config = NULL;
	struct err e = {0};
	int r = config_load(&config, NULL, &e);

	for (size_t i = 0; r == 0 && i < sizeof settings / sizeof settings[0]; i++)
		r = config_set(config, settings[i][0], settings[i][1], &e);
	if (r == 0)
		r = config_set(config, "kubernetes.kubeconfig", kubeconfig, &e);
	if (r == 0)
		r = survey_run(&facts, config, &options, &e);
	if (r == 0 && !is_confined(&facts.programs))
		r = -EPERM;
	if (r == 0 && (!facts.api.error || !strstr(facts.api.error, "as the test wants it")))
		r = -EPROTO;
	_exit(r == 0 ? 0 : 1);
}

static uint64_t status_field(pid_t pid, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/status", pid), *text = NULL;
	struct err e = {0};
	const char *at;
	size_t len;

	assert_int_equal(fs_read(&text, &len, path, STATUS_MAX, &e), 0);
	at = strstr(text, name);
	assert_non_null(at);
	return strtoull(at + strlen(name), NULL, HEX);
}

/* Reads the request and answers it when the caller is known to have no power. */
static void answer(int listener, pid_t client)
{
	static const char text[] =
		"HTTP/1.1 500 \r\nContent-Length: 35\r\nConnection: close\r\n\r\n"
		"{\"message\": \"as the test wants it\"}\n";
	char request[TEXT];
	int fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0);
	assert_true(recv(fd, request, sizeof request, 0) > 0);
	assert_int_equal(status_field(client, "CapEff:"), 0);
	assert_int_equal(status_field(client, "CapPrm:"), 0);
	assert_int_equal(status_field(client, "NoNewPrivs:"), 1);
	assert_int_equal(send(fd, text, sizeof text - 1, MSG_NOSIGNAL), sizeof text - 1);
	close(fd);
}

static void test_what_it_runs_and_reads_has_no_power(void **state)
{
	CLEANUP_FREE char *kubeconfig = xasprintf("%s/kubeconfig", folder);
	uint16_t port;
	int listener = listen_somewhere(&port), status;
	pid_t pid;

	(void)state;
	alarm(PATIENCE);
	write_kubeconfig(kubeconfig, port);
	write_keepalived();
	pid = fork();
	if (pid == 0)
		survey_and_end(kubeconfig);
	answer(listener, pid);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_runs_and_reads_has_no_power),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
