/* SPDX-License-Identifier: Apache-2.0 */
#include "app/prepare.h"

#include "base/log.h"
#include "base/mem.h"
#include "kernel/sysctl.h"

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);
DEFINE_CLEANUP(struct sysctl_report *, sysctl_report_free);

static void set_sysctls(void)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *report = sysctl_apply("/proc/sys");

	for (size_t i = 0; i < report->n_results; i++) {
		const struct sysctl_result *r = &report->results[i];

		if (r->state == SYSCTL_SET)
			log_info("sysctl.set", LOG_STR("name", r->name));
		else if (r->state == SYSCTL_FAILED)
			log_write(r->need == SYSCTL_ADVISED ? LOG_WARN : LOG_ERROR, "sysctl.failed",
				LOG_FIELDS(LOG_STR("name", r->name), LOG_STR("error", r->message)));
	}
}

/* IPVS first: its sysctls are there only once the kernel has loaded it. */
int prepare_kernel(struct ipvs **ret_ipvs, struct ruleset **ret_ruleset, sd_event *loop,
	const struct config *config, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *kernel = NULL;
	int r = ipvs_open(ret_ipvs, e);

	if (r < 0)
		return r;
	set_sysctls();
	r = ipvs_read(&kernel, *ret_ipvs, e);
	return r < 0 ? r
		     : ruleset_new(
			       ret_ruleset, loop, config->keepalived.nft_template_path, kernel, e);
}
