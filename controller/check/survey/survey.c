/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/survey.h"

#include <stdlib.h>

#include "check/survey/host.h"
#include "check/survey/inquiry.h"
#include "check/survey/interfaces.h"
#include "check/survey/peers.h"
#include "check/survey/tools.h"
#include "config/listen.h"
#include "loop/loop.h"

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

static void look_at_network(struct network_facts *ret, const struct config *config)
{
	struct listen unused;
	struct err e = {0};

	interfaces_look(ret);
	ret->listen = xstrdup(config->http.listen);
	if (*ret->listen && listen_find(&unused, ret->listen, &e) < 0)
		ret->listen_error = xstrdup(e.msg);
}

/* What takes time, all at once. */
static int ask(struct survey *s, struct preflight *p, const struct config *config, struct err *e)
{
	bool ask_nft = p->kernel.net_admin && !p->kernel.nft_error;
	struct inquiry *inquiry = NULL;
	struct peers *peers;
	struct tools *tools;
	int r;

	s->n_open = p->settings.from_kubernetes ? 3 : 2;
	if (p->settings.from_kubernetes)
		inquiry = inquiry_start(s->loop, &p->api, config, on_done, s);
	peers = peers_start(s->loop, p->settings.peers, config, on_done, s);
	tools = tools_start(s->loop, &p->programs, config, ask_nft, on_done, s);
	r = loop_run(s->loop, e);
	inquiry_free(inquiry);
	peers_free(peers);
	tools_free(tools);
	return r;
}

int survey_run(struct preflight *ret, const struct config *config,
	const struct survey_options *options, struct err *e)
{
	struct survey s = {0};
	CLEANUP(unref_loop) sd_event *loop = NULL;
	int r = loop_new(&loop, on_stop, &s, e);

	if (r < 0)
		return r;
	s.loop = loop;
	look_at_settings(&ret->settings, config, options);
	host_try_kernel(&ret->kernel);
	host_look_at_sysctls(&ret->sysctls, options->fix);
	look_at_network(&ret->network, config);
	return ask(&s, ret, config, e);
}
