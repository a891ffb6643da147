/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "address/pools.h"

/* How many addresses of each pool each namespace has; a shared one counts once. Pure. */
struct quota;

struct quota *quota_new(void) __attribute__((warn_unused_result));
struct quota *quota_free(struct quota *q);

/* One more, or one less. */
void quota_add(struct quota *q, const struct pool *pool, const char *ns);
void quota_remove(struct quota *q, const struct pool *pool, const char *ns);

size_t quota_used(const struct quota *q, const struct pool *pool, const char *ns);
