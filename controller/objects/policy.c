/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "objects/annotations.h"

enum { SECOND = 1000000 };

static int parse_affinity(struct policy *p, const json_t *object, struct err *e)
{
	const char *affinity = "None";
	char quoted[STR_QUOTED_SIZE];
	uint64_t seconds = 10800;
	int r;

	r = jsonx_str(&affinity, object, "spec.sessionAffinity", e);
	/* The API server puts the default in the place of "". */
	if (r < 0 || !*affinity || strcmp(affinity, "None") == 0)
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

static int parse(struct policy *p, enum reason *ret_reason, const json_t *object,
	struct protocols has, struct err *e)
{
	int r;

	*ret_reason = REASON_INVALID_ANNOTATION;
	r = annotations_parse(p, object, has, e);
	if (r < 0)
		return r;
	*ret_reason = REASON_INVALID_SPEC;
	r = parse_affinity(p, object, e);
	if (r >= 0)
		r = source_ranges_parse(&p->sources, object, e);
	return r;
}

int policy_parse(struct policy *ret, enum reason *ret_reason, const json_t *object,
	struct protocols has, struct err *e)
{
	struct policy p = {
		.scheduler = SCHEDULER_MH,
		.check = {.type = CHECK_TCP, .interval = 5 * SECOND, .timeout = 3 * SECOND},
	};
	int r = parse(&p, ret_reason, object, has, e);

	if (r < 0) {
		policy_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void policy_done(struct policy *p)
{
	health_check_done(&p->check);
	source_ranges_done(&p->sources);
	attributes_unref(p->route);
	*p = (struct policy){0};
}

bool policy_equal(const struct policy *a, const struct policy *b)
{
	return a->scheduler == b->scheduler && a->scheduler_is_asked == b->scheduler_is_asked &&
	       a->forward == b->forward && a->forward_is_asked == b->forward_is_asked &&
	       a->encapsulation == b->encapsulation &&
	       a->encapsulation_is_asked == b->encapsulation_is_asked &&
	       a->tunnel_to == b->tunnel_to && a->persistence == b->persistence &&
	       a->check_every_port == b->check_every_port &&
	       health_check_equal(&a->check, &b->check) &&
	       source_ranges_equal(&a->sources, &b->sources) &&
	       attributes_equal(a->route, b->route);
}

enum check_type policy_check_type(const struct policy *p, uint16_t protocol)
{
	return p->check_every_port || protocol == IPPROTO_TCP ? p->check.type : CHECK_NONE;
}
