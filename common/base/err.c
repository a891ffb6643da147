/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	char msg[ERR_MSG_SIZE]; /* not e->msg, which the arguments may quote */
	va_list ap;
	int wanted;

	va_start(ap, fmt);
	wanted = vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	if (wanted >= ERR_MSG_SIZE)
		memcpy(msg + ERR_MSG_SIZE - 4, "...", 4);
	e->code = code;
	memcpy(e->msg, msg, sizeof msg);
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
	char context[ERR_MSG_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context, sizeof context, fmt, ap);
	va_end(ap);
	return err_set(e, e->code, "%s: %s", context, e->msg);
}
