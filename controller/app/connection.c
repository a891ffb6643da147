/* SPDX-License-Identifier: Apache-2.0 */
#include "app/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "kube/version.h"
#include "loop/loop.h"

enum {
	SECOND = 1000 * 1000,
	VERSION_TIMEOUT = 10 * SECOND,
	VERSION_RETRY = 15 * SECOND,
};

static int find(struct kubeconf **ret, const struct config *config, struct err *e)
{
	return kubeconf_find(ret, config->kubernetes.kubeconfig, config->kubernetes.context, e);
}

int connection_open_for_leases(
	struct kube **ret, sd_event *loop, const struct config *config, struct err *e)
{
	struct kubeconf *conf;
	int r = find(&conf, config, e);

	return r < 0 ? r : kube_new(ret, loop, conf, LOOP_LEASES, e);
}

int connection_open(struct kube **ret, sd_event *loop, const struct config *config, struct err *e)
{
	struct kubeconf *conf;
	int r = find(&conf, config, e);

	if (r < 0)
		return r;
	log_info("kubernetes.connecting", LOG_STR("server", conf->server));
	if (conf->insecure)
		log_warn("kubernetes.insecure", LOG_STR("server", conf->server),
			LOG_STR("reason",
				"insecure-skip-tls-verify: anybody can pose as the server"));
	return kube_new(ret, loop, conf, LOOP_ANSWERS, e);
}

char *connection_identity(const struct config *config)
{
	const char *pod = getenv("POD_NAME");
	struct utsname host;

	if (*config->kubernetes.identity)
		return xstrdup(config->kubernetes.identity);
	if (pod && *pod)
		return xstrdup(pod);
	uname(&host);
	return xstrdup(host.nodename);
}

struct server_version {
	struct kube *kube;
	struct kube_call *call;
	sd_event_source *retry;
	void (*on_known)(void *ud, unsigned minor);
	void *ud;
};

static void on_version(void *ud, const struct kube_answer *answer)
{
	struct server_version *v = ud;
	unsigned minor;

	v->call = NULL;
	if (answer->error || version_minor(&minor, answer->body) < 0)
		loop_timer_arm(v->retry, VERSION_RETRY);
	else
		v->on_known(v->ud, minor);
}

static void ask(void *ud)
{
	struct server_version *v = ud;

	v->call = kube_start(v->kube, &(struct kube_request){.method = "GET",
					      .path = "/version",
					      .timeout = VERSION_TIMEOUT,
					      .done = on_version,
					      .ud = v});
}

int server_version_ask(struct server_version **ret, sd_event *loop, struct kube *kube,
	void (*on_known)(void *ud, unsigned minor), void *ud, struct err *e)
{
	struct server_version *v = xnew0(struct server_version);
	int r;

	v->kube = kube;
	v->on_known = on_known;
	v->ud = ud;
	r = loop_timer_new(&v->retry, loop, ask, v, e);
	if (r < 0) {
		server_version_free(v);
		return r;
	}
	ask(v);
	*ret = v;
	return 0;
}

struct server_version *server_version_free(struct server_version *v)
{
	if (!v)
		return NULL;
	kube_cancel(v->call);
	sd_event_source_disable_unref(v->retry);
	free(v);
	return NULL;
}
