/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/mem.h"
#include "kube/kube.h"

/*
 * Looks once through the Services that are no LoadBalancer for marks of ours, which were left when
 * a Service changed its type while nobody led. Page by page; a failure ends it, for the next leader
 * looks again.
 */
struct sweep;

/*
 * `namespace`: "" for all. `on_marked` is called for each such Service, `done` once, with an error
 * or NULL; the sweep may be freed there.
 */
struct sweep_ops {
	void (*on_marked)(void *ud, const char *ns, const char *name, const char *uid);
	void (*done)(void *ud, const char *error);
};

struct sweep *sweep_start(struct kube *kube, const char *namespace, const struct sweep_ops *ops,
	void *ud) __attribute__((warn_unused_result));
/* Ends it without `done`. */
struct sweep *sweep_free(struct sweep *s);
DEFINE_CLEANUP(struct sweep *, sweep_free);
