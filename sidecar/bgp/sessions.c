/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/sessions.h"

#include <stdio.h>

#include "base/log.h"

struct sessions {
	struct session *items;
	size_t n_items;
};

struct sessions *sessions_new(const struct config_peer *peers, size_t n)
{
	struct sessions *s = xnew0(struct sessions);

	s->items = xcalloc(n, sizeof *s->items);
	s->n_items = n;
	for (size_t i = 0; i < n; i++)
		s->items[i].config = &peers[i];
	return s;
}

struct sessions *sessions_free(struct sessions *s)
{
	if (!s)
		return NULL;
	free(s->items);
	free(s);
	return NULL;
}

static struct session *find(struct sessions *s, const struct ipaddr *addr)
{
	for (size_t i = 0; i < s->n_items; i++)
		if (ipaddr_equal(&s->items[i].config->address, addr))
			return &s->items[i];
	return NULL;
}

void sessions_up(struct sessions *s, const struct ipaddr *addr, uint64_t now)
{
	struct session *session = find(s, addr);
	char text[IPADDR_TEXT];

	if (!session || session->up)
		return;
	session->up = true;
	session->called = 0;
	session->since = now;
	session->n_changes++;
	log_info("bgp.up", LOG_STR("peer", ipaddr_format(text, addr)),
		LOG_UINT("peer_as", session->config->as));
}

void sessions_called(struct sessions *s, const struct ipaddr *addr, uint64_t now)
{
	struct session *session = find(s, addr);

	if (session && !session->up)
		session->called = now;
}

static bool set_down(struct session *session, const char *reason, uint64_t now)
{
	char text[IPADDR_TEXT];
	uint64_t was_up;

	session->called = 0;
	if (reason[0])
		snprintf(session->last_error, sizeof session->last_error, "%s", reason);
	if (!session->up)
		return false;
	was_up = now - session->since;
	session->up = false;
	session->since = now;
	session->n_changes++;
	log_warn("bgp.down", LOG_STR("peer", ipaddr_format(text, &session->config->address)),
		LOG_STR("reason", reason), LOG_UINT("was_up_s", was_up / 1000000));
	return true;
}

bool sessions_down(struct sessions *s, const struct ipaddr *addr, const char *reason, uint64_t now)
{
	struct session *session = find(s, addr);

	return session && set_down(session, reason, now);
}

void sessions_follow(struct sessions *s, const struct config_peer *peers, size_t n, uint64_t now)
{
	struct session *items = xcalloc(n, sizeof *items);

	for (size_t i = 0; i < n; i++) {
		struct session *before = find(s, &peers[i].address);

		if (before) {
			items[i] = *before;
			before->up = false;
		}
		items[i].config = &peers[i];
	}
	sessions_all_down(s, "it is none of bgp.peers any more", now);
	free(s->items);
	s->items = items;
	s->n_items = n;
}

void sessions_all_down(struct sessions *s, const char *reason, uint64_t now)
{
	for (size_t i = 0; i < s->n_items; i++) {
		s->items[i].called = 0;
		if (s->items[i].up)
			set_down(&s->items[i], reason, now);
	}
}

size_t sessions_n_up(const struct sessions *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_items; i++)
		n += s->items[i].up;
	return n;
}

peer_set sessions_up_set(const struct sessions *s)
{
	peer_set up = 0;

	for (size_t i = 0; i < s->n_items; i++)
		if (s->items[i].up)
			up |= (peer_set)1 << i;
	return up;
}

peer_set sessions_lost_set(const struct sessions *s, uint64_t when)
{
	peer_set lost = 0;

	for (size_t i = 0; i < s->n_items; i++)
		if (!s->items[i].up && s->items[i].called <= when)
			lost |= (peer_set)1 << i;
	return lost;
}

size_t sessions_count(const struct sessions *s)
{
	return s->n_items;
}

const struct session *sessions_at(const struct sessions *s, size_t i)
{
	return &s->items[i];
}

void sessions_log_waiting(const struct sessions *s, const char *next)
{
	char text[IPADDR_TEXT];

	for (size_t i = 0; i < s->n_items; i++)
		if (!s->items[i].up)
			log_warn("bgp.waiting",
				LOG_STR("peer", ipaddr_format(text, &s->items[i].config->address)),
				LOG_UINT("port", s->items[i].config->port), LOG_STR("next", next));
}
