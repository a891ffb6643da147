/* SPDX-License-Identifier: Apache-2.0 */
/* A web server on port 8080. Each answer is a line "POD NODE CLIENT"; a connection carries one. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void end(int sig)
{
	(void)sig;
	_exit(0);
}

static int listen_on(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 512) < 0) {
		perror("web");
		_exit(1);
	}
	return fd;
}

static void answer(int fd, const struct sockaddr_in *client, const char *pod, const char *node)
{
	static const struct timeval patience = {.tv_sec = 2};
	char request[4096], body[300], text[600];
	int len;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (read(fd, request, sizeof request) <= 0)
		return;
	len = snprintf(body, sizeof body, "%s %s %s\n", pod, node, inet_ntoa(client->sin_addr));
	len = snprintf(text, sizeof text,
		"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len, body);
	if (write(fd, text, (size_t)len) < 0)
		perror("web");
}

int main(void)
{
	const char *node = getenv("NODE_NAME");
	char pod[256] = "";
	int at;

	signal(SIGTERM, end);
	signal(SIGINT, end);
	signal(SIGPIPE, SIG_IGN);
	gethostname(pod, sizeof pod - 1);
	at = listen_on(8080);
	for (;;) {
		struct sockaddr_in client = {0};
		socklen_t len = sizeof client;
		int fd = accept(at, (struct sockaddr *)&client, &len);

		if (fd < 0)
			continue;
		answer(fd, &client, pod, node ? node : "?");
		close(fd);
	}
}
