/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

/*
 * Where objects come from. A source calls these from the loop; the first `synced` says that all
 * that existed at the start has been delivered, and nothing may be decided before it. A source that
 * cannot see its objects any more says so by `problem` and removes nothing: what was known stands.
 */
struct source_ops {
	/* The object is new, or may have changed; borrowed. */
	void (*upsert)(void *ud, const json_t *object);
	void (*remove)(void *ud, const char *kind, const char *ns, const char *name);
	void (*synced)(void *ud);
	/* Something could not be read; `where` names it, `what` says why. What was known of it
	 * stands. */
	void (*problem)(void *ud, const char *where, const char *what);
	/* It can be read again, after `lost_for` usec. Not of folders, which are silent then. */
	void (*recovered)(void *ud, const char *where, uint64_t lost_for);
};
