/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "check/preflight.h"

/* Places to run in, as `check` knows them: a pod where all is well, to be spoiled by tests. */

static inline void place_add_sysctl(
	struct preflight *p, const char *name, const char *wanted, const char *loss, bool required)
{
	struct sysctls_facts *s = &p->sysctls;

	s->items = xreallocarray(s->items, s->n_items + 1, sizeof *s->items);
	s->items[s->n_items++] = (struct sysctl_fact){
		.name = xstrdup(name),
		.wanted = xstrdup(wanted),
		.found = xstrdup(wanted),
		.loss = xstrdup(loss),
		.required = required,
	};
}

static inline void place_add_interface(struct preflight *p, const char *name)
{
	struct network_facts *n = &p->network;

	n->interfaces = xreallocarray(n->interfaces, n->n_interfaces + 1, sizeof *n->interfaces);
	n->interfaces[n->n_interfaces++] = (struct interface_fact){
		.name = xstrdup(name),
		.mtu = 1450,
		.rp_filter = RP_FILTER_STRICT,
		.ipv4 = true,
	};
}

static inline void place_init_programs(struct programs_facts *p)
{
	p->keepalived = xstrdup("/usr/sbin/keepalived");
	p->said = xstrdup("Keepalived v2.3.3 (03/30,2025)");
	p->template_path = xstrdup("/usr/share/kago/keepalived.conf.mustache");
	p->complaints = xstrdup("");
	p->accepted = true;
	p->nft_path = xstrdup("/usr/share/kago/nftables.conf.mustache");
	p->nft_asked = true;
}

static inline void place_init_api(struct api_facts *a)
{
	a->asked = true;
	a->server = xstrdup("https://10.0.0.1:443");
	a->version = xstrdup("v1.36.3");
	a->minor = 36;
	a->ns = xstrdup("");
	a->lease_ns = xstrdup("kago");
	for (size_t i = 0; i < N_PERMISSIONS; i++)
		a->may[i] = API_ALLOWED;
}

/* `config` with one pool and one peer is borrowed. */
static inline void place_init(struct preflight *p, struct config *config)
{
	*p = (struct preflight){0};
	p->settings = (struct settings_facts){
		.path = "/etc/kago/kago.yaml",
		.config = config,
		.from_kubernetes = true,
		.peers = xcalloc(config->bgp.n_peers, sizeof *p->settings.peers),
	};
	p->kernel.net_admin = true;
	place_add_sysctl(p, "net.ipv4.vs.conntrack", "1", "replies of NAT Services are lost", true);
	place_add_sysctl(p, "net.ipv6.conf.all.forwarding", "1",
		"replies of NAT Services with IPv6 VIPs are lost", true);
	p->sysctls.items[1].for_ipv6 = true;
	place_add_sysctl(p, "net.ipv4.conf.all.send_redirects", "0",
		"neighbours get needless ICMP redirects", false);
	place_add_interface(p, "eth0");
	p->network.listen.at = xstrdup("pod:9440");
	p->network.probes.at = xstrdup("pod:9441");
	place_init_programs(&p->programs);
	place_init_api(&p->api);
}
