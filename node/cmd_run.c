/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "agent/agent.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd.h"
#include "config/config_args.h"
#include "config/listen.h"
#include "loop/confine.h"

DEFINE_CLEANUP(struct config *, config_free);

enum {
	KEY_NODE = 256,
	KEY_ALLOW,
	KEY_ASK,
	KEY_LEAVE_NOTHING,
	KEY_LISTEN,
	KEY_KUBECONFIG,
	ALLOW_MAX = 64
};

struct args {
	struct agent_options options;
	struct ipnet allow[ALLOW_MAX];
	struct config_args config;
};

static const struct argp_option options[] = {
	{"source", 's', "SOURCE", 0,
		"kubernetes: follow an API server; else the folder of manifests to follow", 0},
	{"kubeconfig", KEY_KUBECONFIG, "FILE", 0,
		"how to reach the API server; unless given, as the pod we run in", 0},
	{"node", KEY_NODE, "NAME", 0,
		"the node's name in EndpointSlices (environment: NODE_NAME; else the host's name)",
		0},
	{"allow", KEY_ALLOW, "PREFIX", 0,
		"who may send to pods besides the fleet's load balancers, such as nodes that "
		"masquerade; may be given several times",
		0},
	{"ask-nodes", KEY_ASK, "N", 0,
		"for a TCP connection that this node does not know, ask up to N other nodes that "
		"have pods of the Service, which have to allow it (0 to 16; 0, the default: none)",
		0},
	{"listen", KEY_LISTEN, "ADDRESS:PORT", 0,
		"where Prometheus finds metrics, such as 127.0.0.1:9442; pod:PORT: at the address "
		"of the environment's POD_IP; unless given, nowhere. Whom http.allow names may ask",
		0},
	{"leave-nothing", KEY_LEAVE_NOTHING, NULL, 0,
		"at SIGTERM remove all, as `kago-node remove` does", 0},
	{0},
};

static const struct argp_child children[] = {{&config_args_parser, 0, NULL, 0}, {0}};

static void add_allowed(struct args *args, const struct argp_state *state, const char *text)
{
	struct err e = {0};

	if (args->options.n_allow == ALLOW_MAX)
		argp_error(state, "more than %d times --allow", ALLOW_MAX);
	if (ipnet_parse(&args->allow[args->options.n_allow], text, &e) < 0)
		argp_error(state, "--allow: %s", e.msg);
	args->options.n_allow++;
}

static void set_asked(struct args *args, const struct argp_state *state, const char *text)
{
	struct err e = {0};
	uint64_t n = 0;

	if (str_to_u64(&n, text, 0, LIMIT_NODES_ASKED, &e) < 0)
		argp_error(state, "--ask-nodes: %s", e.msg);
	args->options.n_asked = n;
}

static void set_listen(struct args *args, const struct argp_state *state, char *text)
{
	struct listen unused;
	struct err e = {0};

	if (listen_parse(&unused, text, &e) < 0)
		argp_error(state, "--listen: %s", e.msg);
	args->options.listen = text;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case 's':
		args->options.source = value;
		return 0;
	case KEY_NODE:
		args->options.node = value;
		return 0;
	case KEY_ALLOW:
		add_allowed(args, state, value);
		return 0;
	case KEY_ASK:
		set_asked(args, state, value);
		return 0;
	case KEY_LISTEN:
		set_listen(args, state, value);
		return 0;
	case KEY_LEAVE_NOTHING:
		args->options.leave_nothing = true;
		return 0;
	case KEY_KUBECONFIG:
		config_args_add(&args->config, state, "kubernetes.kubeconfig", value);
		return 0;
	case ARGP_KEY_END:
		if (!args->options.source)
			argp_error(state, "--source is needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int load(struct config **ret, const void *args, struct err *e)
{
	return config_args_load(ret, args, e);
}

/* Unless it was said. */
static void find_node(struct agent_options *o, struct utsname *host)
{
	if (!o->node)
		o->node = getenv("NODE_NAME");
	if (o->node && o->node[0])
		return;
	uname(host);
	o->node = host->nodename;
}

int cmd_run(int argc, char *argv[])
{
	static const struct argp parser = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.doc = "Bring what the fleet's load balancers send to pods of this node in a "
		       "tunnel to the pods' ports, until SIGTERM; the kernel goes on with that.",
	};
	static char name[] = "kago-node run";
	CLEANUP(config_freep) struct config *c = NULL;
	struct args args = {0};
	struct utsname host;
	struct err e = {0};

	argp_err_exit_status = 2;
	argv[0] = name;
	argp_parse(&parser, argc, argv, 0, NULL, &args);
	if (config_args_load(&c, &args.config, &e) < 0) {
		fprintf(stderr, "kago-node: %s\n", e.msg);
		return 2;
	}
	find_node(&args.options, &host);
	args.options.node_ips = config_args_or_env(NULL, "HOST_IPS", "NODE_IP");
	args.options.allow = args.allow;
	args.options.origin = (struct follow_origin){args.config.path, load, &args.config};
	log_setup(c->log.level, c->log.format);
	if (confine_gain_nothing(&e) < 0 || agent_run(c, &args.options, &e) < 0) {
		log_error("node.start_failed", LOG_ERR(&e));
		return 1;
	}
	return 0;
}
