/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "values/dns.h"

void objname_init(struct objname *ret, const char *ns, const char *name)
{
	size_t ns_size = strlen(ns) + 1, name_size = strlen(name) + 1;

	ret->len = ns_size + name_size;
	ret->ns = xcalloc(ret->len, 1);
	ret->name = ret->ns + ns_size;
	memcpy(ret->ns, ns, ns_size);
	memcpy(ret->name, name, name_size);
}

void objname_done(struct objname *n)
{
	free(n->ns);
	*n = (struct objname){0};
}

int objname_decode(struct objname *ret, const json_t *object, struct err *e)
{
	const char *ns = "default", *name;
	char quoted[STR_QUOTED_SIZE];
	int r;

	r = jsonx_need_str(&name, object, "metadata.name", e);
	if (r < 0)
		return r;
	r = jsonx_str(&ns, object, "metadata.namespace", e);
	if (r < 0)
		return r;
	if (!dns_subdomain_valid(name))
		return err_set(e, EINVAL, "metadata.name: %s is not a name (RFC 1123)",
			str_quote(quoted, name));
	if (!dns_label_valid(ns))
		return err_set(e, EINVAL, "metadata.namespace: %s is not a namespace (RFC 1123)",
			str_quote(quoted, ns));
	objname_init(ret, ns, name);
	return 0;
}

int objname_cmp(const struct objname *a, const struct objname *b)
{
	int order = strcmp(a->ns, b->ns);

	return order ? order : strcmp(a->name, b->name);
}
