/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/host.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/ip_vs.h>
#include <stdlib.h>
#include <string.h>

#include "base/apart.h"
#include "base/fsutil.h"
#include "clients/nft.h"
#include "kernel/sysctl.h"
#include "net/ipvs.h"
#include "objects/policy.h"

DEFINE_CLEANUP(struct ipvs *, ipvs_close);
DEFINE_CLEANUP(struct sysctl_report *, sysctl_report_free);

enum { STATUS_MAX = 64 * 1024, HEX = 16 };

static bool has_net_admin(void)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	const char *at;
	size_t len;

	if (fs_read(&text, &len, "/proc/thread-self/status", STATUS_MAX, &e) < 0)
		return false;
	at = strstr(text, "CapEff:");
	return at && (strtoull(at + strlen("CapEff:"), NULL, HEX) >> CAP_NET_ADMIN & 1);
}

/* NULL when it went well. */
static char *error_of(int r, const struct err *e)
{
	return r < 0 ? xstrdup(e->msg) : NULL;
}

/* Which of them the kernel has not got. */
static void try_schedulers(struct kernel_facts *ret, struct ipvs *v)
{
	char *names = NULL;

	for (unsigned s = SCHEDULER_RR; s <= SCHEDULER_MH; s++) {
		const char *name = scheduler_name((enum scheduler)s);
		struct err e = {0};
		char *longer;
		int r = ipvs_try(v, AF_INET, name, &e);

		if (r < 0 && r != -ENOENT && !ret->scheduler_error)
			ret->scheduler_error = xstrdup(e.msg);
		if (r != -ENOENT)
			continue;
		longer = xasprintf("%s%s%s", names ? names : "", names ? ", " : "", name);
		free(names);
		names = longer;
	}
	ret->missing_schedulers = names;
}

static void try_tunnel(struct kernel_facts *ret, struct ipvs *v, const struct config *config)
{
	bool is_gue = config->tunnel.encapsulation == ENCAPSULATION_GUE;
	uint8_t kind = is_gue ? IP_VS_CONN_F_TUNNEL_TYPE_GUE : IP_VS_CONN_F_TUNNEL_TYPE_IPIP;
	struct err e = {0};

	if (config->forward != FORWARD_TUNNEL)
		return;
	ret->tunnel = xstrdup(encapsulation_name(config->tunnel.encapsulation));
	ret->tunnel_error = error_of(ipvs_try_tunnel(v, AF_INET, kind, &e), &e);
}

void host_try_kernel(struct kernel_facts *ret, const struct config *config)
{
	CLEANUP(ipvs_closep) struct ipvs *v = NULL;
	struct err e = {0};

	ret->net_admin = has_net_admin();
	ret->ipvs_error = error_of(ipvs_open(&v, &e), &e);
	if (!ret->net_admin)
		return;
	if (v) {
		try_schedulers(ret, v);
		ret->ipv6_error = error_of(ipvs_try(v, AF_INET6, "none", &e), &e);
		try_tunnel(ret, v, config);
	}
	ret->nft_error = error_of(apart(nft_try, NULL, &e), &e);
}

static struct sysctl_fact fact_of(const struct sysctl_result *r)
{
	return (struct sysctl_fact){
		.name = xstrdup(r->name),
		.wanted = xstrdup(r->wanted),
		.found = r->found ? xstrdup(r->found) : NULL,
		.loss = xstrdup(r->loss),
		.refusal = r->message ? xstrdup(r->refused ? strerror(-r->refused)
							   : "it stays as it is")
				      : NULL,
		.required = r->need != SYSCTL_ADVISED,
		.for_ipv6 = r->need == SYSCTL_REQUIRED_IPV6,
		.was_set = r->state == SYSCTL_SET,
	};
}

void host_look_at_sysctls(struct sysctls_facts *ret, bool fix)
{
	CLEANUP(sysctl_report_freep)
	struct sysctl_report *report = fix ? sysctl_apply("/proc/sys") : sysctl_look("/proc/sys");

	ret->items = xcalloc(report->n_results, sizeof *ret->items);
	for (size_t i = 0; i < report->n_results; i++)
		ret->items[ret->n_items++] = fact_of(&report->results[i]);
}
