/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes into the node's network namespace, for good, and hands sockets of it to the sidecar, who has
 * no way there. Once it is there it has no capability any more, and can ask the kernel for nothing
 * else. It reads nothing: a connection is all that it is asked.
 */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/peer.h"
#include "sockets/filter.h"
#include "sockets/netns.h"
#include "sockets/passing.h"
#include "sockets/sockets.h"

static const char usage[] =
	"Usage: kago-node-sockets [--l2] NETNS SOCKET\n"
	"\n"
	"Makes sockets in the network namespace NETNS, such as /host/ns/net, for who connects to\n"
	"SOCKET, that is the kago-sidecar of this pod (--node-netns unix:SOCKET), until SIGTERM.\n"
	"\n"
	"  --l2  those for `announce: l2`, too, which takes CAP_NET_RAW\n";

/* What was made with a capability that is no more: every sidecar gets the same. */
struct stock {
	bool l2;
	struct sockets frames;
};

/* Process 1 of a container is not ended by a signal that it does not handle. */
static void on_stop(int sig)
{
	(void)sig;
	_exit(0);
}

static void end_on(int sig)
{
	const struct sigaction action = {.sa_handler = on_stop};

	sigaction(sig, &action, NULL);
}

static int give_up_capabilities(struct err *e)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, none) < 0)
		return err_errno(e, errno, "giving up capabilities");
	return 0;
}

/* Once: who is not let in may try as often as it likes. */
static void log_stranger(void)
{
	static bool told;

	if (!told)
		log_warn("sockets.refused",
			LOG_STR("why", "sockets are for root and for our own user"),
			LOG_STR("next", "its connections are closed; this is said once"));
	told = true;
}

static void lend(struct sockets *s, const struct stock *stock)
{
	s->fds[SOCKETS_ARP] = stock->frames.fds[SOCKETS_ARP];
	s->fds[SOCKETS_NDP] = stock->frames.fds[SOCKETS_NDP];
}

static int make(struct sockets *ret, const struct stock *stock, struct err *e)
{
	int r = sockets_make(ret, "", e);

	if (r < 0 || !stock->l2)
		return r;
	lend(ret, stock);
	return sockets_make_l2(ret, "", e);
}

/* What the kernel refuses now it may grant later: the sidecar asks again. */
static void serve(int conn, const struct stock *stock)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct err e = {0}, unheard = {0};
	int r = make(&s, stock, &e);

	if (r == 0)
		r = passing_send(conn, &s, &e);
	else
		passing_refuse(conn, e.msg, &unheard);
	if (r < 0)
		log_warn("sockets.failed", LOG_ERR(&e), LOG_STR("next", "the sidecar asks again"));
	else
		log_info("sockets.given", LOG_UINT("n", sockets_count(&s)));
	lend(&s, &(struct stock){.frames = SOCKETS_NONE});
}

/* Until it cannot go on: a new process starts afresh. */
static int serve_all(int listener, const struct stock *stock, struct err *e)
{
	for (;;) {
		CLEANUP_CLOSE int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (conn < 0 && errno != EINTR && errno != ECONNABORTED)
			return err_errno(e, errno, "taking a connection");
		if (conn >= 0 && peer_is_ours(conn))
			serve(conn, stock);
		else if (conn >= 0)
			log_stranger();
	}
}

static int run(bool l2, const char *netns, const char *path, struct err *e)
{
	CLEANUP_CLOSE int listener = -1;
	struct stock stock = {l2, SOCKETS_NONE};
	int r = passing_listen(&listener, path, e);

	if (r == 0)
		r = netns_enter(netns, e);
	if (r == 0 && l2)
		r = sockets_make_frames(&stock.frames, e);
	if (r == 0)
		r = give_up_capabilities(e);
	if (r == 0)
		r = filter_enter(e);
	if (r < 0)
		return r;
	log_info("sockets.ready", LOG_STR("netns", netns), LOG_STR("socket", path),
		LOG_STR("kept", "no capability"));
	return serve_all(listener, &stock, e);
}

int main(int argc, char *argv[])
{
	const char *word = argc > 1 ? argv[1] : "";
	struct err e = {0};
	bool l2;

	if (strcmp(word, "--version") == 0) {
		puts("kago-node-sockets " KAGO_VERSION);
		return 0;
	}
	if (strcmp(word, "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	l2 = strcmp(word, "--l2") == 0;
	if (argc != 3 + l2) {
		fputs(usage, stderr);
		return 2;
	}
	end_on(SIGTERM);
	end_on(SIGINT);
	if (run(l2, argv[1 + l2], argv[2 + l2], &e) < 0)
		log_error("sockets.ended", LOG_ERR(&e), LOG_STR("next", "to be started again"));
	return 1;
}
