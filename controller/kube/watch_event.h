/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What the API server sends in lists and watches, taken apart. Pure. */

enum watch_event_type { WATCH_UPSERT, WATCH_REMOVE, WATCH_BOOKMARK, WATCH_ERROR };

struct watch_event {
	json_t *document; /* owned */
	json_t *object;   /* in the document */
	enum watch_event_type type;
	const char *version; /* metadata.resourceVersion of the object; "" if it says none */
	bool ends_list;      /* a bookmark: all that was there at the start has been sent */
	bool expired;        /* an error: what was asked for is too old (410) */
};

/*
 * Takes a line of a watch apart. -EPROTO when it is no event, with its message for WATCH_ERROR too;
 * -EINVAL when its object has more than LIMIT_KUBE_OBJECT_VALUES values, and was not read.
 */
int watch_event_parse(struct watch_event *ret, const char *line, size_t len, struct err *e);
void watch_event_done(struct watch_event *ev);

/* Who an object is, borrowed. `ret_version` as a number, 0 when it is none. */
struct watch_event_id {
	const char *ns, *name; /* ns is "" for those without */
	uint64_t version;
};
int watch_event_identify(struct watch_event_id *ret, const json_t *object, struct err *e);

/* -EINVAL when an object that was read has too many values. */
int watch_event_check_size(const json_t *object, struct err *e);

/* A page of a list; all borrowed from `document`. `next` is "" on the last one. */
struct watch_event_page {
	json_t *items;
	const char *version, *next;
};
int watch_event_page_read(struct watch_event_page *ret, const json_t *document, struct err *e);
