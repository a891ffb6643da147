/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/ipvs.h"

/*
 * The text of /proc/net/ip_vs (kernel: ip_vs_info_seq_show) as a sorted table; for this folder
 * alone. It has no counters and not all flags of a service, but costs the kernel a tenth of a dump
 * over netlink. Pure. Lines about services by firewall mark and by other protocols are left out.
 * Errors: -EBADMSG with the line number.
 */
int ipvs_proc_parse(struct ipvs_table **ret, const char *text, struct err *e);
