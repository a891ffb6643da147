/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"

/* A folder with a kubeconfig and all the files that it may name. */

#define N(array) (sizeof(array) / sizeof(array)[0])

/* "-----BEGIN A-----\n", and "-----BEGIN B-----\n". */
#define PEM_A "-----BEGIN A-----\n"
#define PEM_B "-----BEGIN B-----\n"
#define DATA_A "LS0tLS1CRUdJTiBBLS0tLS0K"
#define DATA_B "LS0tLS1CRUdJTiBCLS0tLS0K"

struct fixture {
	char *folder;
	char *path; /* of the kubeconfig */
};

static inline char *path_of(const struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->folder, name);
}

static inline void put(const struct fixture *f, const char *name, const char *text)
{
	CLEANUP_FREE char *path = path_of(f, name);
	struct err e = {0};

	assert_int_equal(fs_write_private(path, text, strlen(text), &e), 0);
}

static inline int setup(void **state)
{
	struct fixture *f = xnew0(struct fixture);

	f->folder = xstrdup("/tmp/kago-test-kubeconf.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->path = path_of(f, "config");
	put(f, "ca.crt", PEM_A);
	put(f, "client.crt", PEM_A);
	put(f, "client.key", PEM_B);
	put(f, "token", " from-file\n");
	put(f, "namespace", "load-balancers\n");
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	static const char *const names[] = {
		"config", "ca.crt", "client.crt", "client.key", "token", "namespace"};
	struct fixture *f = *state;

	for (size_t i = 0; i < N(names); i++) {
		CLEANUP_FREE char *path = path_of(f, names[i]);

		unlink(path);
	}
	assert_int_equal(rmdir(f->folder), 0);
	free(f->folder);
	free(f->path);
	free(f);
	return 0;
}

/* A kubeconfig of one context. */
static inline char *config_of(const char *cluster, const char *user)
{
	return xasprintf("apiVersion: v1\n"
			 "kind: Config\n"
			 "preferences: {colors: true}\n"
			 "current-context: main\n"
			 "contexts:\n"
			 "- {name: main, context: {cluster: c, user: u, namespace: web}}\n"
			 "clusters:\n"
			 "- name: c\n"
			 "  cluster: {%s}\n"
			 "users:\n"
			 "- name: u\n"
			 "  user: {%s}\n",
		cluster, user);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
