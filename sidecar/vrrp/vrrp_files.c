/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/vrrp_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "vrrp/vrrp_conf.h"

int vrrp_files_words(int *ret_fd, const struct config *c, struct err *e)
{
	CLEANUP_FREE char *path = vrrp_conf_path(c, VRRP_CONF_WORDS);
	int fd, r = fs_mkdir(c->l2.state_dir, e);

	if (r < 0)
		return r;
	if ((unlink(path) < 0 && errno != ENOENT) || mkfifo(path, 0600) < 0)
		return err_errno(e, errno, "making %s", path);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(e, errno, "opening %s", path);
	*ret_fd = fd;
	return 0;
}

/*
 * In place and with one write of always as many bytes: who reads it meanwhile reads the old value
 * or the new one, and nothing waits for a disk.
 */
static int set(const struct config *c, const char *name, int value, struct err *e)
{
	CLEANUP_FREE char *path = vrrp_conf_path(c, name);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[16];
	int len = snprintf(text, sizeof text, "%-4d\n", value);

	if (fd < 0 || write(fd, text, (size_t)len) < 0)
		return err_errno(e, errno, "writing %s", path);
	return 0;
}

int vrrp_files_set_share(const struct config *c, unsigned share, int value, struct err *e)
{
	CLEANUP_FREE char *name = xasprintf(VRRP_CONF_SHARE "%u", share);

	return set(c, name, value, e);
}

int vrrp_files_set_pulse(const struct config *c, int value, struct err *e)
{
	return set(c, VRRP_CONF_PULSE, value, e);
}
