/* SPDX-License-Identifier: Apache-2.0 */
#include "node/claim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/abstract.h"
#include "base/str.h"

static const char name_prefix[] = "kago-route-";

struct claim claim_plain(uint32_t metric)
{
	struct claim c = {.metric = metric};

	snprintf(c.name, sizeof c.name, "%s%u", name_prefix, metric);
	return c;
}

static int with_suffix(struct claim *ret, uint32_t metric, struct err *e)
{
	uint64_t suffix;

	if (getrandom(&suffix, sizeof suffix, GRND_NONBLOCK) != sizeof suffix)
		return err_set(e, EAGAIN, "the kernel has no random numbers yet");
	*ret = (struct claim){.metric = metric};
	snprintf(ret->name, sizeof ret->name, "%s%u.%016" PRIx64, name_prefix, metric, suffix);
	return 0;
}

uint32_t claim_metric(const char *name)
{
	char digits[sizeof "4294967295"] = "";
	struct err e = {0};
	uint64_t metric;
	size_t len;

	if (!str_has_prefix(name, name_prefix))
		return 0;
	name += sizeof name_prefix - 1;
	len = strcspn(name, ".");
	if (len >= sizeof digits)
		return 0;
	memcpy(digits, name, len);
	return str_to_u64(&metric, digits, CLAIM_MIN, CLAIM_MAX, &e) < 0 ? 0 : (uint32_t)metric;
}

int claim_bind(struct claim *ret, int fd, uint32_t metric, bool may_suffix, struct err *e)
{
	struct claim c = claim_plain(metric);
	int r = abstract_bind(fd, c.name, e);

	if (r == -EADDRINUSE && may_suffix) {
		r = with_suffix(&c, metric, e);
		if (r == 0)
			r = abstract_bind(fd, c.name, e);
	}
	if (r == 0)
		*ret = c;
	return r;
}
