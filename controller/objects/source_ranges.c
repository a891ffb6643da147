/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/source_ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "doc/jsonx.h"

/* Cuts spaces off both ends, in place. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len && strchr(" \t", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int add(struct source_ranges *s, const char *text, struct err *e)
{
	CLEANUP_FREE char *copy = xstrdup(text);

	if (s->n_nets == LIMIT_SOURCES)
		return err_set(e, EINVAL, "more than %d source ranges", LIMIT_SOURCES);
	s->nets = xreallocarray(s->nets, s->n_nets + 1, sizeof *s->nets);
	return ipnet_parse_masked(&s->nets[s->n_nets++], trim(copy), e);
}

static int parse_field(struct source_ranges *s, const json_t *list, struct err *e)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (!json_is_string(item))
			return err_set(e, EINVAL,
				"spec.loadBalancerSourceRanges[%zu]: must be a string, not %s", i,
				jsonx_type_name(item));
		if (add(s, json_string_value(item), e) < 0)
			return err_wrap(e, "spec.loadBalancerSourceRanges[%zu]", i);
	}
	return 0;
}

static int parse_annotation(struct source_ranges *s, const json_t *object, struct err *e)
{
	const char *text;
	CLEANUP_FREE char *copy = NULL;
	json_t *all = NULL;
	char *rest, *item;
	int r = jsonx_object(&all, object, "metadata.annotations", e);

	if (r < 0)
		return r;
	text = json_string_value(json_object_get(all, SOURCES_ANNOTATION));
	if (!text || !text[strspn(text, " \t")])
		return 0;
	copy = xstrdup(text);
	rest = copy;
	while ((item = strsep(&rest, ",")))
		if (add(s, item, e) < 0)
			return err_wrap(e, SOURCES_ANNOTATION);
	return 0;
}

int source_ranges_parse(struct source_ranges *ret, const json_t *object, struct err *e)
{
	struct source_ranges s = {0};
	json_t *list = NULL;
	int r = jsonx_array(&list, object, "spec.loadBalancerSourceRanges", e);

	if (r >= 0)
		r = json_array_size(list) ? parse_field(&s, list, e)
					  : parse_annotation(&s, object, e);
	if (r < 0) {
		source_ranges_done(&s);
		return r;
	}
	s.n_nets = ipnets_settle(s.nets, s.n_nets);
	*ret = s;
	return 0;
}

void source_ranges_done(struct source_ranges *s)
{
	free(s->nets);
	*s = (struct source_ranges){0};
}

bool source_ranges_equal(const struct source_ranges *a, const struct source_ranges *b)
{
	if (a->n_nets != b->n_nets)
		return false;
	for (size_t i = 0; i < a->n_nets; i++)
		if (ipnet_cmp(&a->nets[i], &b->nets[i]) != 0)
			return false;
	return true;
}

struct ipnet *source_ranges_of(size_t *ret_n, const struct source_ranges *s, int family)
{
	struct ipnet *nets;
	size_t n = 0;

	for (size_t i = 0; i < s->n_nets; i++)
		n += s->nets[i].addr.family == family;
	*ret_n = n;
	if (n == 0)
		return NULL;
	nets = xcalloc(n, sizeof *nets);
	n = 0;
	for (size_t i = 0; i < s->n_nets; i++)
		if (s->nets[i].addr.family == family)
			nets[n++] = s->nets[i];
	return nets;
}
