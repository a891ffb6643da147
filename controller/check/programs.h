/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "check/findings.h"

/* keepalived, and what the templates make for it and for nftables; strings are owned. */
struct programs_facts {
	char *keepalived;       /* its path */
	char *said;             /* the first line of `keepalived --version`; NULL: it has none */
	char *keepalived_error; /* why it did not run */
	char *template_path;    /* of keepalived.conf */
	char *template_error;   /* why there is nothing to test */
	char *complaints;       /* what keepalived said of the example made of it; "" if nothing */
	bool accepted, warned;  /* it would run with it; it finds something odd in it */
	bool untested;          /* it was killed, or late: that says nothing of the template */
	char *nft_path, *nft_error; /* the other template */
	bool nft_asked;             /* nftables was; else it was only read */
	char *exec; /* exec.program, if VIPs are announced by it; it may be in another container */
	char *exec_error; /* why it cannot be run */
	bool exec_may_be_elsewhere;
};

void programs_judge(struct findings *f, const struct programs_facts *p);
void programs_facts_done(struct programs_facts *p);

/* "Keepalived v2.3.3 (03/30,2025)": false when there is no version in it. */
bool programs_version(unsigned ret[static 3], const char *said);
