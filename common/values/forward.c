/* SPDX-License-Identifier: Apache-2.0 */
#include "values/forward.h"

#include <string.h>

#include "base/str.h"

static const char *const methods[] = {"nat", "tunnel", NULL};
static const char *const encapsulations[] = {"ipip", "gue", NULL};
static const char *const ends[] = {"nodes", "pods", NULL};

bool forward_equal(const struct forward *a, const struct forward *b)
{
	return a->method == b->method && a->encapsulation == b->encapsulation && a->port == b->port;
}

const char *forward_method_name(enum forward_method m)
{
	return methods[m];
}

int forward_method_parse(enum forward_method *ret, const char *text, struct err *e)
{
	unsigned choice;
	int r = str_choice(&choice, text, methods, e);

	if (r == 0)
		*ret = (enum forward_method)choice;
	return r;
}

const char *encapsulation_name(enum encapsulation c)
{
	return encapsulations[c];
}

int encapsulation_parse(enum encapsulation *ret, const char *text, struct err *e)
{
	unsigned choice;
	int r = str_choice(&choice, text, encapsulations, e);

	if (r == 0)
		*ret = (enum encapsulation)choice;
	return r;
}

const char *tunnel_to_name(enum tunnel_to to)
{
	return ends[to];
}

int tunnel_to_parse(enum tunnel_to *ret, const char *text, struct err *e)
{
	unsigned choice;
	int r = str_choice(&choice, text, ends, e);

	if (r == 0)
		*ret = (enum tunnel_to)choice;
	return r;
}

const char *forward_name(const struct forward *f)
{
	return f->method == FORWARD_NAT ? methods[FORWARD_NAT] : encapsulations[f->encapsulation];
}
