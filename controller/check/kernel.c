/* SPDX-License-Identifier: Apache-2.0 */
#include "check/kernel.h"

#define GIVE_NET_ADMIN "securityContext.capabilities.add: [NET_ADMIN], or run it as root"

static void judge_capability(struct findings *f, const struct kernel_facts *k)
{
	if (k->net_admin)
		findings_ok(f, "capabilities", "NET_ADMIN is effective");
	else
		findings_bad(f, FINDING_ERROR, "capabilities", GIVE_NET_ADMIN,
			"NET_ADMIN is missing: IPVS and nftables cannot be programmed");
}

static void judge_ipvs(struct findings *f, const struct kernel_facts *k)
{
	if (k->ipvs_error)
		findings_bad(f, FINDING_ERROR, "ipvs",
			"load ip_vs on the node (modprobe ip_vs; /etc/modules-load.d keeps it), or "
			"take a "
			"kernel that has it",
			"IPVS cannot be used: %s", k->ipvs_error);
	else
		findings_ok(f, "ipvs", "the kernel has IPVS");
}

static void untried(struct findings *f, const char *check, const char *what)
{
	findings_bad(f, FINDING_WARNING, check, GIVE_NET_ADMIN,
		"%s cannot be tried without NET_ADMIN", what);
}

static void judge_scheduler(struct findings *f, const struct kernel_facts *k)
{
	if (!k->net_admin)
		untried(f, "scheduler", "the schedulers");
	else if (k->missing_schedulers)
		findings_bad(f, FINDING_WARNING, "scheduler",
			"load ip_vs_NAME on the node, or take a kernel that has it (mh: Linux 4.18 "
			"and newer)",
			"IPVS lacks %s: Services that ask for it, or for none if it is mh, get "
			"another one",
			k->missing_schedulers);
	else if (k->scheduler_error)
		findings_bad(f, FINDING_WARNING, "scheduler", "try again",
			"not all schedulers could be tried: %s", k->scheduler_error);
	else
		findings_ok(f, "scheduler", "IPVS has all schedulers");
}

static void judge_ipv6(struct findings *f, const struct kernel_facts *k)
{
	if (!k->net_admin)
		return;
	if (k->ipv6_error)
		findings_bad(f, FINDING_WARNING, "ipvs-ipv6",
			"take a kernel built with CONFIG_IP_VS_IPV6, or give no IPv6 addresses to "
			"Services",
			"IPVS takes no virtual server with an IPv6 address: %s", k->ipv6_error);
	else
		findings_ok(f, "ipvs-ipv6", "IPVS takes IPv6 addresses");
}

static void judge_tunnel(struct findings *f, const struct kernel_facts *k)
{
	if (!k->tunnel)
		return;
	if (k->tunnel_error)
		findings_bad(f, FINDING_ERROR, "ipvs-tunnel",
			"take Linux 5.3 or newer, or tunnel.encapsulation: ipip in the "
			"configuration",
			"IPVS takes no real servers behind %s tunnels: %s", k->tunnel,
			k->tunnel_error);
	else
		findings_ok(
			f, "ipvs-tunnel", "IPVS takes real servers behind %s tunnels", k->tunnel);
}

static void judge_nft(struct findings *f, const struct kernel_facts *k)
{
	if (!k->net_admin)
		untried(f, "nftables", "nftables");
	else if (k->nft_error)
		findings_bad(f, FINDING_ERROR, "nftables",
			"load nf_tables, nft_chain_nat, nft_masq, nft_ct, nft_fib_inet and "
			"nft_reject_inet "
			"on the node, or take a kernel that has them",
			"the kernel does not take the kinds of rules that forwarding needs: %s",
			k->nft_error);
	else
		findings_ok(f, "nftables", "the kernel takes NAT, filter and fib rules");
}

void kernel_judge(struct findings *f, const struct kernel_facts *k)
{
	judge_capability(f, k);
	judge_ipvs(f, k);
	if (!k->ipvs_error) {
		judge_scheduler(f, k);
		judge_ipv6(f, k);
		judge_tunnel(f, k);
	}
	judge_nft(f, k);
}

void kernel_facts_done(struct kernel_facts *k)
{
	free(k->ipvs_error);
	free(k->missing_schedulers);
	free(k->scheduler_error);
	free(k->ipv6_error);
	free(k->nft_error);
	free(k->tunnel);
	free(k->tunnel_error);
}
