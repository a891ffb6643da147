/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/ipvs.h"

/*
 * Building a struct ipvs_table; for this folder alone. Entries are appended in the kernel's order,
 * possibly twice, and sorted at the end.
 */

struct ipvs_table *ipvs_table_new(void) __attribute__((warn_unused_result));

/* Takes over the service with what it owns. */
void ipvs_table_add(struct ipvs_table *t, const struct ipvs_service *s);
void ipvs_service_add(struct ipvs_service *s, const struct ipvs_dest *d);

/* Into the order of ipvs.h, and of those with the same key only one stays. */
void ipvs_table_sort(struct ipvs_table *t);
void ipvs_service_sort(struct ipvs_service *s);
