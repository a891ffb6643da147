/* SPDX-License-Identifier: Apache-2.0 */
#include "check/preflight.h"

void preflight_judge(struct findings *ret, const struct preflight *p)
{
	settings_judge_file(ret, &p->settings);
	kernel_judge(ret, &p->kernel);
	sysctls_judge(ret, &p->sysctls, network_has_ipv6(&p->network));
	network_judge(ret, &p->network);
	programs_judge(ret, &p->programs);
	api_judge(ret, &p->api);
	tunnels_judge(ret, &p->tunnels, &p->network);
	settings_judge_pools(ret, &p->settings);
	settings_judge_endpoints(ret, &p->settings);
	settings_judge_peers(ret, &p->settings);
	layer2_judge(ret, &p->layer2, p->settings.config);
}

void preflight_done(struct preflight *p)
{
	settings_facts_done(&p->settings);
	kernel_facts_done(&p->kernel);
	sysctls_facts_done(&p->sysctls);
	network_facts_done(&p->network);
	programs_facts_done(&p->programs);
	api_facts_done(&p->api);
	tunnels_facts_done(&p->tunnels);
}
