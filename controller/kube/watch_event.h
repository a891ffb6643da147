/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What the API server sends in lists and watches, taken apart. Pure. */

enum event_type { EVENT_UPSERT, EVENT_REMOVE, EVENT_BOOKMARK, EVENT_ERROR };

struct event {
	json_t *document; /* owned */
	json_t *object;   /* in the document */
	enum event_type type;
	const char *version; /* metadata.resourceVersion of the object; "" if it says none */
	bool ends_list;      /* a bookmark: all that was there at the start has been sent */
	bool expired;        /* an error: what was asked for is too old (410) */
};

/* Takes a line of a watch apart. -EPROTO when it is no event, with its message for EVENT_ERROR too.
 */
int event_parse(struct event *ret, const char *line, size_t len, struct err *e);
void event_done(struct event *ev);

/* Who an object is, borrowed. `ret_version` as a number, 0 when it is none. */
struct event_id {
	const char *ns, *name; /* ns is "" for those without */
	uint64_t version;
};
int event_identify(struct event_id *ret, const json_t *object, struct err *e);

/* A page of a list; all borrowed from `document`. `next` is "" on the last one. */
struct event_page {
	json_t *items;
	const char *version, *next;
};
int event_page_read(struct event_page *ret, const json_t *document, struct err *e);
