/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "publish/facts.h"

/*
 * The status of a Service, as it is sent to its status subresource by server-side apply: the
 * conditions and addresses that are ours and nothing else, so that what others wrote stays. Pure.
 * docs/troubleshooting.md has every condition, reason and message.
 */

/* What the API server understands. */
struct status_features {
	bool ip_mode; /* ingress[].ipMode (KEP-1860): Kubernetes 1.29 and newer */
};

/*
 * The document for a Service, or NULL when its status says all that already. A condition whose
 * status does not change keeps its lastTransitionTime; `now` (usec since 1970) is that of others.
 * It holds the uid and resourceVersion that the facts are from: the server refuses it (409) when
 * somebody has changed or deleted the Service since.
 */
json_t *status_document(const struct facts *f, const struct status_features *features, int64_t now);

/*
 * The document that takes everything of ours out of the status of a Service. The server answers
 * with a conflict (409) when there is none of that uid.
 */
json_t *status_document_clear(const char *ns, const char *name, const char *uid);

/* Equal for documents that say the same, whenever they were made; never 0. */
uint64_t status_document_digest(const json_t *document);
