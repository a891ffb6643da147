/* SPDX-License-Identifier: Apache-2.0 */
#include "values/attributes.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "values/dns.h"
#include "values/ipaddr.h"

struct attributes *attributes_new(void)
{
	struct attributes *a = xnew0(struct attributes);

	a->n_refs = 1;
	return a;
}

struct attributes *attributes_ref(struct attributes *a)
{
	if (a)
		a->n_refs++;
	return a;
}

static void forget_peers(struct attributes *a)
{
	for (size_t i = 0; i < a->n_peers; i++)
		free(a->peers[i]);
	a->n_peers = 0;
}

struct attributes *attributes_unref(struct attributes *a)
{
	if (!a || --a->n_refs > 0)
		return NULL;
	forget_peers(a);
	free(a);
	return NULL;
}

static bool peers_equal(const struct attributes *a, const struct attributes *b)
{
	if (a->n_peers != b->n_peers)
		return false;
	for (size_t i = 0; i < a->n_peers; i++)
		if (strcmp(a->peers[i], b->peers[i]) != 0)
			return false;
	return true;
}

bool attributes_sound_equal(const struct attributes *a, const struct attributes *b)
{
	static const struct attributes nothing;

	if (a == b)
		return true;
	a = a ? a : &nothing;
	b = b ? b : &nothing;
	return !((a->said ^ b->said) & ~(unsigned)ATTRIBUTES_PEERS) &&
	       a->local_preference == b->local_preference && a->med == b->med &&
	       a->prepend == b->prepend && communities_equal(&a->communities, &b->communities);
}

bool attributes_equal(const struct attributes *a, const struct attributes *b)
{
	if (a == b || !a || !b)
		return a == b;
	return a->said == b->said && peers_equal(a, b) && attributes_sound_equal(a, b);
}

static struct attributes *copy(const struct attributes *a)
{
	struct attributes *new = attributes_new();

	*new = *a;
	new->n_refs = 1;
	for (size_t i = 0; i < a->n_peers; i++)
		new->peers[i] = xstrdup(a->peers[i]);
	return new;
}

static void fill_up(struct attributes *a, const struct attributes *defaults)
{
	unsigned more = defaults->said & ~a->said;

	if (more & ATTRIBUTES_COMMUNITIES)
		a->communities = defaults->communities;
	if (more & ATTRIBUTES_LOCAL_PREFERENCE)
		a->local_preference = defaults->local_preference;
	if (more & ATTRIBUTES_MED)
		a->med = defaults->med;
	if (more & ATTRIBUTES_PREPEND)
		a->prepend = defaults->prepend;
	for (size_t i = 0; more & ATTRIBUTES_PEERS && i < defaults->n_peers; i++)
		a->peers[a->n_peers++] = xstrdup(defaults->peers[i]);
	a->said |= more;
}

struct attributes *attributes_over(struct attributes *a, struct attributes *defaults)
{
	struct attributes *both;

	if (!a || !defaults || !(defaults->said & ~a->said))
		return attributes_ref(a ? a : defaults);
	both = copy(a);
	fill_up(both, defaults);
	return both;
}

int attributes_set_communities(struct attributes *a, const char *text, struct err *e)
{
	int r = communities_parse(&a->communities, text, e);

	if (r == 0)
		a->said |= ATTRIBUTES_COMMUNITIES;
	return r;
}

static int set_number(struct attributes *a, uint32_t *ret, enum attributes_said what,
	const char *text, uint64_t max, struct err *e)
{
	uint64_t value;
	int r = str_to_u64(&value, text, 0, max, e);

	if (r < 0)
		return r;
	*ret = (uint32_t)value;
	a->said |= what;
	return 0;
}

int attributes_set_local_preference(struct attributes *a, const char *text, struct err *e)
{
	return set_number(
		a, &a->local_preference, ATTRIBUTES_LOCAL_PREFERENCE, text, UINT32_MAX, e);
}

int attributes_set_med(struct attributes *a, const char *text, struct err *e)
{
	return set_number(a, &a->med, ATTRIBUTES_MED, text, UINT32_MAX, e);
}

int attributes_set_prepend(struct attributes *a, const char *text, struct err *e)
{
	return set_number(a, &a->prepend, ATTRIBUTES_PREPEND, text, LIMIT_AS_PATH_PREPEND, e);
}

/* The text to keep of it: an address in its canonical form. */
static int parse_peer(char ret[static DNS_LABEL_MAX + 1], const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	struct err unused = {0};
	struct ipaddr addr;

	if (ipaddr_parse(&addr, text, &unused) == 0)
		ipaddr_format(ret, &addr);
	else if (dns_label_valid(text))
		snprintf(ret, DNS_LABEL_MAX + 1, "%s", text);
	else
		return err_set(e, EINVAL, "%s is neither a peer's name nor its address",
			str_quote(quoted, text));
	return 0;
}

static size_t position(const struct attributes *a, const char *name)
{
	size_t i = 0;

	while (i < a->n_peers && strcmp(a->peers[i], name) < 0)
		i++;
	return i;
}

bool attributes_has_peer(const struct attributes *a, const char *name)
{
	size_t i = position(a, name);

	return i < a->n_peers && strcmp(a->peers[i], name) == 0;
}

static int add_peer(struct attributes *a, const char *text, struct err *e)
{
	char name[DNS_LABEL_MAX + 1];
	size_t i;
	int r = parse_peer(name, text, e);

	if (r < 0 || attributes_has_peer(a, name))
		return r;
	if (a->n_peers == LIMIT_BGP_PEERS)
		return err_set(e, EINVAL, "more than %d peers", LIMIT_BGP_PEERS);
	i = position(a, name);
	memmove(&a->peers[i + 1], &a->peers[i], (a->n_peers - i) * sizeof a->peers[0]);
	a->peers[i] = xstrdup(name);
	a->n_peers++;
	return 0;
}

int attributes_set_peers(struct attributes *a, const char *text, struct err *e)
{
	CLEANUP_FREE char *list = xstrdup(text);
	char *rest = list, *item;
	int r = 0;

	forget_peers(a);
	while (r == 0 && (item = strsep(&rest, " ,")))
		if (*item)
			r = add_peer(a, item, e);
	if (r < 0)
		return r;
	if (a->n_peers == 0)
		return err_set(e, EINVAL, "is empty; name at least one of bgp.peers");
	a->said |= ATTRIBUTES_PEERS;
	return 0;
}

char *attributes_peers_text(const struct attributes *a)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < a->n_peers; i++) {
		char *longer = xasprintf("%s%s%s", text, i ? " " : "", a->peers[i]);

		free(text);
		text = longer;
	}
	return text;
}
