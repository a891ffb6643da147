/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/facts.h"

#include <string.h>

#include "base/digest.h"

static void add_service(uint64_t *digest, const struct service *s)
{
	digest_add_text(digest, s->uid);
	digest_add_text(digest, s->resource_version);
	digest_add(digest, &s->held.ingress_digest, sizeof s->held.ingress_digest);
	digest_add(digest, &s->reason, sizeof s->reason);
	digest_add_text(digest, s->message);
}

static void add_assignment(uint64_t *digest, const struct assignment *a)
{
	digest_add(digest, a->vips, a->n_vips * sizeof *a->vips);
	digest_add_text(digest, a->pool);
	digest_add(digest, &a->reason, sizeof a->reason);
	digest_add_text(digest, a->message);
}

static void add_decision(uint64_t *digest, const struct fleet_service *d)
{
	digest_add(digest, &d->reason, sizeof d->reason);
	digest_add_text(digest, d->message);
	digest_add(digest, &d->n_virtual_servers, sizeof d->n_virtual_servers);
}

static bool is_served(const struct ipaddr *vip, const struct service *s,
	const struct fleet_service *d, const struct fleet *fleet)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct place at = {*vip, s->ports[i].protocol, s->ports[i].port};
		const struct virtual_server *vs =
			virtual_server_find(fleet_servers(fleet), fleet->n_servers, &at);

		if (vs && strcmp(vs->ns, d->ns) == 0 && strcmp(vs->name, d->name) == 0)
			return true;
	}
	return false;
}

size_t facts_served(struct ipaddr ret[], const struct service *s, const struct fleet_service *d,
	const struct fleet *fleet)
{
	const struct held *held = &s->held;
	size_t n = 0;

	for (size_t i = 0; d && fleet && i < held->n_vips; i++)
		if (is_served(&held->vips[i], s, d, fleet))
			ret[n++] = held->vips[i];
	if (n > 0)
		return n;
	for (size_t i = 0; i < held->n_vips; i++)
		ret[i] = held->vips[i];
	return held->n_vips;
}

bool facts_may_lack(const struct service *s)
{
	return s->wish.n_vips == 0 && s->wish.n_needed < s->wish.n_wanted;
}

const char *facts_where(const struct facts *f)
{
	return f->on_layer_2 ? " on layer 2" : "";
}

uint64_t facts_digest(const struct facts *f)
{
	uint64_t digest = DIGEST_INIT;

	add_service(&digest, f->service);
	add_assignment(&digest, f->assignment);
	if (f->decision)
		add_decision(&digest, f->decision);
	digest_add(&digest, f->served, f->n_served * sizeof *f->served);
	for (size_t i = 0; i < f->n_announcers; i++)
		digest_add_text(&digest, f->announcers[i]);
	return digest ? digest : 1;
}
