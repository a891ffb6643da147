/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd.h"
#include "config/config.h"
#include "sidecar.h"

DEFINE_CLEANUP(struct config *, config_free);

static const uint64_t drain_max = 3600u * 1000000u;

enum {
	OPT_CONFIG = 'c',
	OPT_POD_IP = 256,
	OPT_NODE_IP,
	OPT_NETNS,
	OPT_DRAIN,
	OPT_LEVEL,
	OPT_FORMAT
};

static const struct argp_option options[] = {
	{"config", OPT_CONFIG, "FILE", 0, "kago.yaml (default: built-in defaults)", 0},
	{"pod-ip", OPT_POD_IP, "IP[,IP]", 0, "the pod's addresses (environment POD_IPS, POD_IP)",
		0},
	{"node-ip", OPT_NODE_IP, "IP[,IP]", 0,
		"the node's addresses, our next hops (environment HOST_IPS, NODE_IP)", 0},
	{"node-netns", OPT_NETNS, "PATH", 0,
		"the node's network namespace; empty: leave its routes alone", 0},
	{"drain", OPT_DRAIN, "TIME", 0, "from the withdrawal to the end at SIGTERM, such as 5s", 0},
	{"log-level", OPT_LEVEL, "LEVEL", 0, "debug, info, warn or error", 0},
	{"log-format", OPT_FORMAT, "FORMAT", 0, "logfmt or json", 0},
	{0},
};

/* Borrowed from argv; NULL: not given. */
struct args {
	const char *config, *pod_ip, *node_ip, *netns, *drain, *level, *format;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case OPT_CONFIG:
		a->config = arg;
		return 0;
	case OPT_POD_IP:
		a->pod_ip = arg;
		return 0;
	case OPT_NODE_IP:
		a->node_ip = arg;
		return 0;
	case OPT_NETNS:
		a->netns = arg;
		return 0;
	case OPT_DRAIN:
		a->drain = arg;
		return 0;
	case OPT_LEVEL:
		a->level = arg;
		return 0;
	case OPT_FORMAT:
		a->format = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The first that is set and not empty: what the flag says, then each variable. */
static const char *first_of(const char *flag, const char *variable, const char *other_variable)
{
	const char *value = flag ? flag : getenv(variable);

	return value && value[0] ? value : getenv(other_variable);
}

/* One address, or one of each family, separated by a comma: as the downward API writes them. */
static int set_addresses(struct ipaddr *one, struct ipaddr *other, const char *text, struct err *e)
{
	CLEANUP_FREE char *copy = text ? xstrdup(text) : NULL;
	struct ipaddr found[2] = {0};
	char *next = copy;
	size_t n = 0;

	if (!text || !text[0])
		return 0;
	while (next) {
		const char *item = strsep(&next, ",");

		if (n == 2)
			return err_set(e, EINVAL, "'%s' has more than two addresses", text);
		if (ipaddr_parse(&found[n++], item, e) < 0)
			return -e->code;
	}
	if (n == 2 && found[0].family == found[1].family)
		return err_set(e, EINVAL, "'%s' has two addresses of one family", text);
	*one = found[0];
	*other = found[1];
	return 0;
}

static int override(struct config *c, const struct args *a, struct err *e)
{
	int r = set_addresses(&c->node.pod_address, &c->node.pod_address6,
		first_of(a->pod_ip, "POD_IPS", "POD_IP"), e);

	if (r < 0)
		return err_wrap(e, "pod address");
	r = set_addresses(&c->node.node_address, &c->node.node_address6,
		first_of(a->node_ip, "HOST_IPS", "NODE_IP"), e);
	if (r < 0)
		return err_wrap(e, "node address");
	if (a->netns) {
		free(c->node.netns);
		c->node.netns = xstrdup(a->netns);
	}
	if (a->drain && str_to_usec(&c->node.drain, a->drain, 0, drain_max, e) < 0)
		return err_wrap(e, "--drain");
	if (a->level && log_level_parse(&c->log.level, a->level, e) < 0)
		return err_wrap(e, "--log-level");
	if (a->format && log_format_parse(&c->log.format, a->format, e) < 0)
		return err_wrap(e, "--log-format");
	return 0;
}

int cmd_run(int argc, char *argv[])
{
	static const struct argp argp = {.options = options,
		.parser = parse_option,
		.doc = "Announce by BGP what this pod's IPVS can serve, and set the routes that "
		       "bring its packets here."};
	CLEANUP(config_freep) struct config *c = NULL;
	struct args args = {0};
	struct err e = {0};
	int r;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	r = config_load(&c, args.config, &e);
	if (r == 0)
		r = override(c, &args, &e);
	if (r < 0) {
		fprintf(stderr, "kago-sidecar: %s\n", e.msg);
		return 2;
	}
	log_setup(c->log.level, c->log.format);
	/* exabgp.conf may hold a password. */
	umask(0077);
	r = sidecar_run(c, &e);
	if (r < 0)
		log_error("sidecar.failed", LOG_ERR(&e));
	return r < 0 ? 1 : r;
}
