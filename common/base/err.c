/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef err_set
#undef err_errno
#undef err_wrap

static void mark_if_cut(struct err *e, int wanted)
{
	if (wanted >= ERR_MSG_SIZE)
		memcpy(e->msg + ERR_MSG_SIZE - 4, "...", 4);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	mark_if_cut(e, vsnprintf(e->msg, sizeof e->msg, fmt, ap));
	va_end(ap);
	return -code;
}

int err_errno(struct err *e, int code, const char *fmt, ...)
{
	char what[ERR_MSG_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(e, code, "%s: %s", what, strerror(code));
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char context[ERR_MSG_SIZE], cause[ERR_MSG_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context, sizeof context, fmt, ap);
	va_end(ap);
	memcpy(cause, e->msg, sizeof cause);
	return err_set(e, e->code, "%s: %s", context, cause);
}
