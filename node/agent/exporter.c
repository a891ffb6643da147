/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/exporter.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/httpd.h"
#include "http/readers.h"
#include "loop/backoff.h"
#include "loop/loop.h"
#include "loop/scribes.h"

enum { RETRY_MIN = 1000 * 1000, RETRY_MAX = 60 * 1000 * 1000 };

struct exporter {
	sd_event *loop;
	const struct config *config;
	struct listen at;
	struct scribes *scribes;
	struct httpd *httpd; /* NULL: it cannot listen yet */
	sd_event_source *timer;
	struct backoff backoff;
	bool failed; /* which the log has said */
	void (*write)(void *ud, FILE *out);
	void *ud;
};

static bool on_reader(void *ud, const struct ipaddr *client)
{
	const struct exporter *x = ud;

	return readers_may(x->config, &x->at, client);
}

static unsigned on_http(void *ud, const char *path, char **ret_body)
{
	(void)ud;
	(void)ret_body;
	return strcmp(path, "/metrics") == 0 ? 0 : 404;
}

static void write_page(void *ud, const char *path, FILE *out)
{
	const struct exporter *x = ud;

	(void)path;
	x->write(x->ud, out);
}

static void note(struct exporter *x, const struct err *e)
{
	char text[IPADDR_TEXT];

	if (!e->code)
		log_info("metrics.served", LOG_STR("address", ipaddr_format(text, &x->at.addr)),
			LOG_UINT("port", x->at.port));
	else if (!x->failed)
		log_warn("metrics.off", LOG_ERR(e), LOG_STR("effect", "tunnels work all the same"),
			LOG_STR("next", "tried again, ever later, up to once a minute"));
	x->failed = e->code;
}

static void on_time(void *ud)
{
	static const struct httpd_ops ops = {on_reader, on_http, write_page};
	struct exporter *x = ud;
	struct err e = {0};

	if (httpd_new(&x->httpd, x->loop, &x->at, x->scribes, &ops, x, &e) < 0)
		loop_timer_arm(x->timer, backoff_next(&x->backoff, 0));
	note(x, &e);
}

int exporter_new(struct exporter **ret, sd_event *loop, const struct config *config,
	const struct listen *at, void (*write)(void *ud, FILE *out), void *ud, struct err *e)
{
	CLEANUP(exporter_freep) struct exporter *x = xnew0(struct exporter);
	int r = loop_timer_new(&x->timer, loop, on_time, x, e);

	if (r < 0)
		return r;
	x->loop = loop;
	x->config = config;
	x->at = *at;
	x->scribes = scribes_new(loop);
	x->backoff = (struct backoff){.min = RETRY_MIN, .max = RETRY_MAX};
	x->write = write;
	x->ud = ud;
	on_time(x);
	*ret = steal(x);
	return 0;
}

struct exporter *exporter_free(struct exporter *x)
{
	if (!x)
		return NULL;
	httpd_free(x->httpd);
	scribes_free(x->scribes);
	sd_event_source_disable_unref(x->timer);
	free(x);
	return NULL;
}
