/* SPDX-License-Identifier: Apache-2.0 */
#include "app/outcomes.h"

#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

static int service_cmp(const struct fleet_service *a, const struct fleet_service *b)
{
	int order = strcmp(a->ns, b->ns);

	return order ? order : strcmp(a->name, b->name);
}

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

static bool same_outcome(const struct fleet_service *a, const struct fleet_service *b)
{
	return a->outcome == b->outcome && strcmp(a->message, b->message) == 0 &&
	       a->n_virtual_servers == b->n_virtual_servers;
}

void outcomes_log(const struct fleet *before, const struct fleet *now)
{
	size_t n_before = before ? before->n_services : 0, i = 0, j = 0;

	while (i < n_before || j < now->n_services) {
		int order;

		/* Most are shared. */
		if (i < n_before && j < now->n_services &&
			before->services[i] == now->services[j]) {
			i++;
			j++;
			continue;
		}
		order = i == n_before          ? 1
			: j == now->n_services ? -1
					       : service_cmp(before->services[i], now->services[j]);
		if (order < 0)
			log_gone(before->services[i]);
		else if (order > 0 || !same_outcome(before->services[i], now->services[j]))
			log_outcome(now->services[j]);
		i += order <= 0;
		j += order >= 0;
	}
}
