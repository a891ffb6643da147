/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "fuzz.h"
#include "kube/kubeconf.h"

/* kubeconf_load() reads a path; this one is in memory. */
static char *write_input(int *ret_fd, const uint8_t *data, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, data, len) == (ssize_t)len);
	*ret_fd = fd;
	return xasprintf("/proc/self/fd/%d", fd);
}

/* What goes into a header or a path is fit for it. */
static void check_word(const char *text)
{
	FUZZ_CHECK(*text);
	for (; *text; text++)
		FUZZ_CHECK(*text > 0x20 && *text < 0x7f);
}

static void check_readable(const char *path)
{
	struct stat st;

	FUZZ_CHECK(!path || (stat(path, &st) == 0 && st.st_size > 0));
}

static void check_loaded(struct kubeconf *c)
{
	const char *token;
	struct err e = {0};

	FUZZ_CHECK(str_has_prefix(c->server, "https://") || str_has_prefix(c->server, "http://"));
	FUZZ_CHECK(c->server[strlen(c->server) - 1] != '/');
	FUZZ_CHECK(!c->proxy_url || strstr(c->proxy_url, "://"));
	FUZZ_CHECK(!c->cert_file == !c->key_file);
	FUZZ_CHECK(!c->user == !c->password);
	FUZZ_CHECK(!c->insecure || !c->ca_file);
	check_readable(c->ca_file);
	check_readable(c->cert_file);
	check_readable(c->key_file);
	check_word(c->namespace);
	if (c->tls_name)
		check_word(c->tls_name);
	FUZZ_CHECK(kubeconf_token(&token, c, true, 0, &e) == 0);
	if (token)
		check_word(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(kubeconf_freep) struct kubeconf *c = NULL;
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;
	struct err e = {0};

	path = write_input(&fd, data, len);
	if (kubeconf_load(&c, path, "", &e) == 0)
		check_loaded(c);
	else
		FUZZ_CHECK((e.code == EINVAL || e.code == EFBIG) && strstr(e.msg, path));
	return 0;
}
