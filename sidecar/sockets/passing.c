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

/* Behind it comes a character a role: whether it has a socket. */
static const char greeting[] = "kago-node-sockets 2 ";
enum { GREETING = sizeof greeting - 1, THERE = '+', NOT_THERE = '-' };

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

/* Those that are there, in `ret_fds`; which they are, in `ret_roles`. */
static size_t gather(
	int ret_fds[static SOCKETS_N], char ret_roles[static SOCKETS_N], const struct sockets *s)
{
	size_t n = 0;

	for (int role = 0; role < SOCKETS_N; role++) {
		ret_roles[role] = s->fds[role] >= 0 ? THERE : NOT_THERE;
		if (s->fds[role] >= 0)
			ret_fds[n++] = s->fds[role];
	}
	return n;
}

int passing_send(int fd, const struct sockets *s, struct err *e)
{
	union control control = {.bytes = {0}};
	char text[GREETING + SOCKETS_N];
	int fds[SOCKETS_N];
	size_t n = gather(fds, text + GREETING, s);
	struct iovec data = {text, sizeof text};
	struct msghdr msg = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(n * sizeof *fds)};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&msg);

	memcpy(text, greeting, GREETING);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(n * sizeof *fds);
	memcpy(CMSG_DATA(rights), fds, n * sizeof *fds);
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

/* Takes them out of `came`, which has `n` in their order, to where they belong. */
static bool spread(struct sockets *ret, struct sockets *came, size_t n, const char *roles)
{
	size_t at = 0;

	for (int role = 0; role < SOCKETS_N; role++) {
		if (roles[role] == THERE && at < n)
			ret->fds[role] = steal_fd(&came->fds[at++]);
		else if (roles[role] != NOT_THERE)
			return false;
	}
	return at == n;
}

static int judge(struct sockets *ret, struct sockets *came, size_t n, const struct msghdr *msg,
	struct err *e)
{
	const struct iovec *data = msg->msg_iov;
	const char *text = data->iov_base;

	if (data->iov_len == 0)
		return err_set(e, EPROTO, "the connection ended without sockets");
	if (n == 0)
		return err_set(
			e, ECANCELED, "kago-node-sockets says: %.*s", (int)data->iov_len, text);
	if ((msg->msg_flags & MSG_CTRUNC) || data->iov_len != GREETING + SOCKETS_N ||
		memcmp(text, greeting, GREETING) != 0 || !spread(ret, came, n, text + GREETING))
		return err_set(e, EPROTO, "what came is not what this version asks for");
	return sockets_check(ret, e);
}

int passing_receive(struct sockets *ret, int fd, struct err *e)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE, came = SOCKETS_NONE;
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
	r = judge(&s, &came, take_descriptors(&came, &msg), &msg, e);
	if (r < 0)
		return r;
	*ret = sockets_steal(&s);
	return 0;
}
