/* SPDX-License-Identifier: Apache-2.0 */
#include "report/alike.h"

#include <inttypes.h>

#include "base/exposition.h"
#include "base/mem.h"
#include "kernel/reorder.h"
#include "report/answer.h"

static enum alike alike_of_one(const struct agreement_difference *d)
{
	static const enum alike kinds[] = {
		[TABLES_CHECKS] = ALIKE_CHECKS,
		[TABLES_ORDER] = ALIKE_ORDER,
		[TABLES_SERVERS] = ALIKE_SERVERS,
	};

	return d->n_values == 2 ? kinds[tables_compare(d->values[0], d->values[1])] : ALIKE_SERVERS;
}

enum alike alike_of(const struct agreement_peer *p)
{
	enum alike worst = ALIKE_SETTLING;

	if (!p->known)
		return ALIKE_UNKNOWN;
	if (p->equal)
		return ALIKE_EQUAL;
	if (p->more.n_values && p->more.counts)
		return ALIKE_MANY;
	for (size_t i = 0; i < p->n_items; i++) {
		enum alike kind = p->items[i].counts ? alike_of_one(&p->items[i]) : worst;

		worst = kind > worst ? kind : worst;
	}
	return worst;
}

const char *alike_name(enum alike a)
{
	static const char *const names[] = {
		[ALIKE_UNKNOWN] = "unknown",
		[ALIKE_EQUAL] = "equal",
		[ALIKE_SETTLING] = "settling",
		[ALIKE_CHECKS] = "health checks",
		[ALIKE_ORDER] = "order",
		[ALIKE_SERVERS] = "real servers",
		[ALIKE_MANY] = "many",
	};

	return names[a];
}

const struct virtual_server *alike_find(const struct fleet *f, uint64_t key)
{
	for (size_t i = 0; f && i < f->n_servers; i++) {
		const struct place at = virtual_server_place(f->servers[i]);

		if (tables_key(&at) == key)
			return f->servers[i];
	}
	return NULL;
}

static json_t *difference_json(const struct fleet *f, const struct agreement_difference *d)
{
	const struct virtual_server *vs = alike_find(f, d->key);
	json_t *object = jsonx_must(json_pack("{s:s}", "differsIn", alike_name(alike_of_one(d))));
	char vip[IPADDR_TEXT];

	/* One that is gone here may be served there still. */
	if (!vs)
		return object;
	jsonx_set(object, "namespace", json_string(vs->ns));
	jsonx_set(object, "name", json_string(vs->name));
	jsonx_set(object, "vip", json_string(ipaddr_format(vip, &vs->vip)));
	jsonx_set(object, "port", answer_count(vs->port));
	jsonx_set(object, "protocol", json_string(place_protocol(vs->protocol)));
	return object;
}

static json_t *peer_json(const struct snapshot *s, const struct agreement_peer *p)
{
	json_t *services = jsonx_must(json_array());

	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].counts)
			jsonx_append(services, difference_json(s->fleet, &p->items[i]));
	return jsonx_must(json_pack("{s:s, s:s, s:o}", "name", p->pod, "state",
		alike_name(alike_of(p)), "virtualServers", services));
}

/* How many of each there are. */
static void count(size_t ret[static ALIKE_MANY + 1], const struct agreement *a)
{
	const struct agreement_peer *p = NULL;

	for (size_t i = 0; i <= ALIKE_MANY; i++)
		ret[i] = 0;
	while (a && (p = agreement_next(a, p)))
		ret[alike_of(p)]++;
}

/* What health checks have taken down has its place in a table. */
static json_t *equal_json(const struct agreement *a)
{
	size_t n[ALIKE_MANY + 1];

	if (!a)
		return json_null();
	count(n, a);
	if (n[ALIKE_ORDER] + n[ALIKE_SERVERS] + n[ALIKE_MANY])
		return json_false();
	if (n[ALIKE_UNKNOWN] + n[ALIKE_SETTLING])
		return json_null();
	return json_true();
}

json_t *alike_json(const struct snapshot *s)
{
	const struct agreement *a = s->cluster.agreement;
	const struct agreement_peer *p = NULL;
	char digest[sizeof "0123456789abcdef"];
	json_t *peers;

	if (!s->tables)
		return NULL;
	peers = jsonx_must(json_array());
	while (a && (p = agreement_next(a, p)))
		jsonx_append(peers, peer_json(s, p));
	snprintf(digest, sizeof digest, "%016" PRIx64, sketch_digest(s->tables));
	return jsonx_must(json_pack("{s:s, s:o, s:o, s:b}", "digest", digest, "equal",
		equal_json(a), "others", peers, "ordered", reorder_is_possible()));
}

void alike_metrics(FILE *out, const struct snapshot *s)
{
	static const struct {
		enum alike alike;
		const char *label;
	} kinds[] = {
		{ALIKE_CHECKS, "health_checks"},
		{ALIKE_ORDER, "order"},
		{ALIKE_SERVERS, "real_servers"},
		{ALIKE_MANY, "many"},
	};
	size_t n[ALIKE_MANY + 1], compared = 0;

	count(n, s->cluster.agreement);
	for (size_t i = ALIKE_EQUAL; i <= ALIKE_MANY; i++)
		compared += n[i];
	exposition_plain(out, "kago_tables_compared", "gauge",
		"Other load balancers whose tables of mh were compared with ours.", compared);
	exposition_help(out, "kago_tables_different", "gauge",
		"Those whose tables differ from ours, by what they differ in.");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		fprintf(out, "kago_tables_different{kind=\"%s\"} %zu\n", kinds[i].label,
			n[kinds[i].alike]);
	exposition_plain(out, "kago_tables_ordered", "gauge",
		"Whether real servers that are out of order can be moved here.",
		reorder_is_possible());
}
