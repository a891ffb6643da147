/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/verify.h"

#include <stdio.h>
#include <string.h>

#include "base/place.h"

struct walk {
	const struct virtual_server *vs;
	const struct ipvs_service *service;
	void (*on_finding)(void *ud, const struct verify_finding *finding);
	void *ud;
};

static void find(const struct walk *w, enum verify_kind kind, const struct real_server *real,
	const struct ipvs_dest *dest)
{
	const struct verify_finding finding = {
		.kind = kind,
		.vs = w->vs,
		.real = real,
		.service = w->service,
		.dest = dest,
	};

	w->on_finding(w->ud, &finding);
}

static int dest_cmp(const struct real_server *real, const struct ipvs_dest *dest)
{
	int order = ipaddr_cmp(&real->addr, &dest->addr);

	return order ? order : (real->port > dest->port) - (real->port < dest->port);
}

static void compare_weight(
	const struct walk *w, const struct real_server *real, const struct ipvs_dest *dest)
{
	if (real->weight == dest->weight)
		return;
	if (dest->weight == 0 && w->vs->check.type != CHECK_NONE)
		find(w, VERIFY_DEST_DOWN, real, dest);
	else
		find(w, VERIFY_DEST_DIFFERENT, real, dest);
}

static void compare_dests(const struct walk *w)
{
	size_t i = 0, j = 0;

	while (i < w->vs->n_reals || j < w->service->n_dests) {
		const struct real_server *real = &w->vs->reals[i];
		const struct ipvs_dest *dest = &w->service->dests[j];
		int order = i == w->vs->n_reals        ? 1
			    : j == w->service->n_dests ? -1
						       : dest_cmp(real, dest);

		if (order < 0)
			find(w, VERIFY_DEST_MISSING, real, NULL);
		else if (order > 0)
			find(w, VERIFY_DEST_STRAY, NULL, dest);
		else
			compare_weight(w, real, dest);
		i += order <= 0;
		j += order >= 0;
	}
}

static bool settings_differ(const struct virtual_server *vs, const struct ipvs_service *service)
{
	return strcmp(scheduler_name(vs->scheduler), service->scheduler) != 0 ||
	       vs->persistence != service->timeout;
}

static int service_cmp(const struct virtual_server *vs, const struct ipvs_service *s)
{
	int order = ipaddr_cmp(&vs->vip, &s->addr);

	if (order == 0)
		order = (vs->protocol > s->protocol) - (vs->protocol < s->protocol);
	return order ? order : (vs->port > s->port) - (vs->port < s->port);
}

void verify_walk(const struct virtual_server *const wanted[], size_t n_wanted,
	const struct ipvs_table *kernel,
	void (*on_finding)(void *ud, const struct verify_finding *finding), void *ud)
{
	size_t i = 0, j = 0;

	while (i < n_wanted || j < kernel->n_services) {
		struct walk w = {.on_finding = on_finding, .ud = ud};
		int order = i == n_wanted ? 1
			    : j == kernel->n_services
				    ? -1
				    : service_cmp(wanted[i], &kernel->services[j]);

		if (order <= 0)
			w.vs = wanted[i++];
		if (order >= 0)
			w.service = &kernel->services[j++];
		if (order < 0)
			find(&w, VERIFY_SERVICE_MISSING, NULL, NULL);
		else if (order > 0)
			find(&w, VERIFY_SERVICE_STRAY, NULL, NULL);
		else if (settings_differ(w.vs, w.service))
			find(&w, VERIFY_SERVICE_DIFFERENT, NULL, NULL);
		if (order == 0)
			compare_dests(&w);
	}
}

static void describe(struct verify_report *r, const struct verify_finding *f, const char *what)
{
	const struct ipaddr *vip = f->vs ? &f->vs->vip : &f->service->addr;
	const struct ipaddr *addr = f->real ? &f->real->addr : f->dest ? &f->dest->addr : NULL;
	/* A finding has one of both. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	unsigned vip_port = f->vs ? f->vs->port : f->service->port;
	unsigned port = f->real ? f->real->port : f->dest ? f->dest->port : 0;
	uint16_t protocol = f->vs ? f->vs->protocol : f->service->protocol;
	char vip_text[IPADDR_TEXT], addr_text[IPADDR_TEXT];
	int n;

	if (r->first[0])
		return;
	n = snprintf(r->first, sizeof r->first, "%s port %u/%s", ipaddr_format(vip_text, vip),
		vip_port, place_protocol(protocol));
	if (addr)
		n += snprintf(r->first + n, sizeof r->first - (size_t)n, ", real server %s port %u",
			ipaddr_format(addr_text, addr), port);
	snprintf(r->first + n, sizeof r->first - (size_t)n, ": %s", what);
}

static void count(void *ud, const struct verify_finding *f)
{
	struct verify_report *r = ud;

	switch (f->kind) {
	case VERIFY_SERVICE_MISSING:
	case VERIFY_DEST_MISSING:
		r->missing++;
		describe(r, f, "missing");
		break;
	case VERIFY_SERVICE_STRAY:
	case VERIFY_DEST_STRAY:
		r->stray++;
		describe(r, f, "not asked for");
		break;
	case VERIFY_SERVICE_DIFFERENT:
		r->different++;
		describe(r, f, "other scheduler or persistence");
		break;
	case VERIFY_DEST_DIFFERENT:
		r->different++;
		describe(r, f, "other weight");
		break;
	case VERIFY_DEST_DOWN:
		r->down++;
		break;
	}
}

struct verify_report verify_compare(const struct virtual_server *const wanted[], size_t n_wanted,
	const struct ipvs_table *kernel)
{
	struct verify_report r = {0};

	verify_walk(wanted, n_wanted, kernel, count, &r);
	return r;
}

size_t verify_mismatches(const struct verify_report *r)
{
	return r->missing + r->stray + r->different;
}
