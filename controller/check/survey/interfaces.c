/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fsutil.h"
#include "base/str.h"
#include "net/sockaddr.h"

enum { VALUE_MAX = 16, RP_FILTER_MAX = 2 };

static int read_rp_filter(const char *of)
{
	CLEANUP_FREE char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/rp_filter", of);
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	uint64_t value;
	size_t len;

	if (fs_read(&text, &len, path, VALUE_MAX, &e) < 0)
		return RP_FILTER_UNKNOWN;
	text[strcspn(text, "\n")] = '\0';
	return str_to_u64(&value, text, 0, RP_FILTER_MAX, &e) < 0 ? RP_FILTER_UNKNOWN : (int)value;
}

static unsigned mtu_of(const char *name)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFMTU, &request) < 0)
		return 0;
	return (unsigned)request.ifr_mtu;
}

static struct interface_fact *find(struct network_facts *n, const char *name)
{
	for (size_t i = 0; i < n->n_interfaces; i++)
		if (strcmp(n->interfaces[i].name, name) == 0)
			return &n->interfaces[i];
	return NULL;
}

static struct interface_fact *add(struct network_facts *n, const char *name)
{
	struct interface_fact *one;
	int own = read_rp_filter(name), all = read_rp_filter("all");

	n->interfaces = xreallocarray(n->interfaces, n->n_interfaces + 1, sizeof *one);
	one = &n->interfaces[n->n_interfaces++];
	*one = (struct interface_fact){
		.name = xstrdup(name),
		.mtu = mtu_of(name),
		.rp_filter = own > all ? own : all,
	};
	return one;
}

static void note(struct network_facts *n, const struct ifaddrs *a)
{
	struct interface_fact *one;
	struct ipaddr addr;

	if (!(a->ifa_flags & IFF_UP) || (a->ifa_flags & IFF_LOOPBACK) ||
		!sockaddr_get(&addr, a->ifa_addr) || !ipaddr_is_unicast(&addr))
		return;
	one = find(n, a->ifa_name);
	if (!one)
		one = add(n, a->ifa_name);
	one->ipv4 |= addr.family == AF_INET;
	one->ipv6 |= addr.family == AF_INET6;
}

static int by_name(const void *a, const void *b)
{
	const struct interface_fact *one = a, *other = b;

	return strcmp(one->name, other->name);
}

void interfaces_look(struct network_facts *ret)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		note(ret, a);
	freeifaddrs(all);
	if (ret->n_interfaces)
		qsort(ret->interfaces, ret->n_interfaces, sizeof *ret->interfaces, by_name);
}
