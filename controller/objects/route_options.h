/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "objects/policy.h"

/*
 * The annotations that say something of the BGP routes to a Service's VIPs. Each sets one attribute
 * of p->route. Errors: -EINVAL with what would be right, not naming the annotation.
 */
int route_options_communities(struct policy *p, const char *text, struct err *e);
int route_options_local_preference(struct policy *p, const char *text, struct err *e);
int route_options_med(struct policy *p, const char *text, struct err *e);
int route_options_prepend(struct policy *p, const char *text, struct err *e);
int route_options_peers(struct policy *p, const char *text, struct err *e);
