/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "fuzz.h"
#include "objects/annotations.h"
#include "objects/policy.h"
#include "objects/wish.h"

/* Each line of the input is an annotation: KEY=VALUE, without the prefix of the key if it is ours.
 */
static json_t *service_of(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	json_t *annotations = json_object();
	char *rest = text, *line;

	if (len)
		memcpy(text, data, len);
	while ((line = strsep(&rest, "\n"))) {
		CLEANUP_FREE char *key = NULL;
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		key = xasprintf("%s%s", strchr(line, '/') ? "" : KAGO_PREFIX, line);
		json_object_set_new(annotations, key, json_string(value));
	}
	return json_pack("{s:{s:o}}", "metadata", "annotations", annotations);
}

static void check_refusal(const struct err *e, enum reason reason)
{
	FUZZ_CHECK(e->code == EINVAL && e->msg[0] && reason_name(reason));
	for (const char *c = e->msg; *c; c++)
		FUZZ_CHECK(*c >= 0x20 && *c < 0x7f);
}

/* What keepalived.conf would need quotes for, or take for something else. */
static bool is_plain(const char *text, const char *more)
{
	CLEANUP_FREE char *odd = xasprintf("%s\t\r\n{}!#$@\"'\\`<>|;", more);

	return !strpbrk(text, odd);
}

static void check_health_check(const struct health_check *check)
{
	FUZZ_CHECK(health_check_is_http(check) == (check->path != NULL));
	FUZZ_CHECK(health_check_is_http(check) == (check->codes != NULL));
	FUZZ_CHECK(health_check_is_http(check) || !check->host);
	FUZZ_CHECK(!check->path || (check->path[0] == '/' && strlen(check->path) <= 255));
	FUZZ_CHECK(!check->path || is_plain(check->path, " "));
	FUZZ_CHECK(!check->codes || (is_plain(check->codes, "") && strlen(check->codes) < 200));
	FUZZ_CHECK(!check->host || (is_plain(check->host, " ") && strlen(check->host) <= 253));
}

static void check_policy(const struct policy *p)
{
	check_health_check(&p->check);
	FUZZ_CHECK(p->check.interval >= 1000000 && p->check.interval <= 3600000000);
	FUZZ_CHECK(p->check.timeout >= 1000000 && p->check.timeout <= 60000000);
	FUZZ_CHECK(p->check.interval % 1000000 == 0 && p->check.timeout % 1000000 == 0);
	FUZZ_CHECK(scheduler_name(p->scheduler));
	FUZZ_CHECK(policy_equal(p, p));
	for (size_t i = 1; i < p->sources.n_nets; i++) {
		FUZZ_CHECK(ipnet_cmp(&p->sources.nets[i - 1], &p->sources.nets[i]) < 0);
		FUZZ_CHECK(!ipnet_contains(&p->sources.nets[i - 1], &p->sources.nets[i].addr));
	}
}

static void check_wish(const struct wish *w)
{
	for (size_t i = 0; i < w->n_vips; i++) {
		FUZZ_CHECK(ipaddr_is_unicast(&w->vips[i]));
		FUZZ_CHECK(i == 0 || ipaddr_cmp(&w->vips[i - 1], &w->vips[i]) < 0);
	}
	FUZZ_CHECK(!w->pool || (w->pool[0] && strlen(w->pool) <= 253));
	FUZZ_CHECK(!w->share || (w->share[0] && strlen(w->share) <= LIMIT_ANNOTATION));
	FUZZ_CHECK(w->n_needed >= 1 && w->n_needed <= w->n_wanted);
	FUZZ_CHECK(w->n_wanted <= w->n_families && w->n_families <= 2);
	FUZZ_CHECK(wish_equal(w, w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	json_auto_t *service = service_of(data, len);
	const struct protocols has = {.tcp = len % 2 == 0, .sctp = len % 4 > 1};
	enum reason reason = REASON_NONE;
	struct policy p;
	struct wish w;
	struct err e = {0};

	if (policy_parse(&p, &reason, service, has, &e) < 0) {
		check_refusal(&e, reason);
	} else {
		check_policy(&p);
		policy_done(&p);
	}
	if (wish_parse(&w, &reason, service, &e) < 0) {
		check_refusal(&e, reason);
	} else {
		check_wish(&w);
		wish_done(&w);
	}
	return 0;
}
