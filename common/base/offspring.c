/* SPDX-License-Identifier: Apache-2.0 */
#include "base/offspring.h"

#include <sys/wait.h>

#include "base/mem.h"

static struct {
	pid_t *pids;
	size_t n_pids;
} owned;

static size_t find_owned(pid_t pid)
{
	size_t i = 0;

	while (i < owned.n_pids && owned.pids[i] != pid)
		i++;
	return i;
}

void offspring_own(pid_t pid)
{
	owned.pids = xreallocarray(owned.pids, owned.n_pids + 1, sizeof *owned.pids);
	owned.pids[owned.n_pids++] = pid;
}

void offspring_disown(pid_t pid)
{
	size_t at = find_owned(pid);

	if (at < owned.n_pids)
		owned.pids[at] = owned.pids[--owned.n_pids];
	waitpid(pid, NULL, WNOHANG);
}

/* The first child that has ended, which stays as it is; 0: none. */
static pid_t peek(void)
{
	siginfo_t info = {0};

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? 0 : info.si_pid;
}

bool offspring_reap(void)
{
	pid_t pid;

	while ((pid = peek()) > 0) {
		if (find_owned(pid) < owned.n_pids)
			return true;
		waitpid(pid, NULL, WNOHANG);
	}
	return false;
}
