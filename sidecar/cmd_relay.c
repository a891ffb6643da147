/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/abstract.h"
#include "base/mem.h"
#include "bgp/relay.h"
#include "cmd.h"

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Copies what is there; false at the end of either side. */
static bool copy(int from, int to)
{
	char bytes[16 * 1024];
	ssize_t n = read(from, bytes, sizeof bytes);

	if (n < 0)
		return errno == EINTR;
	return n > 0 && write_all(to, bytes, (size_t)n);
}

int cmd_relay(int argc, char *argv[])
{
	struct err e = {0};
	CLEANUP_CLOSE int fd = -1;
	bool going = true;

	(void)argv;
	if (argc > 1) {
		fprintf(stderr, "kago-sidecar relay takes no arguments\n");
		return 2;
	}
	fd = abstract_socket(SOCK_STREAM, &e);
	if (fd < 0 || abstract_connect(fd, RELAY_NAME, &e) < 0) {
		fprintf(stderr, "kago-sidecar relay: %s\n", e.msg);
		return 1;
	}
	while (going) {
		struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {fd, POLLIN, 0}};

		if (poll(fds, 2, -1) < 0)
			going = errno == EINTR;
		else
			going = (!fds[0].revents || copy(STDIN_FILENO, fd)) &&
				(!fds[1].revents || copy(fd, STDOUT_FILENO));
	}
	return 0;
}
