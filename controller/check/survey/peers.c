/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/peers.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "config/password.h"
#include "loop/loop.h"
#include "net/sockaddr.h"

enum { PATIENCE = 3 * 1000 * 1000 /* usec */ };

struct call {
	struct peers *peers;
	struct peer_fact *fact;
	sd_event_source *io;
	int fd;
};

struct peers {
	sd_event *loop;
	sd_event_source *deadline;
	struct call calls[LIMIT_BGP_PEERS];
	size_t n_calls, n_open;
	bool started, told;
	void (*done)(void *ud);
	void *ud;
};

static int load_password(struct tcp_md5sig *ret, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = password_read(&text, &len, path, e);

	if (r < 0)
		return r;
	ret->tcpm_keylen = (uint16_t)len;
	memcpy(ret->tcpm_key, text, len);
	explicit_bzero(text, len);
	return 0;
}

static int set_password(int fd, const struct tcp_md5sig *password, const union sockaddr_any *to)
{
	struct tcp_md5sig option = *password;

	memcpy(&option.tcpm_addr, to, sizeof *to);
	return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &option, sizeof option) < 0 ? -errno : 0;
}

/* Tells, once, that nobody is left who could answer; not while calls are still being started. */
static void tell(struct peers *p)
{
	if (!p->started || p->told || p->n_open > 0)
		return;
	p->told = true;
	p->done(p->ud);
}

static void end_call(struct call *c, const char *error)
{
	if (error)
		c->fact->error = xstrdup(error);
	c->io = sd_event_source_disable_unref(c->io);
	closep(&c->fd);
	c->fd = -1;
	c->peers->n_open--;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct call *c = ud;
	int error = 0;
	socklen_t len = sizeof error;

	(void)source;
	(void)events;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	end_call(c, error ? strerror(error) : NULL);
	tell(c->peers);
	return 0;
}

static void on_deadline(void *ud)
{
	struct peers *p = ud;

	for (size_t i = 0; i < p->n_calls; i++)
		if (p->calls[i].fd >= 0)
			end_call(&p->calls[i], "no answer");
	tell(p);
}

static int dial(struct call *c, const struct config_peer *peer, const struct tcp_md5sig *password)
{
	union sockaddr_any to;
	socklen_t len = sockaddr_set(&to, &peer->address, peer->port);
	int r = 0;

	c->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	if (password->tcpm_keylen)
		r = set_password(c->fd, password, &to);
	if (r == 0 && connect(c->fd, &to.any, len) < 0 && errno != EINPROGRESS)
		r = -errno;
	return r < 0 ? r : sd_event_add_io(c->peers->loop, &c->io, c->fd, EPOLLOUT, on_io, c);
}

static void start_call(struct peers *p, struct peer_fact *fact, const struct config_peer *peer)
{
	struct call *c = &p->calls[p->n_calls];
	struct tcp_md5sig password = {0};
	struct err e = {0};
	int r;

	if (peer->password_file && load_password(&password, peer->password_file, &e) < 0) {
		fact->password_error = xstrdup(e.msg);
		return;
	}
	*c = (struct call){.peers = p, .fact = fact, .fd = -1};
	p->n_calls++;
	p->n_open++;
	r = dial(c, peer, &password);
	explicit_bzero(&password, sizeof password);
	if (r < 0)
		end_call(c, strerror(-r));
}

struct peers *peers_start(sd_event *loop, struct peer_fact ret[], const struct config *config,
	void (*done)(void *ud), void *ud)
{
	struct peers *p = xnew0(struct peers);
	struct err e = {0};

	p->loop = loop;
	p->done = done;
	p->ud = ud;
	if (loop_timer_new(&p->deadline, loop, on_deadline, p, &e) >= 0)
		loop_timer_arm(p->deadline, PATIENCE);
	for (size_t i = 0; i < config->bgp.n_peers; i++)
		start_call(p, &ret[i], &config->bgp.peers[i]);
	p->started = true;
	tell(p);
	return p;
}

struct peers *peers_free(struct peers *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->n_calls; i++) {
		sd_event_source_disable_unref(p->calls[i].io);
		closep(&p->calls[i].fd);
	}
	sd_event_source_disable_unref(p->deadline);
	free(p);
	return NULL;
}
