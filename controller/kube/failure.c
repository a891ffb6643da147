/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/failure.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "doc/jsonx.h"

enum {
	SHOWN = 300, /* bytes of a server's message */
	HTTP_OK = 200,
	HTTP_UNAUTHORIZED = 401, /* the next call has a new token */
	HTTP_TOO_MANY = 429,
	HTTP_SERVER_ERROR = 500,
};

int failure_transport(struct err *e, const char *url, const char *what)
{
	const char *host = strstr(url, "://");
	size_t len = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : strlen(url);

	return err_set(e, EIO, "%.*s: %s", (int)len, url, what);
}

/* 2xx: not all of the answer came. */
bool failure_is_passing(int status)
{
	return status == 0 || status / 100 == HTTP_OK / 100 || status == HTTP_UNAUTHORIZED ||
	       status == HTTP_TOO_MANY || status >= HTTP_SERVER_ERROR;
}

int failure_http(struct err *e, int status, const char *text)
{
	bool is_small = text && jsonx_count(text, strlen(text)) <= LIMIT_KUBE_OBJECT_VALUES;
	json_auto_t *body = is_small ? json_loads(text, 0, NULL) : NULL;
	const char *message = json_string_value(json_object_get(body, "message"));
	char quoted[STR_QUOTED_SIZE];

	if (message && *message)
		return err_set(e, EPROTO, "HTTP %d: %.*s", status, SHOWN, message);
	if (text && *text)
		return err_set(e, EPROTO, "HTTP %d: %s", status, str_quote(quoted, text));
	return err_set(e, EPROTO, "HTTP %d", status);
}

int failure_parse(json_t **ret, const char *text, size_t len, struct err *e)
{
	json_error_t error;
	json_t *body;

	if (len == 0)
		return err_set(e, EINVAL, "the answer is empty");
	if (jsonx_count(text, len) > LIMIT_KUBE_BODY_VALUES)
		return err_set(
			e, EINVAL, "the answer has more than %d values", LIMIT_KUBE_BODY_VALUES);
	body = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!body)
		return err_set(e, EINVAL, "the answer is no JSON: %s", error.text);
	*ret = body;
	return 0;
}
