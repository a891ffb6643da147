/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/vrrp_conf.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "vrrp/share.h"

enum {
	CENTISECOND = 10 * 1000, /* VRRP counts in these (RFC 5798) */
	PULSE_PRIORITY = 100,
	PULSE_INTERVAL = 40, /* s; nobody waits for them */
};

/*
 * VRRPv3 has an address that the owner gets; ours are of nobody's use, and seen by nobody but this
 * pod: link-local, on lo, with VRRP's number of protocol in them.
 */
#define ADDRESS4 "169.254.112.%u/32"
#define ADDRESS6 "fe80::112:%x/128"

char *vrrp_conf_path(const struct config *c, const char *name)
{
	return xasprintf("%s/%s", c->l2.state_dir, name);
}

/* `what` is for the message. */
static int check(const char *what, const char *text, struct err *e)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789/._-+";
	char quoted[STR_QUOTED_SIZE];

	if (text[strspn(text, allowed)])
		return err_set(e, EINVAL, "%s: %s has characters that keepalived.conf cannot hold",
			what, str_quote(quoted, text));
	return 0;
}

/* `id` is VRRP's, from 1. */
static json_t *instance_view(const struct config *c, const char *name, unsigned id,
	unsigned priority, const struct roster *roster)
{
	CLEANUP_FREE char *track = vrrp_conf_path(c, name), *address = NULL;

	address = roster->own.family == AF_INET ? xasprintf(ADDRESS4, id) : xasprintf(ADDRESS6, id);
	return jsonx_must(json_pack("{ss si si ss ss}", "name", name, "id", (int)id, "priority",
		(int)priority, "track", track, "virtual_address", address));
}

static json_t *instances_view(const struct config *c, const struct roster *roster)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < SHARES; i++) {
		CLEANUP_FREE char *name = xasprintf(VRRP_CONF_SHARE "%u", i);
		unsigned priority = share_priority(&roster->own, i, false);

		json_array_append_new(list, instance_view(c, name, i + 1, priority, roster));
	}
	return list;
}

static json_t *peers_view(const struct roster *roster)
{
	json_t *list = json_array();
	char text[IPADDR_TEXT];

	for (size_t i = 0; i < roster->n_peers; i++)
		json_array_append_new(list, json_string(ipaddr_format(text, &roster->peers[i])));
	return list;
}

/* As VRRP has it, so that all load balancers have the same: rounded up. */
static json_t *interval_view(uint64_t interval)
{
	uint64_t n = (interval + CENTISECOND - 1) / CENTISECOND;
	CLEANUP_FREE char *text = xasprintf("%" PRIu64 ".%02" PRIu64, n / 100, n % 100);

	return json_string(text);
}

int vrrp_conf_view(json_t **ret, const struct config *c, const struct roster *roster,
	const char *interface, struct err *e)
{
	CLEANUP_FREE char *words = vrrp_conf_path(c, VRRP_CONF_WORDS);
	char source[IPADDR_TEXT];
	json_t *view, *pulse;
	int r = check("l2.stateDir", c->l2.state_dir, e);

	if (r == 0)
		r = check("the pod's interface", interface, e);
	if (r < 0)
		return r;
	view = jsonx_must(json_pack("{ss ss ss}", "words", words, "source",
		ipaddr_format(source, &roster->own), "interface", interface));
	jsonx_set(view, "interval", interval_view(c->l2.interval));
	jsonx_set(view, "peers", peers_view(roster));
	jsonx_set(view, "instances", instances_view(c, roster));
	pulse = instance_view(c, VRRP_CONF_PULSE, SHARES + 1, PULSE_PRIORITY, roster);
	jsonx_set(pulse, "interval", json_integer(PULSE_INTERVAL));
	jsonx_set(view, "pulse", pulse);
	*ret = view;
	return 0;
}

int vrrp_conf_text(char **ret, const struct mustache *template, const struct config *c,
	const struct roster *roster, const char *interface, struct err *e)
{
	CLEANUP(json_decrefp) json_t *view = NULL;
	size_t len;
	int r = vrrp_conf_view(&view, c, roster, interface, e);

	if (r == 0)
		r = mustache_render(ret, &len, template, view, e);
	return r < 0 ? err_wrap(e, "the configuration of VRRP") : 0;
}
