/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/survey.h"

#include <stdlib.h>

#include "check/survey/host.h"
#include "check/survey/inquiry.h"
#include "check/survey/interfaces.h"
#include "check/survey/peers.h"
#include "check/survey/tools.h"
#include "config/listen.h"
#include "lead/lease_addresses.h"
#include "loop/loop.h"
#include "loop/power.h"

DEFINE_CLEANUP(struct inquiry *, inquiry_free);

struct survey {
	sd_event *loop;
	size_t n_open;
};

static void unref_loop(sd_event **loop)
{
	sd_event_unref(*loop);
}

static void on_stop(void *ud)
{
	const struct survey *s = ud;

	loop_exit(s->loop, -EINTR);
}

static void on_done(void *ud)
{
	struct survey *s = ud;

	if (--s->n_open == 0)
		loop_exit(s->loop, 0);
}

static bool is_in_a_cluster(const struct config *config)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");

	return *config->kubernetes.kubeconfig || (host && *host);
}

static void look_at_settings(struct settings_facts *ret, const struct config *config,
	const struct survey_options *options)
{
	ret->path = options->config_path;
	ret->error = options->config_error;
	ret->config = config;
	ret->from_kubernetes = is_in_a_cluster(config);
	ret->peers = xcalloc(config->bgp.n_peers, sizeof *ret->peers);
}

/* The configuration's word; with an API server its Leases say which nodes there are. */
static void look_at_tunnels(struct tunnels_facts *ret, const struct config *config)
{
	ret->wanted = config->forward == FORWARD_TUNNEL;
	ret->encapsulation = config->tunnel.encapsulation;
	ret->from_leases = is_in_a_cluster(config);
	ret->known = !ret->from_leases;
	ret->n_nodes = ret->from_leases ? 0 : config->tunnel.n_nodes;
}

/* As the downward API says it. */
static void look_at_node(struct layer2_facts *ret)
{
	const char *all = getenv("HOST_IPS"), *one = getenv("NODE_IP");
	struct err e = {0};

	if (all && *all)
		one = all;
	if (lease_addresses_parse(ret->node, &ret->n_node, one ? one : "", &e) < 0)
		ret->n_node = 0;
}

static struct listen_fact look_at_listen(const char *key, const char *at)
{
	struct listen_fact fact = {.at = xstrdup(at)};
	struct listen unused;
	struct err e = {0};

	if (*at && listen_find(&unused, key, at, &e) < 0)
		fact.error = xstrdup(e.msg);
	return fact;
}

static void look_at_network(struct network_facts *ret, const struct config *config)
{
	interfaces_look(ret);
	ret->listen = look_at_listen("http.listen", config->http.listen);
	ret->probes = look_at_listen("http.probes", config->http.probes);
}

/*
 * What takes NET_ADMIN, or root for the sysctls: IPVS, nftables, and the sysctls, which are there
 * once IPVS is.
 */
static void look_with_power(
	struct preflight *ret, const struct config *config, const struct survey_options *options)
{
	host_try_kernel(&ret->kernel, config);
	host_look_at_sysctls(&ret->sysctls, options->fix);
	tools_check_nft(&ret->programs, config, ret->kernel.net_admin && !ret->kernel.nft_error);
}

/* What takes time, all at once; and what others say, which nobody with power shall read. */
static int ask(struct survey *s, struct preflight *p, struct inquiry *inquiry,
	const struct config *config, struct err *e)
{
	struct peers *peers;
	struct tools *tools;
	int r;

	s->n_open = inquiry ? 3 : 2;
	if (inquiry)
		inquiry_start(inquiry, on_done, s);
	peers = peers_start(s->loop, p->settings.peers, config, on_done, s);
	tools = tools_start(s->loop, &p->programs, config, on_done, s);
	r = loop_run(s->loop, e);
	peers_free(peers);
	tools_free(tools);
	return r;
}

int survey_run(struct preflight *ret, const struct config *config,
	const struct survey_options *options, struct err *e)
{
	struct survey s = {0};
	CLEANUP(unref_loop) sd_event *loop = NULL;
	CLEANUP(inquiry_freep) struct inquiry *inquiry = NULL;
	int r = loop_new(&loop, on_stop, &s, e);

	if (r < 0)
		return r;
	s.loop = loop;
	look_at_settings(&ret->settings, config, options);
	look_at_tunnels(&ret->tunnels, config);
	look_at_node(&ret->layer2);
	look_with_power(ret, config, options);
	if (ret->settings.from_kubernetes)
		inquiry = inquiry_new(loop, &ret->api, &ret->tunnels, config);
	r = power_give_up(e);
	if (r < 0)
		return r;
	look_at_network(&ret->network, config);
	tools_look_at_exec(&ret->programs, config, ret->settings.from_kubernetes);
	return ask(&s, ret, inquiry, config, e);
}
