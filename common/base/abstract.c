/* SPDX-License-Identifier: Apache-2.0 */
#include "base/abstract.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int abstract_socket(int type, struct err *e)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_errno(e, errno, "making a socket") : fd;
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
