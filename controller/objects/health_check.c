/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/health_check.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

const char *const health_check_types[] = {"none", "tcp", "http", "https", NULL};

static char *copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

void health_check_copy(struct health_check *ret, const struct health_check *check)
{
	*ret = *check;
	ret->path = copy_text(check->path);
	ret->codes = copy_text(check->codes);
	ret->host = copy_text(check->host);
}

void health_check_done(struct health_check *check)
{
	free(check->path);
	free(check->codes);
	free(check->host);
	*check = (struct health_check){0};
}

bool health_check_equal(const struct health_check *a, const struct health_check *b)
{
	return a->type == b->type && a->port == b->port && a->interval == b->interval &&
	       a->timeout == b->timeout && str_equal(a->path, b->path) &&
	       str_equal(a->codes, b->codes) && str_equal(a->host, b->host);
}

bool health_check_is_http(const struct health_check *check)
{
	return check->type == CHECK_HTTP || check->type == CHECK_HTTPS;
}

uint64_t health_check_time(const struct health_check *check)
{
	enum { TRIES = 2, PAUSE = 1000 * 1000, SPARE = 5 * PAUSE };

	return check->type == CHECK_NONE ? 0 : TRIES * (check->timeout + PAUSE) + SPARE;
}
