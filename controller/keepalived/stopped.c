/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/stopped.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "base/str.h"

enum { PID_MAX = 16, STAT_MAX = 4096 };

static const char *word_end(const char *at)
{
	return at + strcspn(at, " \n");
}

/* A number and its end; 0 when it is none. */
static pid_t parse_pid(const char *at)
{
	CLEANUP_FREE char *digits = xasprintf("%.*s", (int)(word_end(at) - at), at);
	struct err e = {0};
	uint64_t pid = 0;

	str_to_u64(&pid, digits, 1, INT32_MAX, &e);
	return (pid_t)pid;
}

static pid_t read_pid(const char *path)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	return fs_read(&text, &len, path, PID_MAX, &e) < 0 ? 0 : parse_pid(text);
}

/*
 * proc(5): "PID (NAME) STATE PARENT GROUP ...", where the name may hold anything. A number may be
 * that of another process meanwhile, but not of one in this group.
 */
static bool is_stopped(pid_t pid, pid_t group)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/stat", pid), *text = NULL;
	struct err e = {0};
	const char *at;
	size_t len;

	if (fs_read(&text, &len, path, STAT_MAX, &e) < 0)
		return false;
	at = strrchr(text, ')');
	if (!at || strncmp(at, ") T ", 4) != 0)
		return false;
	at = word_end(at + 4);
	return *at && parse_pid(at + 1) == group;
}

pid_t stopped_find(pid_t leader, const char *checkers_pid_path)
{
	pid_t checkers = read_pid(checkers_pid_path);

	if (is_stopped(leader, leader))
		return leader;
	return checkers && is_stopped(checkers, leader) ? checkers : 0;
}
