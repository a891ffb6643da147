/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "report/snapshot.h"

/* Pieces of the Prometheus text format (base/exposition.h). */

/* "NAME{LABELS", of a virtual server: others may follow. */
void metrics_labels(FILE *out, const char *name, const struct virtual_server *vs);

/* What concerns pools of VIPs, and the API server where there is one. */
void metrics_put_cluster(FILE *out, const struct snapshot *s);

/* What concerns tunnels. */
void metrics_put_tunnels(FILE *out, const struct snapshot *s);

/* What concerns the ways to announce besides BGP, and what of kago.yaml is not in use. */
void metrics_put_announce(FILE *out, const struct snapshot *s);
