/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "objects/policy.h"

/* The annotations of a Service that are kago's. docs/annotations.md is the users' side of this. */
#define KAGO_PREFIX "kago.dev/"

/*
 * The text of the annotation `key`, borrowed, or NULL if there is none; null is "". Errors: -EINVAL
 * when it is no string, too long, or holds a NUL.
 */
int annotation_text(const char **ret, const json_t *object, const char *key, struct err *e);

/*
 * Sets what the annotations of a Service object say in `p`, which holds the defaults; those about
 * addresses are left to wish.h. `has` is that of policy_parse. Errors: -EINVAL with
 * "kago.dev/KEY: what is wrong and what would be right"; `p` may be half changed then.
 */
int annotations_parse(struct policy *p, const json_t *object, struct protocols has, struct err *e);
