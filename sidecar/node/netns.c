/* SPDX-License-Identifier: Apache-2.0 */
#include "node/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>

static int visit(int *ret_home, const char *path, struct err *e)
{
	CLEANUP_CLOSE int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int there = open(path, O_RDONLY | O_CLOEXEC);

	if (home < 0 || there < 0)
		return err_errno(e, errno, "opening the network namespace %s", path);
	if (setns(there, CLONE_NEWNET) < 0)
		return err_errno(e, errno, "entering the network namespace %s%s", path,
			errno == EPERM ? " (the container needs CAP_SYS_ADMIN)" : "");
	*ret_home = steal_fd(&home);
	return 0;
}

static void come_home(int home)
{
	/* Going on in the node's namespace would put the pod's routes there: better no sidecar. */
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
}

int netns_socket(const char *path, int domain, int type, struct err *e)
{
	CLEANUP_CLOSE int home = -1;
	int fd, r;

	if (path[0]) {
		r = visit(&home, path, e);
		if (r < 0)
			return r;
	}
	fd = socket(domain, type | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -errno : 0;
	if (home >= 0)
		come_home(home);
	return r < 0 ? err_errno(e, -r, "creating a socket in network namespace '%s'", path) : fd;
}

int netns_rtnl(struct nl_sock **ret, const char *path, struct err *e)
{
	CLEANUP(netns_rtnl_freep) struct nl_sock *sock = nl_socket_alloc();
	CLEANUP_CLOSE int home = -1;
	int r;

	if (!sock)
		mem_exhausted();
	if (path[0]) {
		r = visit(&home, path, e);
		if (r < 0)
			return r;
	}
	r = nl_connect(sock, NETLINK_ROUTE);
	if (home >= 0)
		come_home(home);
	if (r < 0)
		return err_set(e, EIO, "connecting to rtnetlink: %s", nl_geterror(r));
	*ret = steal(sock);
	return 0;
}
