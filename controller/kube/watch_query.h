/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The paths of the calls by which a collection is followed, in new strings. `path` is the
 * collection, `selectors` an escaped piece of a query, which may be "". Pure.
 */

enum { WATCH_PAGE_ITEMS = 250 /* as a rule */ };

/*
 * A page of a list with at most so many items; `next` is the continue token of the page before, ""
 * for the first one.
 */
char *watch_query_page(const char *path, const char *selectors, unsigned n_items, const char *next)
	__attribute__((warn_unused_result));

/* The whole list in one answer. */
char *watch_query_all(const char *path, const char *selectors) __attribute__((warn_unused_result));

/* A watch that begins with all there is, read from the quorum and not from a cache (KEP-3157). */
char *watch_query_stream_list(const char *path, const char *selectors)
	__attribute__((warn_unused_result));

/* A watch from a resourceVersion on. */
char *watch_query_resume(const char *path, const char *selectors, const char *version)
	__attribute__((warn_unused_result));
