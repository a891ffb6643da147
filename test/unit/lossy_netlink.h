/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In the place of what libnl sends and receives by: at times the kernel has no memory for it. */
static struct {
	int send_in, recv_in; /* the how manieth from now fails; 0: none */
} lossy;

static inline int lossy_fails(int *in)
{
	if (*in == 0 || --*in > 0)
		return 0;
	errno = ENOBUFS;
	return 1;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	return lossy_fails(&lossy.send_in) ? -1 : syscall(SYS_sendmsg, fd, m, flags);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved */
ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	return lossy_fails(&lossy.recv_in) ? -1 : syscall(SYS_recvmsg, fd, m, flags);
}
