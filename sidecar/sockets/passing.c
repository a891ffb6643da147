/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/peer.h"

enum { BACKLOG = 16 };

static const char greeting[] = "kago-node-sockets 1";

static int address_of(struct sockaddr_un *ret, const char *path, struct err *e)
{
	size_t len = strlen(path);

	if (len >= sizeof ret->sun_path)
		return err_set(e, ENAMETOOLONG, "%s is too long for a socket", path);
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, len);
	return 0;
}

int passing_listen(int *ret_fd, const char *path, struct err *e)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;
	int r = address_of(&addr, path, e);

	if (r < 0)
		return r;
	/* The mode of a socket that has no file yet is the one that its file gets. */
	if (fd < 0 || (unlink(path) < 0 && errno != ENOENT) || fchmod(fd, S_IRUSR | S_IWUSR) < 0 ||
		bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, BACKLOG) < 0)
		return err_errno(e, errno, "listening on %s", path);
	*ret_fd = steal_fd(&fd);
	return 0;
}

int passing_connect(int *ret_fd, const char *path, struct err *e)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;
	int r = address_of(&addr, path, e);

	if (r < 0)
		return r;
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
		return err_errno(e, errno, "connecting to %s", path);
	if (!peer_is_ours(fd))
		return err_set(e, EACCES, "another user's process listens on %s", path);
	*ret_fd = steal_fd(&fd);
	return 0;
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(SOCKETS_N * sizeof(int))];
};

static int send_message(int fd, const struct msghdr *msg, struct err *e)
{
	if (sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return err_errno(e, errno, "handing out sockets");
	return 0;
}

int passing_send(int fd, const struct sockets *s, struct err *e)
{
	union control control = {.bytes = {0}};
	char text[sizeof greeting];
	struct iovec data = {text, sizeof greeting - 1};
	struct msghdr msg = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&msg);

	memcpy(text, greeting, sizeof greeting);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof s->fds);
	memcpy(CMSG_DATA(rights), s->fds, sizeof s->fds);
	return send_message(fd, &msg, e);
}

int passing_refuse(int fd, const char *why, struct err *e)
{
	char text[ERR_MSG_SIZE];
	struct iovec data = {text, strnlen(why, sizeof text)};
	struct msghdr msg = {.msg_iov = &data, .msg_iovlen = 1};

	memcpy(text, why, data.iov_len);
	return send_message(fd, &msg, e);
}

/* Ours from now on, however many there are. */
static size_t take_descriptors(struct sockets *ret, struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	size_t n;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(ret->fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

static int judge(const struct sockets *s, size_t n, const struct msghdr *msg, struct err *e)
{
	const struct iovec *data = msg->msg_iov;

	if (data->iov_len == 0)
		return err_set(e, EPROTO, "the connection ended without sockets");
	if (n == 0)
		return err_set(e, ECANCELED, "kago-node-sockets says: %.*s", (int)data->iov_len,
			(const char *)data->iov_base);
	if (n != SOCKETS_N || (msg->msg_flags & MSG_CTRUNC) ||
		data->iov_len != sizeof greeting - 1 ||
		memcmp(data->iov_base, greeting, sizeof greeting - 1) != 0)
		return err_set(e, EPROTO, "what came is not what this version asks for");
	return sockets_check(s, e);
}

int passing_receive(struct sockets *ret, int fd, struct err *e)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	union control control = {.bytes = {0}};
	char text[ERR_MSG_SIZE];
	struct iovec data = {text, sizeof text};
	struct msghdr msg = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		/* Without the padding, in which there would be room for one more. */
		.msg_controllen = CMSG_LEN(sizeof s.fds)};
	ssize_t len = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int r;

	if (len < 0)
		return err_errno(e, errno, "waiting for sockets");
	data.iov_len = (size_t)len;
	r = judge(&s, take_descriptors(&s, &msg), &msg, e);
	if (r < 0)
		return r;
	*ret = sockets_steal(&s);
	return 0;
}
