/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/* Headers of older kernels lack these. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (UINT64_C(1) << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif

static const uint64_t READ_FILE = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE;
static const uint64_t READ = READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t WRITE_FILE =
	LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
static const uint64_t WRITE = WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
			      LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			      LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			      LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
			      LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;
/* What nobody is granted, for it is of no use to any program here. */
static const uint64_t NEVER = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

/*
 * Of /etc each file by name: configuration and secrets are mounted there. /run and /var are left
 * out for the same reason, the token of a service account is in them. The kernel keeps what /proc
 * says of other processes' memory, environment and files from who is behind a wall.
 */
static const char *const system_paths[] = {"/bin", "/lib", "/lib32", "/lib64", "/opt", "/sbin",
	"/usr", "/proc", "/sys", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom",
	"/etc/exabgp", "/etc/group", "/etc/host.conf", "/etc/hosts", "/etc/iproute2",
	"/etc/keepalived", "/etc/ld.so.cache", "/etc/localtime", "/etc/modprobe.d",
	"/etc/nsswitch.conf", "/etc/passwd", "/etc/protocols", "/etc/python3", "/etc/python3.11",
	"/etc/python3.12", "/etc/python3.13", "/etc/python3.14", "/etc/resolv.conf",
	"/etc/services", "/etc/ssl/openssl.cnf", NULL};
static const char *const system_devices[] = {"/dev/null", NULL};

/* 0: there is no Landlock, or it is switched off, or a seccomp profile does not know it. */
static int version(void)
{
	long n = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return n > 0 ? (int)n : 0;
}

bool confine_is_possible(void)
{
	return version() > 0;
}

/* What this kernel's walls can forbid. */
static uint64_t handled(void)
{
	uint64_t all = READ | WRITE | NEVER;

	if (version() < 2)
		all &= ~LANDLOCK_ACCESS_FS_REFER;
	if (version() < 3)
		all &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
	return all;
}

static int allow_path(int rules, const char *path, uint64_t access, struct err *e)
{
	CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd};
	struct stat st;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return err_errno(e, errno, "confining to %s", path);
	rule.allowed_access = access & handled();
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= READ_FILE | WRITE_FILE;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_errno(e, errno, "confining to %s", path);
	return 0;
}

static int allow(int rules, const char *const paths[], uint64_t access, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && paths && paths[i]; i++)
		r = allow_path(rules, paths[i], access, e);
	return r;
}

/* Not all of the disk for a program that is at its root. */
static int allow_program(int rules, const char *program, struct err *e)
{
	const char *end = strrchr(program, '/');
	CLEANUP_FREE char *folder = end && end > program
					    ? xasprintf("%.*s", (int)(end - program), program)
					    : xstrdup(program);

	return allow_path(rules, folder, READ, e);
}

int confine_enter(const struct confine *c, const char *program, struct err *e)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = handled()};
	CLEANUP_CLOSE int rules = -1;
	int r;

	if (!confine_is_possible())
		return 0;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (rules < 0)
		return err_errno(e, errno, "confining");
	r = allow(rules, system_paths, READ, e);
	if (r == 0)
		r = allow(rules, system_devices, WRITE, e);
	if (r == 0)
		r = allow_program(rules, program, e);
	if (r == 0)
		r = allow(rules, c->readable, READ, e);
	if (r == 0)
		r = allow(rules, c->writable, WRITE, e);
	if (r == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		r = err_errno(e, errno, "confining");
	return r;
}

int confine_gain_nothing(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(e, errno, "setting no_new_privs");
	return 0;
}
