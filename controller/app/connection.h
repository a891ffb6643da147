/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "kube/kube.h"

/* How the controller gets to its API server, and who it is there. */

/* With the kubeconfig that the configuration names, or else the service account of our pod; says
 * where to. */
int connection_open(struct kube **ret, sd_event *loop, const struct config *config, struct err *e);

/* The same for Leases, apart from all else: a leader renews in time whatever else comes in. */
int connection_open_for_leases(
	struct kube **ret, sd_event *loop, const struct config *config, struct err *e);

/* The name of this load balancer: configured, or POD_NAME, or the host's; a new string. */
char *connection_identity(const struct config *config) __attribute__((warn_unused_result));

/* The first minor version of Kubernetes that knows ingress[].ipMode (KEP-1860). */
enum { CONNECTION_IP_MODE_MINOR = 29 };

/* Asks the server for its minor version until it has said it, and tells it once. */
struct server_version;
int server_version_ask(struct server_version **ret, sd_event *loop, struct kube *kube,
	void (*on_known)(void *ud, unsigned minor), void *ud, struct err *e);
struct server_version *server_version_free(struct server_version *v);
