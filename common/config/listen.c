/* SPDX-License-Identifier: Apache-2.0 */
#include "config/listen.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static int parse_address(struct ipaddr *ret, char *host, struct err *e)
{
	size_t len = strlen(host);

	if (strcmp(host, "pod") == 0) {
		*ret = (struct ipaddr){0};
		return 0;
	}
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
	} else if (strchr(host, ':')) {
		return err_set(e, EINVAL, "an IPv6 address needs brackets");
	}
	return ipaddr_parse(ret, host, e);
}

int listen_parse(struct listen *ret, const char *text, struct err *e)
{
	const char *colon = strrchr(text, ':');
	CLEANUP_FREE char *host = NULL;
	struct ipaddr addr;
	uint64_t port;
	int r;

	if (!colon)
		return err_set(e, EINVAL, "the port is missing");
	host = xasprintf("%.*s", (int)(colon - text), text);
	r = parse_address(&addr, host, e);
	if (r == 0)
		r = str_to_u64(&port, colon + 1, 1, UINT16_MAX, e);
	if (r < 0)
		return r;
	*ret = (struct listen){addr, (uint16_t)port};
	return 0;
}

static bool is_said(const char *value)
{
	return value && *value;
}

static int find_pod(struct ipaddr *ret, struct err *e)
{
	const char *one = getenv("POD_IP"), *all = getenv("POD_IPS");
	const char *text = is_said(one) ? one : all;
	CLEANUP_FREE char *first = NULL;
	int r;

	if (!is_said(text))
		return err_set(e, ENOENT,
			"the environment has neither POD_IP nor POD_IPS (status.podIP and "
			"status.podIPs "
			"of the downward API)");
	first = xasprintf("%.*s", (int)strcspn(text, ","), text);
	r = ipaddr_parse(ret, first, e);
	if (r == 0 && !ipaddr_is_unicast(ret))
		r = err_set(e, EINVAL, "%s is no address of a pod", first);
	return r < 0 ? err_wrap(e, "%s", is_said(one) ? "POD_IP" : "POD_IPS") : 0;
}

int listen_find(struct listen *ret, const char *key, const char *text, struct err *e)
{
	struct listen found = {0};
	int r = listen_parse(&found, text, e);

	if (r == 0 && !found.addr.family)
		r = find_pod(&found.addr, e);
	if (r < 0)
		return err_wrap(e, "%s %s", key, text);
	*ret = found;
	return 0;
}
