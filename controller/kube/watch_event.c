/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_event.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"

enum { HTTP_GONE = 410 };

static const struct {
	const char *name;
	enum watch_event_type type;
} types[] = {
	{"ADDED", WATCH_UPSERT},
	{"MODIFIED", WATCH_UPSERT},
	{"DELETED", WATCH_REMOVE},
	{"BOOKMARK", WATCH_BOOKMARK},
	{"ERROR", WATCH_ERROR},
};

static int find_type(enum watch_event_type *ret, const json_t *document, struct err *e)
{
	const char *name;
	char quoted[STR_QUOTED_SIZE];
	int r = jsonx_need_str(&name, document, "type", e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(name, types[i].name) == 0) {
			*ret = types[i].type;
			return 0;
		}
	return err_set(e, EPROTO, "type: %s is unknown", str_quote(quoted, name));
}

static bool ends_list(const json_t *bookmark)
{
	json_t *annotations = NULL;
	const char *value;
	struct err e = {0};

	if (jsonx_object(&annotations, bookmark, "metadata.annotations", &e) < 0)
		return false;
	value = json_string_value(json_object_get(annotations, "k8s.io/initial-events-end"));
	return value && strcmp(value, "true") == 0;
}

static int read_event(struct watch_event *ev, struct err *e)
{
	int r = find_type(&ev->type, ev->document, e);

	if (r >= 0)
		r = jsonx_object(&ev->object, ev->document, "object", e);
	if (r < 0)
		return r;
	if (!ev->object)
		return err_set(e, EPROTO, "object: missing");
	if (ev->type == WATCH_ERROR) {
		ev->expired = json_integer_value(json_object_get(ev->object, "code")) == HTTP_GONE;
		return 0;
	}
	ev->ends_list = ev->type == WATCH_BOOKMARK && ends_list(ev->object);
	return jsonx_str(&ev->version, ev->object, "metadata.resourceVersion", e);
}

static int too_large(struct err *e)
{
	return err_set(e, EINVAL, "an object with more than %d values is passed over",
		LIMIT_KUBE_OBJECT_VALUES);
}

int watch_event_check_size(const json_t *object, struct err *e)
{
	return jsonx_size(object) > LIMIT_KUBE_OBJECT_VALUES ? too_large(e) : 0;
}

/* Who manages which field is as long as all else, and nobody asks: it is not even read. */
static json_t *load_without_fields(const char *line, size_t len, json_error_t *error)
{
	static const char nothing[] = "0";
	const size_t n_nothing = sizeof nothing - 1;
	size_t n = 0, before;
	const char *fields = jsonx_find_text(&n, line, len, "object.metadata.managedFields");
	CLEANUP_FREE char *shorter = NULL;

	if (!fields || n < n_nothing)
		return json_loadb(line, len, JSON_ALLOW_NUL, error);
	before = (size_t)(fields - line);
	shorter = xcalloc(len - n + n_nothing, 1);
	memcpy(shorter, line, before);
	memcpy(shorter + before, nothing, n_nothing);
	memcpy(shorter + before + n_nothing, fields + n, len - before - n);
	return json_loadb(shorter, len - n + n_nothing, JSON_ALLOW_NUL, error);
}

int watch_event_parse(struct watch_event *ret, const char *line, size_t len, struct err *e)
{
	struct watch_event ev = {.version = ""};
	json_error_t error;
	int r;

	if (jsonx_count(line, len) > LIMIT_KUBE_OBJECT_VALUES)
		return too_large(e);
	ev.document = load_without_fields(line, len, &error);
	if (!ev.document)
		return err_set(e, EPROTO, "an event that is no JSON: %s", error.text);
	r = read_event(&ev, e);
	if (r < 0) {
		watch_event_done(&ev);
		return err_set(e, EPROTO, "an event that is none: %s", e->msg);
	}
	*ret = ev;
	return 0;
}

void watch_event_done(struct watch_event *ev)
{
	json_decref(ev->document);
	*ev = (struct watch_event){0};
}

static uint64_t number(const char *text)
{
	struct err e = {0};
	uint64_t n = 0;

	str_to_u64(&n, text, 0, UINT64_MAX, &e);
	return n;
}

int watch_event_identify(struct watch_event_id *ret, const json_t *object, struct err *e)
{
	struct watch_event_id id = {.ns = ""};
	const char *version = "";
	int r = jsonx_need_str(&id.name, object, "metadata.name", e);

	if (r >= 0)
		r = jsonx_str(&id.ns, object, "metadata.namespace", e);
	if (r >= 0)
		r = jsonx_str(&version, object, "metadata.resourceVersion", e);
	if (r < 0)
		return r;
	id.version = number(version);
	*ret = id;
	return 0;
}

int watch_event_page_read(struct watch_event_page *ret, const json_t *document, struct err *e)
{
	struct watch_event_page page = {.next = ""};
	int r = jsonx_need_str(&page.version, document, "metadata.resourceVersion", e);

	if (r >= 0)
		r = jsonx_str(&page.next, document, "metadata.continue", e);
	if (r >= 0)
		r = jsonx_array(&page.items, document, "items", e);
	if (r < 0)
		return err_wrap(e, "the list");
	*ret = page;
	return 0;
}
