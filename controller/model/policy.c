/* SPDX-License-Identifier: Apache-2.0 */
#include "model/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "model/annotations.h"

enum { SECOND = 1000000 };

int policy_add_vip(struct policy *p, const char *text, struct err *e)
{
	struct ipaddr vip;
	int r;

	r = ipaddr_parse(&vip, text, e);
	if (r < 0)
		return r;
	if (!ipaddr_is_unicast(&vip))
		return err_set(
			e, EINVAL, "'%s' cannot be a VIP: it is not a unicast address", text);
	for (size_t i = 0; i < p->n_vips; i++)
		if (ipaddr_equal(&vip, &p->vips[i]))
			return 0;
	if (p->n_vips == LIMIT_VIPS)
		return err_set(e, EINVAL, "more than %d VIPs", LIMIT_VIPS);
	p->vips = xreallocarray(p->vips, p->n_vips + 1, sizeof *p->vips);
	p->vips[p->n_vips++] = vip;
	return 0;
}

static int parse_affinity(struct policy *p, const json_t *object, struct err *e)
{
	const char *affinity = "None";
	char quoted[STR_QUOTED_SIZE];
	uint64_t seconds = 10800;
	int r;

	r = jsonx_str(&affinity, object, "spec.sessionAffinity", e);
	if (r < 0 || strcmp(affinity, "None") == 0)
		return r;
	if (strcmp(affinity, "ClientIP") != 0)
		return err_set(e, EINVAL, "spec.sessionAffinity: %s is none of None, ClientIP",
			str_quote(quoted, affinity));
	r = jsonx_u64(&seconds, object, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", 1,
		86400, e);
	if (r < 0)
		return r;
	p->persistence = (uint32_t)seconds;
	return 0;
}

static int parse_load_balancer_ip(struct policy *p, const json_t *object, struct err *e)
{
	const char *text = "";
	int r;

	r = jsonx_str(&text, object, "spec.loadBalancerIP", e);
	if (r < 0 || !*text)
		return r;
	r = policy_add_vip(p, text, e);
	return r < 0 ? err_wrap(e, "spec.loadBalancerIP") : 0;
}

static int vip_cmp(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

static int parse(struct policy *p, const char **ret_reason, const json_t *object, bool has_tcp,
	struct err *e)
{
	int r;

	*ret_reason = "InvalidAnnotation";
	r = annotations_parse(p, object, has_tcp, e);
	if (r < 0)
		return r;
	*ret_reason = "InvalidSpec";
	r = parse_affinity(p, object, e);
	if (r >= 0)
		r = parse_load_balancer_ip(p, object, e);
	if (r < 0)
		return r;
	*ret_reason = "NoAddress";
	if (p->n_vips == 0)
		return err_set(e, EINVAL,
			"no VIP: set " KAGO_PREFIX
			"vip, such as \"10.1.1.1\" or \"10.1.1.1,fd00::1\"");
	qsort(p->vips, p->n_vips, sizeof *p->vips, vip_cmp);
	return 0;
}

int policy_parse(struct policy *ret, const char **ret_reason, const json_t *object, bool has_tcp,
	struct err *e)
{
	struct policy p = {
		.scheduler = SCHEDULER_MH,
		.check = {.type = CHECK_TCP, .interval = 5 * SECOND, .timeout = 3 * SECOND},
	};
	int r = parse(&p, ret_reason, object, has_tcp, e);

	if (r < 0) {
		policy_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void policy_done(struct policy *p)
{
	free(p->vips);
	free(p->check.path);
	*p = (struct policy){0};
}

static bool check_equal(const struct health_check *a, const struct health_check *b)
{
	const char *a_path = a->path ? a->path : "", *b_path = b->path ? b->path : "";

	return a->type == b->type && strcmp(a_path, b_path) == 0 && a->port == b->port &&
	       a->interval == b->interval && a->timeout == b->timeout;
}

bool policy_equal(const struct policy *a, const struct policy *b)
{
	if (a->n_vips != b->n_vips || a->scheduler != b->scheduler ||
		a->persistence != b->persistence || a->check_every_port != b->check_every_port)
		return false;
	for (size_t i = 0; i < a->n_vips; i++)
		if (!ipaddr_equal(&a->vips[i], &b->vips[i]))
			return false;
	return check_equal(&a->check, &b->check);
}

enum check_type policy_check_type(const struct policy *p, uint16_t protocol)
{
	return p->check_every_port || protocol == IPPROTO_TCP ? p->check.type : CHECK_NONE;
}
