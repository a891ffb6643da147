/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>

#include "base/mem.h"

int netns_enter(const char *path, struct err *e)
{
	CLEANUP_CLOSE int there = open(path, O_RDONLY | O_CLOEXEC);

	if (there < 0)
		return err_errno(e, errno, "opening the network namespace %s%s", path,
			errno == EACCES || errno == EPERM
				? " (the container needs CAP_SYS_PTRACE, and no AppArmor profile "
				  "that forbids it)"
				: "");
	if (setns(there, CLONE_NEWNET) < 0)
		return err_errno(e, errno, "entering the network namespace %s%s", path,
			errno == EPERM ? " (the container needs CAP_SYS_ADMIN)" : "");
	return 0;
}

int netns_visit(int *ret_home, const char *path, struct err *e)
{
	CLEANUP_CLOSE int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	if (home < 0)
		return err_errno(e, errno, "opening our own network namespace");
	r = netns_enter(path, e);
	if (r == 0)
		*ret_home = steal_fd(&home);
	return r;
}

void netns_come_home(int home)
{
	/* Going on in the node's namespace would put the pod's routes there: better no sidecar. */
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	close(home);
}
