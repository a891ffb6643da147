/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/sockets.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/mem.h"
#include "sockets/frames.h"
#include "sockets/netns.h"

struct kind {
	int domain, type, protocol;
};

static struct kind kind_of(int role)
{
	switch (role) {
	case SOCKETS_ROUTES:
	case SOCKETS_SITE:
	case SOCKETS_QUESTIONS:
	case SOCKETS_NEWS:
	case SOCKETS_LINKS:
	case SOCKETS_LINK_NEWS:
		return (struct kind){AF_NETLINK, SOCK_RAW, NETLINK_ROUTE};
	case SOCKETS_OWNERS:
		return (struct kind){AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG};
	case SOCKETS_RULES:
	case SOCKETS_TRACKING:
		return (struct kind){AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER};
	case SOCKETS_GROUPS:
		return (struct kind){AF_INET6, SOCK_DGRAM, IPPROTO_UDP};
	default:
		return (struct kind){AF_UNIX, SOCK_DGRAM, 0};
	}
}

static bool is_of_frames(int role)
{
	return role == SOCKETS_ARP || role == SOCKETS_NDP;
}

static enum frames frames_of(int role)
{
	return role == SOCKETS_ARP ? FRAMES_ARP : FRAMES_NDP;
}

/* Netlink gives a port by itself to who binds none. */
static int make_plain(int *ret_fd, int role, struct err *e)
{
	const struct sockaddr_nl anyone = {.nl_family = AF_NETLINK};
	const struct kind k = kind_of(role);
	CLEANUP_CLOSE int fd = socket(k.domain, k.type | SOCK_CLOEXEC, k.protocol);

	if (fd < 0 && role == SOCKETS_GROUPS && errno == EAFNOSUPPORT)
		return 0;
	if (fd < 0 || (k.domain == AF_NETLINK &&
			      bind(fd, (const struct sockaddr *)&anyone, sizeof anyone) < 0))
		return err_errno(e, errno, "making a socket");
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int make(int *ret_fd, int role, struct err *e)
{
	return is_of_frames(role) ? frames_socket(ret_fd, frames_of(role), e)
				  : make_plain(ret_fd, role, e);
}

/* Those from one role up to another that are not there yet. */
static int make_missing(struct sockets *s, int from, int end, struct err *e)
{
	int r = 0;

	for (int role = from; r == 0 && role < end; role++)
		if (s->fds[role] < 0)
			r = make(&s->fds[role], role, e);
	return r;
}

static int make_there(struct sockets *s, int from, int end, const char *netns, struct err *e)
{
	int home = -1, r = netns[0] ? netns_visit(&home, netns, e) : 0;

	if (r == 0)
		r = make_missing(s, from, end, e);
	if (home >= 0)
		netns_come_home(home);
	return r;
}

int sockets_make(struct sockets *ret, const char *netns, struct err *e)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	int r = make_there(&s, 0, SOCKETS_N_USUAL, netns, e);

	if (r == 0)
		*ret = sockets_steal(&s);
	return r;
}

int sockets_make_l2(struct sockets *s, const char *netns, struct err *e)
{
	return make_there(s, SOCKETS_N_USUAL, SOCKETS_N, netns, e);
}

int sockets_make_frames(struct sockets *s, struct err *e)
{
	return make_there(s, SOCKETS_ARP, SOCKETS_NDP + 1, "", e);
}

void sockets_done(struct sockets *s)
{
	for (int role = 0; role < SOCKETS_N; role++)
		closep(&s->fds[role]);
	*s = SOCKETS_NONE;
}

static bool has(int fd, int option, int value)
{
	int found = -1;
	socklen_t len = sizeof found;

	return getsockopt(fd, SOL_SOCKET, option, &found, &len) == 0 && found == value;
}

static bool is_nameless(int fd)
{
	struct sockaddr_un name;
	socklen_t len = sizeof name;

	return getsockname(fd, (struct sockaddr *)&name, &len) == 0 &&
	       len == sizeof name.sun_family;
}

static bool fits(int fd, int role)
{
	const struct kind k = kind_of(role);

	if (is_of_frames(role))
		return frames_fit(fd, frames_of(role));
	return has(fd, SO_DOMAIN, k.domain) && has(fd, SO_TYPE, k.type) &&
	       has(fd, SO_PROTOCOL, k.protocol) && (k.domain != AF_UNIX || is_nameless(fd));
}

static bool has_any_of_l2(const struct sockets *s)
{
	for (int role = SOCKETS_N_USUAL; role < SOCKETS_N; role++)
		if (s->fds[role] >= 0)
			return true;
	return false;
}

int sockets_check(const struct sockets *s, struct err *e)
{
	int end = has_any_of_l2(s) ? SOCKETS_N : SOCKETS_N_USUAL;

	for (int role = 0; role < end; role++)
		if (!fits(s->fds[role], role) && (role != SOCKETS_GROUPS || s->fds[role] >= 0))
			return err_set(e, EPROTO, "socket %d of %d is not what it should be",
				role + 1, SOCKETS_N);
	return 0;
}

bool sockets_has(const struct sockets *s, enum sockets_role role)
{
	return s->fds[role] >= 0;
}

size_t sockets_count(const struct sockets *s)
{
	size_t n = 0;

	for (int role = 0; role < SOCKETS_N; role++)
		n += s->fds[role] >= 0;
	return n;
}
