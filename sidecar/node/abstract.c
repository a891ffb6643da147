/* SPDX-License-Identifier: Apache-2.0 */
#include "node/abstract.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/netns.h"

int abstract_socket(const char *netns, int type, struct err *e)
{
	return netns_socket(netns, AF_UNIX, type, e);
}

static socklen_t name_address(struct sockaddr_un *ret, const char *name)
{
	size_t len = strnlen(name, sizeof ret->sun_path - 1);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path + 1, name, len);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

int abstract_bind(int fd, const char *name, struct err *e)
{
	struct sockaddr_un s;
	socklen_t len = name_address(&s, name);

	if (bind(fd, (struct sockaddr *)&s, len) < 0)
		return err_errno(e, errno, "taking the socket name @%s", name);
	return 0;
}

int abstract_connect(int fd, const char *name, struct err *e)
{
	struct sockaddr_un s;
	socklen_t len = name_address(&s, name);

	if (connect(fd, (struct sockaddr *)&s, len) < 0)
		return err_errno(e, errno, "connecting to @%s", name);
	return 0;
}

bool abstract_is_ours(int fd)
{
	struct ucred who;
	socklen_t len = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	       (who.uid == geteuid() || who.uid == 0);
}
