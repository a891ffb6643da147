/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "check/findings.h"
#include "check/permissions.h"

enum api_answer {
	API_NO_ANSWER, /* it was not asked, or did not say */
	API_ALLOWED,
	API_DENIED,
};

/* What the API server says; strings are owned. */
struct api_facts {
	bool asked;              /* false: Services come from elsewhere */
	char *credentials_error; /* why nobody could be asked */
	char *server;            /* its URL */
	char *error;             /* why its version is not known */
	bool unreachable;        /* it did not answer; else it did not let us in */
	char *version;           /* "v1.36.3" */
	unsigned minor;          /* 36, of 1.36 */
	char *ns;                /* whose Services are followed; "": all */
	char *lease_ns;
	enum api_answer may[N_PERMISSIONS];
	char *may_error; /* of those without an answer: why */
};

void api_judge(struct findings *f, const struct api_facts *a);
void api_facts_done(struct api_facts *a);
