/* SPDX-License-Identifier: Apache-2.0 */
#include "check/settings.h"

void settings_judge_file(struct findings *f, const struct settings_facts *s)
{
	if (s->error)
		findings_bad(f, FINDING_ERROR, "config",
			"correct it: docs/configuration.md has all keys; what follows is about the "
			"defaults",
			"%s", s->error);
	else if (s->path)
		findings_ok(f, "config", "%s can be used", s->path);
	else
		findings_ok(f, "config", "no file, so all is as by default");
}

void settings_judge_pools(struct findings *f, const struct settings_facts *s)
{
	if (s->config->n_pools)
		findings_ok(f, "pools", "%zu pool%s", s->config->n_pools,
			s->config->n_pools == 1 ? "" : "s");
	else if (s->from_kubernetes)
		findings_bad(f, FINDING_WARNING, "pools",
			"name a pool in the configuration: pools: [{name: main, addresses: "
			"[192.0.2.0/24]}]",
			"there is no pool: no Service gets an address");
}

void settings_judge_endpoints(struct findings *f, const struct settings_facts *s)
{
	const struct config *c = s->config;

	if (c->endpoints.n_allow || c->endpoints.only_pods)
		findings_ok(f, "endpoints", "what EndpointSlices may name is limited");
	else if (s->from_kubernetes)
		findings_bad(f, FINDING_WARNING, "endpoints",
			"name the networks of the pods in the configuration: endpoints.allow",
			"whoever may write EndpointSlices sends clients to any address");
}

static void judge_peer(
	struct findings *f, const struct config_peer *peer, const struct peer_fact *fact)
{
	char address[IPADDR_TEXT];

	ipaddr_format(address, &peer->address);
	if (fact->password_error)
		findings_bad(f, FINDING_WARNING, "bgp.peers",
			"mount the Secret where passwordFile says, in the container that runs "
			"exabgp at least",
			"%s port %u was not called, for its password is not known here: %s",
			address, peer->port, fact->password_error);
	else if (fact->error)
		findings_bad(f, FINDING_WARNING, "bgp.peers",
			"see that it runs, that it expects a session from this address, and that "
			"passwords are alike",
			"%s port %u cannot be reached: %s", address, peer->port, fact->error);
	else
		findings_ok(f, "bgp.peers", "%s port %u takes connections", address, peer->port);
}

void settings_judge_peers(struct findings *f, const struct settings_facts *s)
{
	const struct config *c = s->config;

	if (c->bgp.n_peers == 0 && c->announce == CONFIG_ANNOUNCE_BGP)
		findings_bad(f, FINDING_WARNING, "bgp.peers",
			"name the route reflectors or routers in the configuration: bgp.as and "
			"bgp.peers",
			"there is no peer: nothing is announced");
	for (size_t i = 0; i < c->bgp.n_peers; i++)
		judge_peer(f, &c->bgp.peers[i], &s->peers[i]);
}

void settings_facts_done(struct settings_facts *s)
{
	for (size_t i = 0; s->peers && i < s->config->bgp.n_peers; i++) {
		free(s->peers[i].password_error);
		free(s->peers[i].error);
	}
	free(s->peers);
}
