/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cmd.h"
#include "config/config_args.h"
#include "sidecar.h"

DEFINE_CLEANUP(struct config *, config_free);

enum { KEY_POD_IP = 256, KEY_NODE_IP, KEY_NETNS, KEY_DRAIN };

struct args {
	const char *pod_ip, *node_ip;
	struct config_args config;
};

static const struct argp_option options[] = {
	{"pod-ip", KEY_POD_IP, "IP[,IP]", 0, "the pod's addresses (environment: POD_IPS or POD_IP)",
		0},
	{"node-ip", KEY_NODE_IP, "IP[,IP]", 0,
		"the node's addresses, our next hops (environment: HOST_IPS or NODE_IP)", 0},
	{"node-netns", KEY_NETNS, "PATH|unix:PATH", 0,
		"the node's network namespace, or who has sockets in it", 0},
	{"drain", KEY_DRAIN, "TIME", 0, "how long to serve on after the withdrawal, at SIGTERM", 0},
	{0},
};

static const struct argp_child children[] = {{&config_args_parser, 0, NULL, 0}, {0}};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case KEY_POD_IP:
		args->pod_ip = value;
		return 0;
	case KEY_NODE_IP:
		args->node_ip = value;
		return 0;
	case KEY_NETNS:
		config_args_add(&args->config, state, "node.netns", value);
		return 0;
	case KEY_DRAIN:
		config_args_add(&args->config, state, "node.drain", value);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/*
 * One address, or two separated by a comma, as the downward API writes them: status.podIPs,
 * status.hostIPs. What the configuration file says of either family no longer counts then.
 */
static int set_addresses(struct config *c, struct ipaddr *ret_one, struct ipaddr *ret_other,
	const char *paths[static 2], const char *text, struct err *e)
{
	CLEANUP_FREE char *copy = text ? xstrdup(text) : NULL;
	char *next = copy;
	int r = 0;

	if (!text || !text[0])
		return 0;
	*ret_one = *ret_other = (struct ipaddr){0};
	for (size_t n = 0; r == 0 && next; n++) {
		const char *item = strsep(&next, ",");

		r = n < 2 ? config_set(c, paths[n], item, e)
			  : err_set(e, EINVAL, "'%s' has more than two addresses", text);
	}
	if (r == 0 && ret_one->family == ret_other->family)
		r = err_set(e, EINVAL, "'%s' has two addresses of one family", text);
	return r;
}

static int load(struct config **ret, const void *from, struct err *e)
{
	const struct args *args = from;
	static const char *pod[] = {"node.podAddress", "node.podAddress6"};
	static const char *node[] = {"node.nodeAddress", "node.nodeAddress6"};
	CLEANUP(config_freep) struct config *c = NULL;
	int r = config_load(&c, args->config.path, e);

	if (r >= 0)
		r = set_addresses(c, &c->node.pod_address, &c->node.pod_address6, pod,
			config_args_or_env(args->pod_ip, "POD_IPS", "POD_IP"), e);
	if (r >= 0)
		r = set_addresses(c, &c->node.node_address, &c->node.node_address6, node,
			config_args_or_env(args->node_ip, "HOST_IPS", "NODE_IP"), e);
	if (r >= 0)
		r = config_args_apply(c, &args->config, e);
	if (r >= 0)
		r = config_check(c, e);
	if (r >= 0)
		*ret = steal(c);
	return r;
}

int cmd_run(int argc, char *argv[])
{
	static const struct argp parser = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.doc = "Announce by BGP what this pod's IPVS can serve, and set the routes that "
		       "bring its packets here, until SIGTERM.",
	};
	static char name[] = "kago-sidecar run";
	CLEANUP(config_freep) struct config *c = NULL;
	struct args args = {0};
	struct err e = {0};
	int r;

	argp_err_exit_status = 2;
	argv[0] = name;
	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (load(&c, &args, &e) < 0) {
		fprintf(stderr, "kago-sidecar: %s\n", e.msg);
		return 2;
	}
	log_setup(c->log.level, c->log.format);
	r = sidecar_run(c, &(struct follow_origin){args.config.path, load, &args}, &e);
	if (r < 0)
		log_error("sidecar.failed", LOG_ERR(&e));
	return r < 0 ? 1 : r;
}
