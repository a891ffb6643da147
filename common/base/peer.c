/* SPDX-License-Identifier: Apache-2.0 */
#include "base/peer.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int peer_uid(uid_t *ret, int fd, struct err *e)
{
	struct ucred who;
	socklen_t len = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return err_errno(e, errno, "asking who is at the other end");
	*ret = who.uid;
	return 0;
}

bool peer_is_trusted(uid_t uid)
{
	return uid == geteuid() || uid == 0;
}

bool peer_is_ours(int fd)
{
	struct err e = {0};
	uid_t uid = (uid_t)-1;

	return peer_uid(&uid, fd, &e) == 0 && peer_is_trusted(uid);
}
