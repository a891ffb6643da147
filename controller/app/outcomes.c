/* SPDX-License-Identifier: Apache-2.0 */
#include "app/outcomes.h"

#include <stdbool.h>

#include "base/log.h"
#include "base/mem.h"
#include "decide/fleet_diff.h"

static const char *const events[] = {
	[FLEET_SERVED] = "service.served",
	[FLEET_NO_ENDPOINTS] = "service.no_endpoints",
	[FLEET_CONFLICT] = "service.conflict",
	[FLEET_REJECTED] = "service.rejected",
	[FLEET_PENDING] = "service.pending",
};

static char *vips_text(const struct fleet_service *svc)
{
	char *text = xstrdup("");
	char addr[IPADDR_TEXT];

	for (size_t i = 0; i < svc->n_vips; i++) {
		char *longer =
			xasprintf("%s%s%s", text, i ? "," : "", ipaddr_format(addr, &svc->vips[i]));

		free(text);
		text = longer;
	}
	return text;
}

static void log_outcome(const struct fleet_service *svc)
{
	CLEANUP_FREE char *service = xasprintf("%s/%s", svc->ns, svc->name);
	CLEANUP_FREE char *vips = vips_text(svc);
	bool in_full = svc->reason == REASON_SERVED;

	if (svc->reason == REASON_INVALID_OBJECT)
		return; /* told when the object came */
	log_write(in_full ? LOG_INFO : LOG_WARN, events[svc->outcome],
		LOG_FIELDS(LOG_STR("service", service), LOG_STR("vips", *vips ? vips : NULL),
			LOG_UINT("virtual_servers", svc->n_virtual_servers),
			LOG_STR("reason", reason_name(svc->reason)), LOG_STR("msg", svc->message)));
}

static void log_gone(const struct fleet_service *svc)
{
	CLEANUP_FREE char *service = xasprintf("%s/%s", svc->ns, svc->name);

	log_info("service.gone", LOG_STR("service", service),
		LOG_STR("msg", "deleted, or no longer of this fleet"));
}

static void log_change(void *ud, const struct fleet_service *old, const struct fleet_service *new)
{
	(void)ud;
	if (new)
		log_outcome(new);
	else
		log_gone(old);
}

void outcomes_log(const struct fleet *before, const struct fleet *now)
{
	fleet_diff_services(before, now, log_change, NULL);
}
