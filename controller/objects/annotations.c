/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/annotations.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "objects/route_options.h"
#include "objects/suggest.h"
#include "values/dns.h"

enum { SECOND = 1000000, CODE_MIN = 100, CODE_MAX = 599 };

static const char *const schedulers[] = {"rr", "wrr", "lc", "wlc", "sh", "mh", NULL};

const char *scheduler_name(enum scheduler s)
{
	return schedulers[s];
}

int annotation_text(const char **ret, const json_t *object, const char *key, struct err *e)
{
	json_t *all = NULL;
	const json_t *value;
	int r;

	r = jsonx_object(&all, object, "metadata.annotations", e);
	if (r < 0)
		return r;
	value = json_object_get(all, key);
	if (!value || json_is_null(value)) {
		*ret = value ? "" : NULL;
		return 0;
	}
	if (!json_is_string(value))
		return err_set(e, EINVAL, "%s: must be a string, not %s; put it in quotes", key,
			jsonx_type_name(value));
	if (json_string_length(value) > LIMIT_ANNOTATION)
		return err_set(e, EINVAL, "%s: longer than %d bytes", key, LIMIT_ANNOTATION);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return err_set(e, EINVAL, "%s: contains a NUL byte", key);
	*ret = json_string_value(value);
	return 0;
}

static int parse_scheduler(struct policy *p, const char *text, struct err *e)
{
	unsigned choice = 0;
	int r = str_choice(&choice, text, schedulers, e);

	if (r < 0)
		return r;
	p->scheduler = (enum scheduler)choice;
	p->scheduler_is_asked = true;
	return 0;
}

static int parse_forward(struct policy *p, const char *text, struct err *e)
{
	p->forward_is_asked = true;
	return forward_method_parse(&p->forward, text, e);
}

static int parse_tunnel(struct policy *p, const char *text, struct err *e)
{
	p->encapsulation_is_asked = true;
	return encapsulation_parse(&p->encapsulation, text, e);
}

static int parse_tunnel_to(struct policy *p, const char *text, struct err *e)
{
	return tunnel_to_parse(&p->tunnel_to, text, e);
}

static int parse_check(struct policy *p, const char *text, struct err *e)
{
	unsigned choice = 0;
	int r = str_choice(&choice, text, health_check_types, e);

	if (r < 0)
		return r;
	p->check.type = (enum check_type)choice;
	p->check_every_port = true;
	return 0;
}

static int parse_path(struct policy *p, const char *text, struct err *e)
{
	static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				  "/_.~%?=&-";
	char quoted[STR_QUOTED_SIZE];

	if (text[0] != '/')
		return err_set(e, EINVAL, "%s does not start with '/'", str_quote(quoted, text));
	if (strlen(text) > LIMIT_HTTP_PATH)
		return err_set(e, EINVAL, "longer than %d bytes", LIMIT_HTTP_PATH);
	if (text[strspn(text, fit)])
		return err_set(e, EINVAL,
			"%s has other characters than A-Z a-z 0-9 / _ . ~ %% ? = & -",
			str_quote(quoted, text));
	free(p->check.path);
	p->check.path = xstrdup(text);
	return 0;
}

static int parse_host(struct policy *p, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if (!dns_subdomain_valid(text))
		return err_set(e, EINVAL, "%s is not a DNS name", str_quote(quoted, text));
	free(p->check.host);
	p->check.host = xstrdup(text);
	return 0;
}

/* "200" or "200-399", as a range. */
static int parse_code(uint64_t *ret_first, uint64_t *ret_last, char *text, struct err *e)
{
	char *dash = strchr(text, '-');
	int r;

	if (dash)
		*dash++ = '\0';
	r = str_to_u64(ret_first, text, CODE_MIN, CODE_MAX, e);
	return r < 0 ? r : str_to_u64(ret_last, dash ? dash : text, *ret_first, CODE_MAX, e);
}

static int parse_codes(struct policy *p, const char *text, struct err *e)
{
	CLEANUP_FREE char *copy = xstrdup(text), *codes = xstrdup("");
	char *rest = copy, *item;

	for (unsigned n = 0; (item = strsep(&rest, ",")); n++) {
		uint64_t first, last;
		char *longer;
		int r = parse_code(&first, &last, item + strspn(item, " "), e);

		if (r < 0)
			return r;
		if (n == LIMIT_HTTP_CODES)
			return err_set(e, EINVAL, "more than %d", LIMIT_HTTP_CODES);
		longer = first == last ? xasprintf("%s%s%" PRIu64, codes, n ? " " : "", first)
				       : xasprintf("%s%s%" PRIu64 "-%" PRIu64, codes, n ? " " : "",
						 first, last);
		free(codes);
		codes = longer;
	}
	free(p->check.codes);
	p->check.codes = steal(codes);
	return 0;
}

static int parse_port(struct policy *p, const char *text, struct err *e)
{
	uint64_t port;
	int r = str_to_u64(&port, text, 1, UINT16_MAX, e);

	if (r < 0)
		return r;
	p->check.port = (uint16_t)port;
	return 0;
}

static int parse_seconds(uint64_t *ret, const char *text, uint64_t max, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	uint64_t usec;
	int r = str_to_usec(&usec, text, SECOND, max * SECOND, e);

	if (r < 0)
		return r;
	if (usec % SECOND != 0)
		return err_set(
			e, EINVAL, "%s is not a whole number of seconds", str_quote(quoted, text));
	*ret = usec;
	return 0;
}

static int parse_interval(struct policy *p, const char *text, struct err *e)
{
	return parse_seconds(&p->check.interval, text, 3600, e);
}

