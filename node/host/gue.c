/* SPDX-License-Identifier: Apache-2.0 */
#include "host/gue.h"

#include <errno.h>
#include <linux/fou.h>
#include <linux/genetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "table/script.h"
#include "values/ipaddr.h"

static struct ipaddr address_of(int family)
{
	struct ipaddr a = {0};
	struct err unused = {0};

	ipaddr_parse(&a, script_address(family), &unused);
	return a;
}

static void on_family(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[CTRL_ATTR_MAX + 1] = {0};
	int *type = ud;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, GENL_HDRLEN, parts, CTRL_ATTR_MAX, NULL) ==
			0 &&
		parts[CTRL_ATTR_FAMILY_ID])
		*type = nla_get_u16(parts[CTRL_ATTR_FAMILY_ID]);
}

/* The type of messages about it. Asking loads the module. */
static int type_of(int *ret, struct netlink *n, struct err *e)
{
	const struct genlmsghdr header = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	struct nl_msg *m = netlink_msg(GENL_ID_CTRL, 0, &header, sizeof header);
	int r;

	*ret = 0;
	netlink_put_text(m, CTRL_ATTR_FAMILY_NAME, FOU_GENL_NAME);
	r = netlink_ask(n, m, on_family, ret, e);
	if (r == -ENOENT || (r == 0 && *ret == 0))
		return err_set(e, ENOENT, "the kernel has no GUE: modprobe fou on the node");
	return r;
}

static struct nl_msg *request(int type, uint8_t command, int flags)
{
	const struct genlmsghdr header = {.cmd = command, .version = FOU_GENL_VERSION};

	return netlink_msg(type, flags, &header, sizeof header);
}

/* The same says which one it is about, and makes it. */
static int command(
	struct netlink *n, int type, uint8_t what, int family, uint16_t port, struct err *e)
{
	struct nl_msg *m = request(type, what, NLM_F_ACK);
	const uint8_t af = (uint8_t)family, kind = FOU_ENCAP_GUE;
	const struct ipaddr local = address_of(family);
	const uint16_t number = htons(port);

	netlink_put(m, FOU_ATTR_PORT, &number, sizeof number);
	netlink_put(m, FOU_ATTR_AF, &af, sizeof af);
	netlink_put(m, FOU_ATTR_TYPE, &kind, sizeof kind);
	netlink_put(m, family == AF_INET ? FOU_ATTR_LOCAL_V4 : FOU_ATTR_LOCAL_V6, local.bytes,
		ipaddr_bits(&local) / 8);
	return netlink_ask(n, m, NULL, NULL, e);
}

struct found {
	int family;
	struct ipaddr local;
	uint16_t port;
};

static void on_port(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[FOU_ATTR_MAX + 1] = {0}, *local;
	struct found *f = ud;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, GENL_HDRLEN, parts, FOU_ATTR_MAX, NULL) <
			0 ||
		!parts[FOU_ATTR_AF] || nla_get_u8(parts[FOU_ATTR_AF]) != f->family)
		return;
	local = parts[f->family == AF_INET ? FOU_ATTR_LOCAL_V4 : FOU_ATTR_LOCAL_V6];
	if (local && parts[FOU_ATTR_PORT] && parts[FOU_ATTR_TYPE] &&
		nla_get_u8(parts[FOU_ATTR_TYPE]) == FOU_ENCAP_GUE &&
		(size_t)nla_len(local) == ipaddr_bits(&f->local) / 8 &&
		memcmp(nla_data(local), f->local.bytes, (size_t)nla_len(local)) == 0)
		f->port = ntohs(nla_get_u16(parts[FOU_ATTR_PORT]));
}

static int look(uint16_t *ret, struct netlink *n, int type, int family, struct err *e)
{
	struct found f = {.family = family, .local = address_of(family)};
	int r = netlink_ask(n, request(type, FOU_CMD_GET, NLM_F_DUMP), on_port, &f, e);

	if (r == 0)
		*ret = f.port;
	return r;
}

static int ensure(bool *ret_changed, struct netlink *n, int family, uint16_t port, struct err *e)
{
	uint16_t is = 0;
	int type, r = type_of(&type, n, e);

	*ret_changed = false;
	if (r == 0)
		r = look(&is, n, type, family, e);
	if (r < 0 || is == port)
		return r;
	*ret_changed = true;
	if (is)
		r = command(n, type, FOU_CMD_DEL, family, is, e);
	return r < 0 ? r : command(n, type, FOU_CMD_ADD, family, port, e);
}

int gue_ensure(bool *ret_changed, struct netlink *n, int family, uint16_t port, struct err *e)
{
	int r = ensure(ret_changed, n, family, port, e);

	return r < 0 ? err_wrap(e, "opening UDP port %u of %s for GUE", port, script_device(family))
		     : 0;
}

int gue_look(uint16_t *ret, struct netlink *n, int family, struct err *e)
{
	int type, r = type_of(&type, n, e);

	*ret = 0;
	if (r == -ENOENT) {
		*e = (struct err){0};
		return 0;
	}
	return r < 0 ? r : look(ret, n, type, family, e);
}

int gue_remove(struct netlink *n, int family, struct err *e)
{
	uint16_t port = 0;
	int type, r = type_of(&type, n, e);

	if (r == -ENOENT) {
		*e = (struct err){0};
		return 0;
	}
	if (r == 0)
		r = look(&port, n, type, family, e);
	if (r == 0 && port)
		r = command(n, type, FOU_CMD_DEL, family, port, e);
	return r < 0 ? err_wrap(e, "closing the GUE port of %s", script_device(family)) : 0;
}
