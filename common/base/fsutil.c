/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

enum { READ_STEP = 64 * 1024 };

/* Without waiting for the writer of a FIFO. */
static int open_regular(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) ? steal_fd(&fd) : -EINVAL;
}

int fs_read_fd(
	char **ret_text, size_t *ret_len, int fd, const char *name, size_t max, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len = 0, size = 0;
	ssize_t n;

	do {
		if (len + 1 >= size) {
			size = size ? size * 2 : READ_STEP;
			text = xreallocarray(text, size, 1);
		}
		n = read(fd, text + len, size - len - 1);
		if (n < 0)
			return err_errno(e, errno, "reading %s", name);
		len += (size_t)n;
		if (len > max)
			return err_set(e, EFBIG, "reading %s: larger than %zu bytes", name, max);
	} while (n > 0);
	text[len] = '\0';
	*ret_text = xreallocarray(steal(text), len + 1, 1);
	*ret_len = len;
	return 0;
}

int fs_read(char **ret_text, size_t *ret_len, const char *path, size_t max, struct err *e)
{
	CLEANUP_CLOSE int fd = open_regular(path);

	if (fd == -EINVAL)
		return err_set(e, EINVAL, "reading %s: not a regular file", path);
	if (fd < 0)
		return err_errno(e, -fd, "reading %s", path);
	return fs_read_fd(ret_text, ret_len, fd, path, max, e);
}

bool fs_may_pass(int result)
{
	return result < 0 && result != -EINVAL && result != -EFBIG && result != -EISDIR;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_folder_of(const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	CLEANUP_CLOSE int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_synced(const char *path, const char *text, size_t len, mode_t mode)
{
	CLEANUP_CLOSE int fd = -1;
	int r;

	/* What a dead predecessor left, or a link that someone else laid. */
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return -errno;
	r = write_all(fd, text, len);
	return r < 0 ? r : fsync(fd) < 0 ? -errno : 0;
}

static int replace(const char *path, const char *text, size_t len, mode_t mode, struct err *e)
{
	CLEANUP_FREE char *tmp = xasprintf("%s.tmp", path);
	int r = write_synced(tmp, text, len, mode);

	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r == 0)
		r = sync_folder_of(path);
	if (r < 0) {
		unlink(tmp);
		return err_errno(e, -r, "writing %s", path);
	}
	return 0;
}

int fs_write_atomic(const char *path, const char *text, size_t len, struct err *e)
{
	return replace(path, text, len, 0644, e);
}

int fs_write_private(const char *path, const char *text, size_t len, struct err *e)
{
	return replace(path, text, len, 0600, e);
}

int fs_mkdir(const char *path, struct err *e)
{
	struct stat st;

	if (mkdir(path, 0755) == 0)
		return 0;
	if (errno == EEXIST && stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		errno = ENOTDIR;
	}
	return err_errno(e, errno, "creating %s", path);
}
