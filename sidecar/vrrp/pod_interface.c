/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/pod_interface.h"

#include <errno.h>
#include <ifaddrs.h>

#include "base/mem.h"
#include "net/sockaddr.h"

static bool has(const struct ifaddrs *one, const struct ipaddr *addr)
{
	struct ipaddr own;

	return sockaddr_get(&own, one->ifa_addr) && ipaddr_equal(&own, addr);
}

int pod_interface_of(char **ret_name, const struct ipaddr *addr, struct err *e)
{
	const struct ifaddrs *one;
	struct ifaddrs *all = NULL;
	char text[IPADDR_TEXT];

	if (getifaddrs(&all) < 0)
		return err_errno(e, errno, "reading the addresses of this pod");
	for (one = all; one && !has(one, addr); one = one->ifa_next)
		;
	if (one)
		*ret_name = xstrdup(one->ifa_name);
	freeifaddrs(all);
	return one ? 0
		   : err_set(e, ENOENT, "no interface of this pod has %s",
			     ipaddr_format(text, addr));
}
