/* SPDX-License-Identifier: Apache-2.0 */
#include "values/forward.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

static const char *const methods[] = {"nat", "tunnel"};
static const char *const encapsulations[] = {"ipip", "gue"};
static const char *const ends[] = {"nodes", "pods"};

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
	char quoted[STR_QUOTED_SIZE];

	for (enum forward_method m = FORWARD_NAT; m <= FORWARD_TUNNEL; m++) {
		if (strcmp(text, methods[m]) != 0)
			continue;
		*ret = m;
		return 0;
	}
	return err_set(e, EINVAL, "%s is none of nat, tunnel", str_quote(quoted, text));
}

const char *encapsulation_name(enum encapsulation c)
{
	return encapsulations[c];
}

int encapsulation_parse(enum encapsulation *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	for (enum encapsulation c = ENCAPSULATION_IPIP; c <= ENCAPSULATION_GUE; c++) {
		if (strcmp(text, encapsulations[c]) != 0)
			continue;
		*ret = c;
		return 0;
	}
	return err_set(e, EINVAL, "%s is none of ipip, gue", str_quote(quoted, text));
}

const char *tunnel_to_name(enum tunnel_to to)
{
	return ends[to];
}

int tunnel_to_parse(enum tunnel_to *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	for (enum tunnel_to to = TUNNEL_TO_NODES; to <= TUNNEL_TO_PODS; to++) {
		if (strcmp(text, ends[to]) != 0)
			continue;
		*ret = to;
		return 0;
	}
	return err_set(e, EINVAL, "%s is none of nodes, pods", str_quote(quoted, text));
}

const char *forward_name(const struct forward *f)
{
	return f->method == FORWARD_NAT ? methods[FORWARD_NAT] : encapsulations[f->encapsulation];
}
