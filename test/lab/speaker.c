/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cmd.h"
#include "commands.h"
#include "config/config.h"
#include "control/told_route.h"
#include "follow/follow.h"
#include "loop/loop.h"
#include "speaker.h"

/*
 * The sidecar without IPVS and routes: it tells BGP peers of what it reads.
 *
 *	kago-speaker run KAGO.YAML POD-ADDRESS[,ADDRESS] NODE-ADDRESS[,ADDRESS]
 *
 * Each line of its input is a route as control/told_route.h has it; with "gone":true it goes. At
 * the end of its input it ends. It follows what kago.yaml says of peers. `kago-speaker relay` is
 * for exabgp, as in the sidecar.
 */
struct driver {
	sd_event *loop;
	struct config *config;
	struct site site;
	struct speaker *speaker;
	struct book book;
	struct prefixes announced;
	struct commands commands;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "kago-speaker: %s: %s\n", what, why);
	return 1;
}

static void tell(void *ud)
{
	const struct driver *d = ud;

	speaker_announce(d->speaker, &d->announced, &d->book);
}

static void take(void *ud, const char *line)
{
	json_t *item = json_loads(line, 0, NULL);
	struct driver *d = ud;
	struct told_route route;
	struct err e = {0};

	if (told_route_decode(&route, item, &e) < 0) {
		fail(line, e.msg);
	} else if (json_is_true(json_object_get(item, "gone"))) {
		prefixes_remove(&d->announced, &route.net);
	} else {
		prefixes_add(&d->announced, &route.net);
		book_set(&d->book, &route.net, route.attributes);
		attributes_unref(route.attributes);
	}
	json_decref(item);
	tell(d);
}

static void on_stop(void *ud)
{
	const struct driver *d = ud;

	speaker_stop(d->speaker);
}

/* How much of what was said peers have heard. */
static void on_change(void *ud)
{
	const struct driver *d = ud;
	struct lifeline_report r = {0};

	speaker_report(d->speaker, &r);
	json_decref(r.bgp);
	log_info("speaker.heard", LOG_UINT("prefixes", r.announced->n_items),
		LOG_UINT("sessions", r.sessions),
		LOG_STR("all", speaker_is_heard(d->speaker) ? "yes" : "no"));
}

static void on_config(void *ud)
{
	const struct driver *d = ud;

	speaker_follow(d->speaker);
	tell(ud);
}

static int load(struct config **ret, const void *path, struct err *e)
{
	int r = config_load(ret, path, e);

	return r < 0 ? r : config_check(*ret, e);
}

static void on_stopped(void *ud)
{
	const struct driver *d = ud;

	loop_exit(d->loop, 0);
}

static int find_addresses(struct site *ret, char *argv[], struct err *e)
{
	int r = commands_addresses(&ret->pod, argv[0], e);

	if (r == 0)
		r = commands_addresses(&ret->node, argv[1], e);
	ret->router_id = ret->pod.v4;
	return r;
}

static int run(char *argv[], struct err *e)
{
	static const struct speaker_ops ops = {on_change, tell, on_stopped};
	static struct driver d = {.commands = {take, on_stop, &d, "", 0}};
	const struct follow_origin origin = {argv[0], load, argv[0]};
	struct sockets none = SOCKETS_NONE;
	int r = load(&d.config, argv[0], e);

	if (r == 0)
		r = find_addresses(&d.site, argv + 1, e);
	if (r == 0)
		r = loop_new(&d.loop, on_stop, &d, e);
	if (r == 0)
		r = speaker_start(&d.speaker, d.loop, &none, d.config, &d.site, &ops, &d, e);
	if (r == 0)
		r = commands_read(&d.commands, d.loop);
	if (r < 0)
		return r;
	follow_new(d.loop, &origin, d.config, SCHEMA_SIDECAR, on_config, &d);
	r = loop_run(d.loop, e);
	speaker_free(d.speaker);
	return r;
}

int main(int argc, char *argv[])
{
	struct err e = {0};

	mem_setup();
	if (argc == 2 && strcmp(argv[1], "relay") == 0)
		return cmd_relay(1, argv + 1);
	if (argc != 5)
		return fail("usage", "run KAGO.YAML POD-ADDRESS NODE-ADDRESS");
	return run(argv + 2, &e) < 0 ? fail(argv[2], e.msg) : 0;
}
