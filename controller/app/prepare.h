/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "clients/ruleset.h"
#include "config/config.h"
#include "net/ipvs.h"

/*
 * Makes the network namespace ready to forward: IPVS, sysctls, nftables rules. A table that a
 * predecessor left stays. The caller frees both. Logs: sysctl.*.
 */
int prepare_kernel(struct ipvs **ret_ipvs, struct ruleset **ret_ruleset, sd_event *loop,
	const struct config *config, struct err *e);