static int parse_timeout(struct policy *p, const char *text, struct err *e)
{
	return parse_seconds(&p->check.timeout, text, 60, e);
}

/* What an annotation is good for. */
enum needs { NEEDS_NOTHING, NEEDS_CHECK, NEEDS_HTTP, NEEDS_NO_SCTP, NEEDS_TUNNEL };

static const struct option {
	const char *key;
	int (*parse)(struct policy *p, const char *text, struct err *e); /* NULL: others do */
	enum needs needs;
} options[] = {
	{"fleet", NULL, NEEDS_NOTHING},
	{"vip", NULL, NEEDS_NOTHING},
	{"pool", NULL, NEEDS_NOTHING},
	{"share", NULL, NEEDS_NOTHING},
	{"scheduler", parse_scheduler, NEEDS_NOTHING},
	{"forward", parse_forward, NEEDS_NO_SCTP},
	{"tunnel", parse_tunnel, NEEDS_TUNNEL},
	{"tunnel-to", parse_tunnel_to, NEEDS_TUNNEL},
	{"bgp-communities", route_options_communities, NEEDS_NOTHING},
	{"bgp-local-preference", route_options_local_preference, NEEDS_NOTHING},
	{"bgp-med", route_options_med, NEEDS_NOTHING},
	{"bgp-as-path-prepend", route_options_prepend, NEEDS_NOTHING},
	{"bgp-peers", route_options_peers, NEEDS_NOTHING},
	{"health-check", parse_check, NEEDS_NOTHING},
	{"health-check-path", parse_path, NEEDS_HTTP},
	{"health-check-host", parse_host, NEEDS_HTTP},
	{"health-check-codes", parse_codes, NEEDS_HTTP},
	{"health-check-port", parse_port, NEEDS_CHECK},
	{"health-check-interval", parse_interval, NEEDS_CHECK},
	{"health-check-timeout", parse_timeout, NEEDS_CHECK},
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

/* An annotation that nothing would heed is a mistake, so it is refused. */
static int check_needs(
	const struct option *option, const struct policy *p, struct protocols has, struct err *e)
{
	if (option->needs == NEEDS_HTTP && !health_check_is_http(&p->check))
		return err_set(e, EINVAL,
			KAGO_PREFIX "%s: only for " KAGO_PREFIX "health-check: http or https",
			option->key);
	if (option->needs == NEEDS_CHECK && p->check.type == CHECK_NONE)
		return err_set(e, EINVAL,
			KAGO_PREFIX "%s: of no use with " KAGO_PREFIX "health-check: none",
			option->key);
	if (option->needs == NEEDS_CHECK && !p->check_every_port && !has.tcp)
		return err_set(e, EINVAL,
			KAGO_PREFIX "%s: no port of this Service is checked; set " KAGO_PREFIX
				    "health-check",
			option->key);
	if (option->needs == NEEDS_TUNNEL && p->forward_is_asked && p->forward == FORWARD_NAT)
		return err_set(e, EINVAL,
			KAGO_PREFIX "%s: of no use with " KAGO_PREFIX "forward: nat", option->key);
	if (option->needs == NEEDS_NO_SCTP && p->forward == FORWARD_TUNNEL && has.sctp)
		return err_set(e, EINVAL,
			KAGO_PREFIX "%s: 'tunnel' carries TCP and UDP, and this Service has an "
				    "SCTP port; use nat",
			option->key);
	return 0;
}

static int parse_option(const struct option *option, struct policy *p, const json_t *object,
	struct protocols has, struct err *e)
{
	char key[64];
	const char *text = NULL;
	int r;

	if (!option->parse)
		return 0;
	snprintf(key, sizeof key, KAGO_PREFIX "%s", option->key);
	r = annotation_text(&text, object, key, e);
	if (r < 0 || !text)
		return r;
	r = option->parse(p, text, e);
	if (r < 0)
		return err_wrap(e, KAGO_PREFIX "%s", option->key);
	return check_needs(option, p, has, e);
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strcmp(key + strlen(KAGO_PREFIX), options[i].key) == 0)
			return true;
	return false;
}

/* Of several unknown ones the first by name is reported, in whatever order they come. */
static int refuse_unknown(json_t *annotations, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	const char *known[N_OPTIONS], *key, *worst = NULL, *near;
	json_t *value;

	for (size_t i = 0; i < N_OPTIONS; i++)
		known[i] = options[i].key;
	json_object_foreach(annotations, key, value)
		if (str_has_prefix(key, KAGO_PREFIX) && !is_known(key) &&
			(!worst || strcmp(key, worst) < 0))
			worst = key;
	if (!worst)
		return 0;
	near = suggest_nearest(worst + strlen(KAGO_PREFIX), known, N_OPTIONS);
	return err_set(e, EINVAL, "%s is no annotation of kago%s%s%s", str_quote(quoted, worst),
		near ? "; did you mean " KAGO_PREFIX : "", near ? near : "", near ? "?" : "");
}

static void set_http_defaults(struct health_check *check)
{
	if (!check->path)
		check->path = xstrdup("/");
	if (!check->codes)
		check->codes = xstrdup("200-399");
}

int annotations_parse(struct policy *p, const json_t *object, struct protocols has, struct err *e)
{
	json_t *annotations = NULL;
	int r;

	r = jsonx_object(&annotations, object, "metadata.annotations", e);
	if (r < 0)
		return r;
	r = refuse_unknown(annotations, e);
	for (size_t i = 0; r >= 0 && i < N_OPTIONS; i++)
		r = parse_option(&options[i], p, object, has, e);
	if (r >= 0 && health_check_is_http(&p->check))
		set_http_defaults(&p->check);
	return r;
}
