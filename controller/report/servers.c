/* SPDX-License-Identifier: Apache-2.0 */
#include "report/servers.h"

#include <inttypes.h>
#include <string.h>

#include "base/sorted.h"
#include "report/answer.h"
#include "values/place.h"

/* Most texts have nothing that is written otherwise. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
			return false;
	return true;
}

static void write_text(FILE *out, const char *text)
{
	json_auto_t *value = NULL;

	if (is_plain(text)) {
		fputc('"', out);
		fputs(text, out);
		fputc('"', out);
		return;
	}
	value = jsonx_must(json_string(text));
	json_dumpf(value, out, JSON_ENCODE_ANY);
}

static void write_real(FILE *out, const struct real_server *real, const struct ipvs_dest *there)
{
	const struct ipvs_dest none = {0}, *dest = there ? there : &none;
	char addr[IPADDR_TEXT];

	fprintf(out,
		"{\"activeConnections\":%" PRIu64 ",\"address\":\"%s\",\"connections\":%" PRIu64
		",\"forward\":\"%s\",\"inactiveConnections\":%" PRIu64
		",\"port\":%u,\"state\":\"%s\",\"targetPort\":%u,\"wantedWeight\":%u,\"weight\":",
		(uint64_t)dest->active_conns, ipaddr_format(addr, &real->addr),
		(uint64_t)dest->conns, forward_name(&real->forward), (uint64_t)dest->inactive_conns,
		real->port, snapshot_real_state(real, there), real->target, real->weight);
	if (there)
		fprintf(out, "%u}", there->weight);
	else
		fputs("null}", out);
}

static void write_reals(
	FILE *out, const struct virtual_server *vs, const struct ipvs_service *there)
{
	fputc('[', out);
	for (size_t i = 0; i < vs->n_reals; i++) {
		const struct real_server *real = &vs->reals[i];

		if (i)
			fputc(',', out);
		write_real(out, real,
			there ? ipvs_service_find(there, &real->addr, real->port) : NULL);
	}
	fputc(']', out);
}

static void write_server(FILE *out, const struct snapshot *s, const struct virtual_server *vs)
{
	const struct ipvs_service none = {0};
	const struct ipvs_service *there =
		s->kernel ? ipvs_table_find(s->kernel, &vs->vip, vs->protocol, vs->port) : NULL;
	const struct ipvs_service *held = there ? there : &none;
	const char *complaint = apply_complaint(s->apply, vs);
	char vip[IPADDR_TEXT];

	fprintf(out,
		"{\"bytesIn\":%" PRIu64 ",\"bytesOut\":%" PRIu64 ",\"connections\":%" PRIu64
		",\"inKernel\":%s,\"port\":%u,\"protocol\":\"%s\",\"realServers\":",
		(uint64_t)held->in_bytes, (uint64_t)held->out_bytes, (uint64_t)held->conns,
		there ? "true" : "false", vs->port, place_protocol(vs->protocol));
	write_reals(out, vs, there);
	if (complaint) {
		fputs(",\"refusedByKeepalived\":", out);
		write_text(out, complaint);
	}
	fprintf(out, ",\"scheduler\":\"%s\",\"vip\":\"%s\"}", scheduler_name(vs->scheduler),
		ipaddr_format(vip, &vs->vip));
}

static int cmp_vip(const void *vip, const void *item)
{
	const struct virtual_server *const *vs = item;

	return ipaddr_cmp(vip, &(*vs)->vip);
}

/* Where the virtual servers of a VIP begin. */
static size_t first_at(const struct fleet *f, const struct ipaddr *vip)
{
	return sorted_place(vip, f->servers, f->n_servers, sizeof *f->servers, cmp_vip);
}

void servers_write(FILE *out, const struct snapshot *s, const struct fleet_service *svc)
{
	const struct fleet *f = s->fleet;
	size_t n = 0;

	fputc('[', out);
	for (size_t k = 0; k < svc->n_vips; k++)
		for (size_t i = first_at(f, &svc->vips[k]);
			i < f->n_servers && ipaddr_equal(&f->servers[i]->vip, &svc->vips[k]); i++) {
			if (f->servers[i]->ns != svc->ns || f->servers[i]->name != svc->name)
				continue;
			if (n++)
				fputc(',', out);
			write_server(out, s, f->servers[i]);
		}
	fputc(']', out);
}

static void write_vips(FILE *out, const struct fleet_service *svc)
{
	char vip[IPADDR_TEXT];

	fputc('[', out);
	for (size_t i = 0; i < svc->n_vips; i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", ipaddr_format(vip, &svc->vips[i]));
	fputc(']', out);
}

static void write_service(FILE *out, const struct snapshot *s, const struct fleet_service *svc)
{
	fputs("{\"message\":", out);
	write_text(out, svc->message);
	fputs(",\"name\":", out);
	write_text(out, svc->name);
	fputs(",\"namespace\":", out);
	write_text(out, svc->ns);
	fprintf(out, ",\"outcome\":\"%s\",\"reason\":\"%s\",\"vips\":",
		snapshot_outcome_name(svc->outcome), reason_name(svc->reason));
	write_vips(out, svc);
	fputs(",\"virtualServers\":", out);
	servers_write(out, s, svc);
	fputc('}', out);
}

void servers_write_all(FILE *out, const struct snapshot *s)
{
	size_t n = s->fleet ? s->fleet->n_services : 0;

	fputc('[', out);
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputc(',', out);
		write_service(out, s, s->fleet->services[i]);
	}
	fputc(']', out);
}
