/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/reorder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

#define NAME "ipv4/vs/expire_nodest_conn"

/* A container's /proc/sys is read-only. */
static const char *path(void)
{
	static const char mounted[] = REORDER_SYSCTLS "/" NAME;

	return access(mounted, W_OK) == 0 ? mounted : "/proc/sys/net/" NAME;
}

bool reorder_ends_connections(void)
{
	CLEANUP_CLOSE int fd = open(path(), O_RDONLY | O_CLOEXEC);
	char value = '1';

	return fd < 0 || read(fd, &value, 1) != 1 || value != '0';
}

static int put(char value)
{
	CLEANUP_CLOSE int fd = open(path(), O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, &value, 1) != 1 ? -errno : 0;
}

bool reorder_is_possible(void)
{
	return access(path(), W_OK) == 0 || !reorder_ends_connections();
}

int reorder_begin(bool *ret_restore)
{
	*ret_restore = reorder_ends_connections();
	return *ret_restore ? put('0') : 0;
}

void reorder_end(bool restore)
{
	if (restore)
		put('1');
}
