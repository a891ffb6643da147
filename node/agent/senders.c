/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/senders.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "lead/heard.h"
#include "lead/lease_addresses.h"

enum { DURATION = 40 * 1000 * 1000 /* of a Lease that does not say */ };

struct sender {
	struct ipaddr addrs[LIMIT_LEASE_ADDRESSES];
	size_t n_addrs;
	uint64_t until; /* by what was heard, the addresses are its */
	UT_hash_handle hh;
	char lease[];
};

struct senders {
	struct sender *all; /* by the Lease's name */
	struct heard heard;
};

struct senders *senders_new(void)
{
	return xnew0(struct senders);
}

struct senders *senders_free(struct senders *s)
{
	struct sender *one, *next;

	if (!s)
		return NULL;
	HASH_ITER(hh, s->all, one, next) {
		HASH_DEL(s->all, one);
		free(one);
	}
	free(s);
	return NULL;
}

static struct sender *find(const struct senders *s, const char *lease)
{
	struct sender *one;

	HASH_FIND_STR(s->all, lease, one);
	return one;
}

static struct sender *make(struct senders *s, const char *lease)
{
	size_t len = strlen(lease);
	struct sender *one = xcalloc(1, sizeof *one + len + 1);

	for (size_t i = 0; i < len; i++)
		one->lease[i] = lease[i];
	HASH_ADD_KEYPTR(hh, s->all, one->lease, len, one);
	return one;
}

static bool drop_old(struct senders *s)
{
	struct sender *one, *next;
	bool any = false;

	HASH_ITER(hh, s->all, one, next) {
		if (s->heard.clock < one->until)
			continue;
		any |= one->n_addrs > 0;
		HASH_DEL(s->all, one);
		free(one);
	}
	return any;
}

bool senders_seen(struct senders *s, const struct lease *l, uint64_t now, struct err *e)
{
	struct sender *one = find(s, l->name);
	struct ipaddr addrs[LIMIT_LEASE_ADDRESSES];
	size_t n = 0;
	bool other;

	heard_now(&s->heard, now);
	if (!one)
		one = make(s, l->name);
	if (lease_addresses_parse(addrs, &n, l->pod_ips, e) < 0)
		err_wrap(e, LEASE_POD_IPS);
	other = !ipaddrs_equal(addrs, n, one->addrs, one->n_addrs);
	for (size_t i = 0; i < n; i++)
		one->addrs[i] = addrs[i];
	one->n_addrs = n;
	one->until = s->heard.clock + (l->duration ? l->duration : DURATION) + SENDERS_GRACE;
	return drop_old(s) || other;
}

bool senders_gone(struct senders *s, const char *lease, uint64_t now)
{
	struct sender *one = find(s, lease);

	heard_now(&s->heard, now);
	if (one)
		one->until = s->heard.clock + SENDERS_GRACE;
	return drop_old(s);
}

bool senders_heard(struct senders *s, uint64_t now)
{
	heard_now(&s->heard, now);
	return drop_old(s);
}

struct ipnet *senders_list(
	const struct senders *s, const struct ipnet more[], size_t n_more, size_t *ret_n)
{
	struct ipnet *list =
		xcalloc(HASH_COUNT(s->all) * LIMIT_LEASE_ADDRESSES + n_more, sizeof *list);
	size_t n = 0;

	for (const struct sender *one = s->all; one; one = one->hh.next)
		for (size_t i = 0; i < one->n_addrs; i++)
			list[n++] = ipnet_of(&one->addrs[i]);
	for (size_t i = 0; i < n_more; i++)
		list[n++] = more[i];
	*ret_n = n;
	return list;
}
