/* SPDX-License-Identifier: Apache-2.0 */
#include "sessions.h"

#include "base/log.h"

struct peer {
	const struct config_peer *config;
	bool up;
	uint64_t since;
};

struct peers {
	struct peer *items;
	size_t n_items;
};

struct peers *peers_new(const struct config *c)
{
	struct peers *p = xnew0(struct peers);

	p->items = xcalloc(c->bgp.n_peers, sizeof *p->items);
	p->n_items = c->bgp.n_peers;
	for (size_t i = 0; i < p->n_items; i++)
		p->items[i].config = &c->bgp.peers[i];
	return p;
}

struct peers *peers_free(struct peers *p)
{
	if (!p)
		return NULL;
	free(p->items);
	free(p);
	return NULL;
}

static struct peer *find(struct peers *p, const struct ipaddr *addr)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (ipaddr_equal(&p->items[i].config->address, addr))
			return &p->items[i];
	return NULL;
}

void peers_up(struct peers *p, const struct ipaddr *addr, uint64_t now)
{
	struct peer *peer = find(p, addr);
	char text[IPADDR_TEXT];

	if (!peer || peer->up)
		return;
	peer->up = true;
	peer->since = now;
	log_info("bgp.up", LOG_STR("peer", ipaddr_format(text, addr)),
		LOG_UINT("peer_as", peer->config->as));
}

static bool set_down(struct peer *peer, const char *reason, uint64_t now)
{
	char text[IPADDR_TEXT];

	if (!peer->up)
		return false;
	peer->up = false;
	log_warn("bgp.down", LOG_STR("peer", ipaddr_format(text, &peer->config->address)),
		LOG_STR("reason", reason), LOG_UINT("was_up_s", (now - peer->since) / 1000000));
	return true;
}

bool peers_down(struct peers *p, const struct ipaddr *addr, const char *reason, uint64_t now)
{
	struct peer *peer = find(p, addr);

	return peer && set_down(peer, reason, now);
}

void peers_all_down(struct peers *p, const char *reason, uint64_t now)
{
	for (size_t i = 0; i < p->n_items; i++)
		set_down(&p->items[i], reason, now);
}

size_t peers_n_up(const struct peers *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_items; i++)
		n += p->items[i].up;
	return n;
}

void peers_log_waiting(const struct peers *p, const char *next)
{
	char text[IPADDR_TEXT];

	for (size_t i = 0; i < p->n_items; i++)
		if (!p->items[i].up)
			log_warn("bgp.waiting",
				LOG_STR("peer", ipaddr_format(text, &p->items[i].config->address)),
				LOG_UINT("port", p->items[i].config->port), LOG_STR("next", next));
}
