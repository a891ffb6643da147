/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "net/ipvs_write.h"

/* What was wrong with the kernel's table though nobody had decided anything. Pure. */
struct repairs {
	size_t missing, stray, different; /* services and real servers */
	size_t unordered;                 /* services */
	char first[IPVS_OP_TEXT + 32]; /* "10.1.1.1 port 80/tcp: missing"; "" when all was right */
};

/* What a service needed to be as it should, and got. */
void repairs_count(struct repairs *r, const struct ipvs_ops *ops);
