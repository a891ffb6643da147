/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "announce/route.h"
#include "base/log.h"
#include "base/mem.h"
#include "bfd/bfd.h"
#include "bgp/exabgp.h"
#include "cmd.h"
#include "config/config.h"
#include "control/told_route.h"
#include "follow/follow.h"
#include "loop/loop.h"

/*
 * The sidecar without IPVS and routes: it tells BGP peers of what it reads.
 *
 *	kago-speaker run KAGO.YAML POD-ADDRESS[,ADDRESS] NODE-ADDRESS[,ADDRESS]
 *
 * Each line of its input is a route as control/told_route.h has it; with "gone":true it goes. At
 * the end of its input it ends. It follows what kago.yaml says of peers. `kago-speaker relay` is
 * for exabgp, as in the sidecar.
 */
struct speaker {
	sd_event *loop;
	struct config *config;
	struct site site;
	struct exabgp *exabgp;
	struct bfd *bfd;
	struct book book;
	struct prefixes announced;
	char line[64 * 1024];
	size_t len;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "kago-speaker: %s: %s\n", what, why);
	return 1;
}

static void tell(struct speaker *s)
{
	const struct exabgp_api_peers *peers = exabgp_peers(s->exabgp);
	const struct route_rules rules = site_route_rules(&s->site, peers->items, peers->n_items);
	CLEANUP_ROUTES_OUT struct routes_out routes = {0};

	routes = routes_build(&s->announced, &s->book, &rules);
	exabgp_announce(s->exabgp, &routes);
}

static void take(struct speaker *s, const char *line)
{
	json_t *item = json_loads(line, 0, NULL);
	struct told_route route;
	struct err e = {0};

	if (told_route_decode(&route, item, &e) < 0) {
		fail(line, e.msg);
	} else if (json_is_true(json_object_get(item, "gone"))) {
		prefixes_remove(&s->announced, &route.net);
	} else {
		prefixes_add(&s->announced, &route.net);
		book_set(&s->book, &route.net, route.attributes);
		attributes_unref(route.attributes);
	}
	json_decref(item);
	tell(s);
}

static void on_stop(void *ud)
{
	const struct speaker *s = ud;

	exabgp_stop(s->exabgp);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct speaker *s = ud;
	ssize_t n = read(fd, s->line + s->len, sizeof s->line - s->len - 1);
	char *end;

	(void)events;
	if (n <= 0) {
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		on_stop(s);
		return 0;
	}
	s->len += (size_t)n;
	s->line[s->len] = '\0';
	while ((end = strchr(s->line, '\n'))) {
		*end++ = '\0';
		take(s, s->line);
		s->len -= (size_t)(end - s->line);
		memmove(s->line, end, s->len + 1);
	}
	return 0;
}

/* How much of what was said peers have heard. */
static void on_change(void *ud)
{
	const struct speaker *s = ud;

	log_info("speaker.heard", LOG_UINT("prefixes", exabgp_heard(s->exabgp)->n_items),
		LOG_UINT("sessions", exabgp_sessions(s->exabgp)),
		LOG_STR("all", exabgp_is_heard(s->exabgp) ? "yes" : "no"));
}

static void on_peers(void *ud)
{
	tell(ud);
}

static void on_config(void *ud)
{
	const struct speaker *s = ud;

	exabgp_follow(s->exabgp);
	bfd_follow(s->bfd);
}

static int load(struct config **ret, const void *path, struct err *e)
{
	int r = config_load(ret, path, e);

	return r < 0 ? r : config_check(*ret, e);
}

static void on_stopped(void *ud)
{
	struct speaker *s = ud;

	s->bfd = bfd_free(s->bfd);
	loop_exit(s->loop, 0);
}

/* One address, or two separated by a comma. */
static int find_dual(struct dual *ret, char *text, struct err *e)
{
	int r = 0;

	while (r == 0 && text) {
		struct ipaddr one = {0};

		r = ipaddr_parse(&one, strsep(&text, ","), e);
		*(one.family == AF_INET ? &ret->v4 : &ret->v6) = one;
	}
	return r;
}

static int find_addresses(struct site *ret, char *argv[], struct err *e)
{
	int r = find_dual(&ret->pod, argv[0], e);

	if (r == 0)
		r = find_dual(&ret->node, argv[1], e);
	ret->router_id = ret->pod.v4;
	return r;
}

static int run(char *argv[], struct err *e)
{
	static const struct exabgp_ops ops = {on_change, on_peers, on_stopped};
	const struct follow_origin origin = {argv[0], load, argv[0]};
	static struct speaker s;
	sd_event_source *input = NULL;
	int r = load(&s.config, argv[0], e);

	if (r == 0)
		r = find_addresses(&s.site, argv + 1, e);
	if (r == 0)
		r = loop_new(&s.loop, on_stop, &s, e);
	if (r == 0)
		r = exabgp_start(&s.exabgp, s.loop, s.config, &s.site, &ops, &s, e);
	if (r == 0)
		r = bfd_start(&s.bfd, s.loop, s.config, &s.site, on_change, &s, e);
	if (r == 0)
		r = sd_event_add_io(s.loop, &input, STDIN_FILENO, EPOLLIN, on_input, &s);
	if (r < 0)
		return r;
	follow_new(s.loop, &origin, s.config, SCHEMA_SIDECAR, on_config, &s);
	return loop_run(s.loop, e);
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
