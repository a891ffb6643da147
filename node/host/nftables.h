/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/mem.h"

/*
 * nftables of the network namespace we are in, by libnftables and in this process: another one for
 * each change takes 60 times as long.
 */
struct nftables;

struct nftables *nftables_new(void) __attribute__((warn_unused_result));
struct nftables *nftables_free(struct nftables *n);
DEFINE_CLEANUP(struct nftables *, nftables_free);

/* Carries the commands out in one transaction. Errors: -EINVAL with what nftables says. */
int nftables_run(struct nftables *n, const char *commands, struct err *e);
