/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_query.h"

#include "base/mem.h"
#include "kube/kube.h"

enum { STREAM_SECONDS = 600 /* the server ends a stream then; the next one resumes it */ };

char *watch_query_page(const char *path, const char *selectors, unsigned n_items, const char *next)
{
	CLEANUP_FREE char *token = kube_escape(next);

	return xasprintf("%s?limit=%u%s%s%s%s", path, n_items, *token ? "&continue=" : "", token,
		*selectors ? "&" : "", selectors);
}

char *watch_query_all(const char *path, const char *selectors)
{
	return xasprintf("%s%s%s", path, *selectors ? "?" : "", selectors);
}

static char *stream(const char *path, const char *selectors, const char *from)
{
	return xasprintf("%s?watch=true&allowWatchBookmarks=true&timeoutSeconds=%d&%s%s%s", path,
		STREAM_SECONDS, from, *selectors ? "&" : "", selectors);
}

char *watch_query_stream_list(const char *path, const char *selectors)
{
	return stream(path, selectors, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
}

char *watch_query_resume(const char *path, const char *selectors, const char *version)
{
	CLEANUP_FREE char *escaped = kube_escape(version);
	CLEANUP_FREE char *from = xasprintf("resourceVersion=%s", escaped);

	return stream(path, selectors, from);
}
