/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/wish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "objects/annotations.h"
#include "values/dns.h"

enum { N_KEYS = 3, SHARE_MAX = 63 };

const char *wish_family_name(int family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

static int vip_cmp(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

static int add_vip(struct wish *w, const char *text, struct err *e)
{
	struct ipaddr vip;
	int r;

	r = ipaddr_parse(&vip, text, e);
	if (r < 0)
		return r;
	if (!ipaddr_is_unicast(&vip))
		return err_set(
			e, EINVAL, "'%s' cannot be a VIP: it is not a unicast address", text);
	if (ipaddrs_have(w->vips, w->n_vips, &vip))
		return 0;
	if (w->n_vips == LIMIT_VIPS)
		return err_set(e, EINVAL, "more than %d VIPs", LIMIT_VIPS);
	w->vips = xreallocarray(w->vips, w->n_vips + 1, sizeof *w->vips);
	w->vips[w->n_vips++] = vip;
	qsort(w->vips, w->n_vips, sizeof *w->vips, vip_cmp);
	return 0;
}

static int parse_vips(struct wish *w, const char *text, struct err *e)
{
	CLEANUP_FREE char *copy = xstrdup(text);
	char *rest = copy, *item;

	while ((item = strsep(&rest, ","))) {
		int r;

		item += strspn(item, " ");
		for (size_t len = strlen(item); len && item[len - 1] == ' '; len--)
			item[len - 1] = '\0';
		r = add_vip(w, item, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool same_vips(const struct wish *a, const struct wish *b)
{
	return ipaddrs_equal(a->vips, a->n_vips, b->vips, b->n_vips);
}

static int parse_pool(struct wish *w, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if (!dns_subdomain_valid(text))
		return err_set(e, EINVAL, "%s is not the name of a pool, a DNS name",
			str_quote(quoted, text));
	w->pool = xstrdup(text);
	return 0;
}

static int parse_share(struct wish *w, const char *text, struct err *e)
{
	static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				  "._-";
	char quoted[STR_QUOTED_SIZE];

	if (!*text || strlen(text) > SHARE_MAX || text[strspn(text, fit)])
		return err_set(e, EINVAL, "%s is not 1 to %d of A-Z a-z 0-9 . _ -",
			str_quote(quoted, text), SHARE_MAX);
	w->share = xstrdup(text);
	return 0;
}

/* MetalLB takes any text for a key, which is compared and never printed. */
static int parse_any_share(struct wish *w, const char *text, struct err *e)
{
	(void)e;
	w->share = xstrdup(text);
	return 0;
}

static bool same_pool(const struct wish *a, const struct wish *b)
{
	return str_equal(a->pool, b->pool);
}

static bool same_share(const struct wish *a, const struct wish *b)
{
	return str_equal(a->share, b->share);
}

/* What can be said in several ways: ours, MetalLB's, and MetalLB's of old. */
static const struct term {
	const char *keys[N_KEYS];
	int (*parse)(struct wish *w, const char *text, struct err *e);
	int (*parse_theirs)(struct wish *w, const char *text, struct err *e);
	bool (*same)(const struct wish *a, const struct wish *b);
} terms[] = {
	{{KAGO_PREFIX "vip", "metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"},
		parse_vips, parse_vips, same_vips},
	{{KAGO_PREFIX "pool", "metallb.io/address-pool", "metallb.universe.tf/address-pool"},
		parse_pool, parse_pool, same_pool},
	{{KAGO_PREFIX "share", "metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"},
		parse_share, parse_any_share, same_share},
};

static int parse_value(
	struct wish *w, const struct term *t, size_t key, const char *text, struct err *e)
{
	return key == 0 ? t->parse(w, text, e) : t->parse_theirs(w, text, e);
}

/* A value that comes after another one for the same thing. */
static int compare(
	const struct wish *w, const struct term *t, size_t key, const char *text, struct err *e)
{
	struct wish other = {0};
	int r = parse_value(&other, t, key, text, e);

	if (r >= 0 && !t->same(w, &other))
		r = -EEXIST;
	wish_done(&other);
	return r;
}

static char *trimmed(const char *text)
{
	static const char blanks[] = " \t\r\n";
	char *copy = xstrdup(text + strspn(text, blanks));

	for (size_t len = strlen(copy); len && strchr(blanks, copy[len - 1]); len--)
		copy[len - 1] = '\0';
	return copy;
}

/* The value of an annotation; NULL in *ret_text: it says nothing. The caller frees it. */
static int read_value(
	char **ret_text, const json_t *object, const char *key, bool is_theirs, struct err *e)
{
	const char *text;
	int r = annotation_text(&text, object, key, e);

	*ret_text = NULL;
	if (r < 0 || !text)
		return r;
	*ret_text = is_theirs ? trimmed(text) : xstrdup(text);
	/* To MetalLB an empty one is as good as none. */
	if (is_theirs && !**ret_text) {
		free(*ret_text);
		*ret_text = NULL;
	}
	return 0;
}

static int parse_term(struct wish *w, const struct term *t, const json_t *object, struct err *e)
{
	char quoted[STR_QUOTED_SIZE] = "", other[STR_QUOTED_SIZE];
	const char *first_key = NULL;

	for (size_t i = 0; i < N_KEYS; i++) {
		CLEANUP_FREE char *text = NULL;
		int r = read_value(&text, object, t->keys[i], i > 0, e);

		if (r < 0)
			return r;
		if (!text)
			continue;
		r = first_key ? compare(w, t, i, text, e) : parse_value(w, t, i, text, e);
		if (r == -EEXIST)
			return err_set(e, EINVAL,
				"%s: %s is not what %s says, %s; remove one of them", first_key,
				quoted, t->keys[i], str_quote(other, text));
		if (r < 0)
			return err_wrap(e, "%s", t->keys[i]);
		if (!first_key)
			str_quote(quoted, text);
		first_key = first_key ? first_key : t->keys[i];
	}
	return 0;
}

static int parse_load_balancer_ip(struct wish *w, const json_t *object, struct err *e)
{
	const char *text = "";
	int r;

	r = jsonx_str(&text, object, "spec.loadBalancerIP", e);
	if (r < 0 || !*text)
		return r;
	r = add_vip(w, text, e);
	return r < 0 ? err_wrap(e, "spec.loadBalancerIP") : 0;
}

static int parse_family(int *ret, const json_t *item, struct err *e)
{
	const char *name = json_string_value(item);
	char quoted[STR_QUOTED_SIZE];

	if (!name)
		return err_set(e, EINVAL, "must be a string, not %s", jsonx_type_name(item));
	if (strcmp(name, "IPv4") != 0 && strcmp(name, "IPv6") != 0)
		return err_set(e, EINVAL, "%s is neither IPv4 nor IPv6", str_quote(quoted, name));
	*ret = strcmp(name, "IPv4") == 0 ? AF_INET : AF_INET6;
	return 0;
}

static int parse_families(struct wish *w, const json_t *object, struct err *e)
{
	json_t *list = NULL;
	const json_t *item;
	size_t i;
	int r;

	r = jsonx_array(&list, object, "spec.ipFamilies", e);
	if (r < 0)
		return r;
	if (json_array_size(list) > 2)
		return err_set(e, EINVAL, "spec.ipFamilies: more than 2");
	json_array_foreach(list, i, item) {
		if (parse_family(&w->families[i], item, e) < 0)
			return err_wrap(e, "spec.ipFamilies[%zu]", i);
		w->n_families++;
	}
	if (w->n_families == 2 && w->families[0] == w->families[1])
		return err_set(e, EINVAL, "spec.ipFamilies: %s is there twice",
			wish_family_name(w->families[0]));
	return 0;
}

static bool has_family(const struct wish *w, int family)
{
	for (unsigned i = 0; i < w->n_families; i++)
		if (w->families[i] == family)
			return true;
	return false;
}

static int check_families(const struct wish *w, struct err *e)
{
	char vip[IPADDR_TEXT];

	for (size_t i = 0; w->n_families && i < w->n_vips; i++)
		if (!has_family(w, w->vips[i].family))
			return err_set(e, EINVAL,
				"spec.ipFamilies: has only %s, but the VIP %s is %s",
				wish_family_name(w->families[0]), ipaddr_format(vip, &w->vips[i]),
				wish_family_name(w->vips[i].family));
	return 0;
}

/* Adds the families that are not there. */
static void complete_families(struct wish *w)
{
	if (!has_family(w, AF_INET))
		w->families[w->n_families++] = AF_INET;
	if (!has_family(w, AF_INET6))
		w->families[w->n_families++] = AF_INET6;
}

static int parse_policy(struct wish *w, const json_t *object, struct err *e)
{
	const char *policy = "SingleStack";
	char quoted[STR_QUOTED_SIZE];
	int r;

	r = jsonx_str(&policy, object, "spec.ipFamilyPolicy", e);
	if (r < 0)
		return r;
	w->n_wanted = w->n_needed = 1;
	if (strcmp(policy, "SingleStack") == 0) {
		if (w->n_families)
			w->n_families = 1;
		else
			complete_families(w);
	} else if (strcmp(policy, "PreferDualStack") == 0) {
		if (!w->n_families)
			complete_families(w);
		w->n_wanted = w->n_families;
	} else if (strcmp(policy, "RequireDualStack") == 0) {
		complete_families(w);
		w->n_wanted = w->n_needed = 2;
	} else {
		return err_set(e, EINVAL,
			"spec.ipFamilyPolicy: %s is none of SingleStack, PreferDualStack, "
			"RequireDualStack",
			str_quote(quoted, policy));
	}
	return 0;
}

static int parse_spec(struct wish *w, const json_t *object, struct err *e)
{
	int r = parse_load_balancer_ip(w, object, e);

	if (r >= 0)
		r = parse_families(w, object, e);
	if (r >= 0)
		r = check_families(w, e);
	if (r >= 0)
		r = parse_policy(w, object, e);
	return r;
}

int wish_parse(struct wish *ret, enum reason *ret_reason, const json_t *object, struct err *e)
{
	struct wish w = {0};
	int r = 0;

	*ret_reason = REASON_INVALID_ANNOTATION;
	for (size_t i = 0; r >= 0 && i < sizeof terms / sizeof terms[0]; i++)
		r = parse_term(&w, &terms[i], object, e);
	if (r >= 0) {
		*ret_reason = REASON_INVALID_SPEC;
		r = parse_spec(&w, object, e);
	}
	if (r < 0) {
		wish_done(&w);
		return r;
	}
	*ret = w;
	return 0;
}

void wish_done(struct wish *w)
{
	free(w->vips);
	free(w->pool);
	free(w->share);
	*w = (struct wish){0};
}

bool wish_equal(const struct wish *a, const struct wish *b)
{
	return same_vips(a, b) && same_pool(a, b) && same_share(a, b) &&
	       memcmp(a->families, b->families, sizeof a->families) == 0 &&
	       a->n_families == b->n_families && a->n_wanted == b->n_wanted &&
	       a->n_needed == b->n_needed;
}
