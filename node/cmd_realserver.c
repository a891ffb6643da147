/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdio.h>

#include "agent/realserver.h"
#include "base/log.h"
#include "base/str.h"
#include "cmd.h"
#include "loop/confine.h"

enum { KEY_VIP = 256, KEY_ALLOW, KEY_GUE_PORT };

static const struct argp_option options[] = {
	{"vip", KEY_VIP, "ADDRESS,...", 0,
		"the VIPs of the pod's Services; may be given several times", 0},
	{"allow", KEY_ALLOW, "PREFIX,...", 0,
		"who may send, the load balancers; may be given several times (default: anybody)",
		0},
	{"gue-port", KEY_GUE_PORT, "PORT", 0,
		"take GUE at this UDP port, too, as tunnel.port of kago.yaml says (default: not)",
		0},
	{0},
};

static void set_gue_port(struct realserver *r, const struct argp_state *state, const char *text)
{
	struct err e = {0};
	uint64_t port = 0;

	if (str_to_u64(&port, text, 1, UINT16_MAX, &e) < 0)
		argp_error(state, "--gue-port: %s", e.msg);
	r->gue_port = (uint16_t)port;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct realserver *r = state->input;
	struct err e = {0};

	switch (key) {
	case KEY_VIP:
		if (realserver_add_vips(r, value, &e) < 0)
			argp_error(state, "--vip: %s", e.msg);
		return 0;
	case KEY_ALLOW:
		if (realserver_add_sources(r, value, &e) < 0)
			argp_error(state, "--allow: %s", e.msg);
		return 0;
	case KEY_GUE_PORT:
		set_gue_port(r, state, value);
		return 0;
	case ARGP_KEY_END:
		if (realserver_check(r, &e) < 0)
			argp_error(state, "%s", e.msg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_realserver(int argc, char *argv[])
{
	static const struct argp parser = {
		.options = options,
		.parser = parse_option,
		.doc = "Have this pod take what load balancers send to it in tunnels, and end: for "
		       "an init container of a pod whose Services say kago.dev/tunnel-to: pods. "
		       "The pod's own network namespace gets a tunnel device with the VIPs, and "
		       "the node nothing.",
	};
	static char name[] = "kago-node realserver";
	static struct realserver r;
	struct err e = {0};

	argp_err_exit_status = 2;
	argv[0] = name;
	argp_parse(&parser, argc, argv, 0, NULL, &r);
	if (confine_gain_nothing(&e) < 0 || realserver_set_up(&r, &e) < 0) {
		log_error("realserver.failed", LOG_ERR(&e),
			LOG_STR("next", "the kubelet starts this container again"));
		return 1;
	}
	return 0;
}
