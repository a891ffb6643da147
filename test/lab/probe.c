/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "clients/ruleset.h"
#include "kernel/sysctl.h"
#include "net/ipvs.h"
#include "net/ipvs_write.h"
#include "net/maglev.h"

/*
 * Single functions of the product as commands, for the tests that need a kernel with IPVS. JSON on
 * stdout; exit status 0, or 1 with the error on stderr.
 */

DEFINE_CLEANUP(struct ipvs *, ipvs_close);
DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);
DEFINE_CLEANUP(struct ipvs_writer *, ipvs_writer_close);
DEFINE_CLEANUP(struct maglev *, maglev_free);
DEFINE_CLEANUP(struct sysctl_report *, sysctl_report_free);

static void print(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(value);
}

static json_t *dest_json(const struct ipvs_dest *d)
{
	char addr[IPADDR_TEXT];

	return json_pack("{ss si si si si si si sI sI sI sI sI}", "addr",
		ipaddr_format(addr, &d->addr), "port", d->port, "weight", (int)d->weight, "forward",
		(int)d->forward, "position", (int)d->position, "active_conns", (int)d->active_conns,
		"inactive_conns", (int)d->inactive_conns, "conns", (json_int_t)d->conns,
		"in_packets", (json_int_t)d->in_packets, "in_bytes", (json_int_t)d->in_bytes,
		"out_packets", (json_int_t)d->out_packets, "out_bytes", (json_int_t)d->out_bytes);
}

static json_t *service_json(const struct ipvs_service *s)
{
	char addr[IPADDR_TEXT];
	json_t *dests = json_array();

	for (size_t i = 0; i < s->n_dests; i++)
		json_array_append_new(dests, dest_json(&s->dests[i]));
	return json_pack("{ss si si ss si si sI sI sI sI sI so}", "addr",
		ipaddr_format(addr, &s->addr), "protocol", s->protocol, "port", s->port,
		"scheduler", s->scheduler, "flags", (int)s->flags, "timeout", (int)s->timeout,
		"conns", (json_int_t)s->conns, "in_packets", (json_int_t)s->in_packets, "in_bytes",
		(json_int_t)s->in_bytes, "out_packets", (json_int_t)s->out_packets, "out_bytes",
		(json_int_t)s->out_bytes, "dests", dests);
}

static json_t *table_json(const struct ipvs_table *t)
{
	json_t *services = json_array();

	for (size_t i = 0; i < t->n_services; i++)
		json_array_append_new(services, service_json(&t->services[i]));
	return services;
}

typedef int reader(struct ipvs_table **ret, struct ipvs *v, struct err *e);

static int ipvs_dump(struct ipvs *v, reader *read, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;
	int r = read(&t, v, e);

	if (r == 0)
		print(table_json(t));
	return r;
}

/* PROTOCOL ADDRESS PORT [ADDRESS PORT], as far as given. */
static int parse_key(struct ipvs_service *s, struct ipvs_dest *d, char **args, struct err *e)
{
	struct ipaddr *addr = &s->addr;
	uint64_t protocol = 0, port = 0;
	int r = args[0] ? str_to_u64(&protocol, args[0], 1, 255, e) : -EINVAL;

	s->protocol = (uint16_t)protocol;
	for (args++; r == 0 && args[0] && args[1]; args += 2) {
		r = ipaddr_parse(addr, args[0], e);
		if (r == 0)
			r = str_to_u64(&port, args[1], 1, UINT16_MAX, e);
		*(addr == &s->addr ? &s->port : &d->port) = (uint16_t)port;
		addr = &d->addr;
	}
	return r;
}

static int read_key(
	struct ipvs_table **ret, struct ipvs *v, const struct ipvs_service *s, struct err *e)
{
	const struct place at = ipvs_service_place(s);

	return ipvs_read_service(ret, v, &at, e);
}

static int ipvs_show(struct ipvs *v, char **args, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;
	struct ipvs_service s = {0};
	struct ipvs_dest d;
	int r = parse_key(&s, &d, args, e);

	if (r == 0)
		r = read_key(&t, v, &s, e);
	if (r == 0)
		print(table_json(t));
	return r;
}

static int write_op(const struct ipvs_service *s, const struct ipvs_dest *d, enum ipvs_op_kind kind,
	struct err *e)
{
	CLEANUP(ipvs_writer_closep) struct ipvs_writer *w = NULL;
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};
	int r = ipvs_writer_open(&w, e);

	ipvs_ops_add(&ops, kind, s, d);
	return r < 0 ? r : ipvs_write(w, ops.items, ops.n_items, e);
}

static int ipvs_remove(char **args, struct err *e)
{
	struct ipvs_service s = {0};
	struct ipvs_dest d = {0};
	int r = parse_key(&s, &d, args, e);

	if (r < 0)
		return r;
	return write_op(&s, &d, d.addr.family ? IPVS_REMOVE_DEST : IPVS_REMOVE_SERVICE, e);
}

static int ipvs_weight(struct ipvs *v, char **args, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;
	const struct ipvs_dest *found;
	struct ipvs_service s = {0};
	struct ipvs_dest d = {0};
	uint64_t weight = 0;
	int r = str_to_u64(&weight, args[0] ? args[0] : "", 0, 65535, e);

	if (r == 0)
		r = parse_key(&s, &d, args + 1, e);
	if (r == 0)
		r = read_key(&t, v, &s, e);
	if (!t)
		return r;
	found = ipvs_service_find(&t->services[0], &d.addr, d.port);
	if (!found)
		return err_set(e, ENOENT, "no such real server");
	d = *found;
	d.weight = (uint32_t)weight;
	return write_op(&s, &d, IPVS_EDIT_DEST, e);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t services_at(const struct ipvs_table *t, const struct ipaddr *addr)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_services; i++)
		n += ipaddr_equal(&t->services[i].addr, addr);
	return n;
}

struct bench {
	double ms;           /* of the fastest reading */
	size_t fewest, most; /* services at one address, over all readings */
};

static int read_once(
	struct bench *b, struct ipvs *v, reader *read, const struct ipaddr *vip, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;
	double start = now(), ms;
	size_t found;
	int r = read(&t, v, e);

	if (r < 0)
		return r;
	ms = (now() - start) * 1e3;
	found = services_at(t, vip);
	b->ms = ms < b->ms ? ms : b->ms;
	b->fewest = found < b->fewest ? found : b->fewest;
	b->most = found > b->most ? found : b->most;
	return 0;
}

static double ms_of_proc(void)
{
	CLEANUP_FREE char *text = NULL;
	double start = now();
	struct err e;
	size_t len;

	return fs_read(&text, &len, "/proc/net/ip_vs", LIMIT_IPVS_BYTES, &e) < 0
		       ? 0
		       : (now() - start) * 1e3;
}

/*
 * N readings of each kind, and of /proc/net/ip_vs alone; services are counted at VIP. There is a
 * first reading which does not count and is told on stderr.
 */
static int ipvs_bench(struct ipvs *v, char **args, struct err *e)
{
	struct bench full = {1e9, SIZE_MAX, 0}, quick = full;
	struct ipaddr vip = {0};
	struct bench first = full;
	double proc = 1e9;
	uint64_t n = 1;
	int r = str_to_u64(&n, args[0] ? args[0] : "", 1, 1000000, e);

	if (r == 0 && args[1])
		r = ipaddr_parse(&vip, args[1], e);
	if (r == 0)
		r = read_once(&first, v, ipvs_read, &vip, e);
	fprintf(stderr, "first reading: %zu services\n", first.most);
	for (uint64_t i = 0; r == 0 && i < n; i++) {
		double ms = ms_of_proc();

		proc = ms < proc ? ms : proc;
		r = read_once(&full, v, ipvs_read, &vip, e);
		if (r == 0)
			r = read_once(&quick, v, ipvs_read_quick, &vip, e);
	}
	if (r == 0)
		print(json_pack("{sf s[fII] s[fII]}", "proc_ms", proc, "full", full.ms,
			(json_int_t)full.fewest, (json_int_t)full.most, "quick", quick.ms,
			(json_int_t)quick.fewest, (json_int_t)quick.most));
	return r;
}

static int sysctl_command(char **args)
{
	static const char *const state[] = {"kept", "set", "failed"};
	static const char *const need[] = {"required", "required-ipv6", "advised"};
	CLEANUP(sysctl_report_freep)
	struct sysctl_report *report = sysctl_apply(args[0] ? args[0] : "/proc/sys");
	json_t *results = json_array();

	for (size_t i = 0; i < report->n_results; i++) {
		const struct sysctl_result *r = &report->results[i];

		json_array_append_new(results,
			json_pack("{ss ss ss ss?}", "name", r->name, "state", state[r->state],
				"need", need[r->need], "message", r->message));
	}
	print(results);
	return 0;
}

/*
 * PROTOCOL VIP PORT REALS: says "waiting", then looks every millisecond until the service has so
 * many real servers, and prints the CLOCK_MONOTONIC microseconds of that look. For benchmarks.
 */
static int ipvs_wait(struct ipvs *v, char **args, struct err *e)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct ipvs_service s = {0};
	struct ipvs_dest unused;
	uint64_t reals = 0;
	int r = parse_key(&s, &unused, args, e);

	if (r == 0)
		r = str_to_u64(&reals, args[3] ? args[3] : "", 0, 10000, e);
	if (r < 0)
		return r;
	puts("waiting");
	fflush(stdout);
	for (double start = now(); now() - start < 120; nanosleep(&pause, NULL)) {
		CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;

		if (read_key(&t, v, &s, e) < 0 || t->services[0].n_dests != reals)
			continue;
		printf("%.0f\n", now() * 1e6);
		return 0;
	}
	return err_set(e, ETIMEDOUT, "the service never had %" PRIu64 " real servers", reals);
}

/* PROTOCOL VIP PORT CLIENT FIRST N: what `mh` chooses for N of a client's ports, from FIRST on. */
static int ipvs_choose(struct ipvs *v, char **args, struct err *e)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;
	CLEANUP(maglev_freep) struct maglev *table = NULL;
	struct ipvs_service s = {0};
	struct ipvs_dest client = {0};
	json_t *reals = json_array();
	char text[IPADDR_TEXT];
	uint64_t n = 0;
	int r = parse_key(&s, &client, args, e);

	if (r == 0)
		r = str_to_u64(&n, args[5] ? args[5] : "", 1, UINT16_MAX, e);
	if (r == 0)
		r = read_key(&t, v, &s, e);
	if (!t) {
		json_decref(reals);
		return r;
	}
	table = maglev_new(&t->services[0]);
	for (uint64_t i = 0; i < n; i++) {
		const struct ipvs_dest *d =
			maglev_choose(table, &client.addr, (uint16_t)(client.port + i));

		json_array_append_new(
			reals, json_string(d ? ipaddr_format(text, &d->addr) : "none"));
	}
	print(reals);
	return 0;
}

static int ipvs_command(const char *name, char **args, struct err *e)
{
	CLEANUP(ipvs_closep) struct ipvs *v = NULL;
	int r = ipvs_open(&v, e);

	if (r < 0)
		return r;
	if (strcmp(name, "dump") == 0)
		return ipvs_dump(v, ipvs_read, e);
	if (strcmp(name, "quick") == 0)
		return ipvs_dump(v, ipvs_read_quick, e);
	if (strcmp(name, "show") == 0)
		return ipvs_show(v, args, e);
	if (strcmp(name, "remove") == 0)
		return ipvs_remove(args, e);
	if (strcmp(name, "weight") == 0)
		return ipvs_weight(v, args, e);
	if (strcmp(name, "bench") == 0)
		return ipvs_bench(v, args, e);
	if (strcmp(name, "choose") == 0)
		return ipvs_choose(v, args, e);
	if (strcmp(name, "wait") == 0)
		return ipvs_wait(v, args, e);
	return err_set(e, EINVAL, "no such command: ipvs %s", name);
}

static int run(int argc, char **argv, struct err *e)
{
	if (argc > 2 && strcmp(argv[1], "ipvs") == 0)
		return ipvs_command(argv[2], argv + 3, e);
	if (argc > 2 && strcmp(argv[1], "sysctl") == 0)
		return sysctl_command(argv + 3);
	if (argc > 3 && strcmp(argv[1], "ruleset") == 0)
		return ruleset_apply(argv[3], &(struct guards){0}, e);
	if (argc == 3 && strcmp(argv[1], "ruleset") == 0)
		return ruleset_remove(e);
	return err_set(e, EINVAL,
		"usage: kago-probe ipvs dump | ipvs quick | ipvs show PROTOCOL VIP PORT | "
		"ipvs remove PROTOCOL VIP PORT [ADDRESS PORT] | "
		"ipvs weight WEIGHT PROTOCOL VIP PORT ADDRESS PORT | ipvs bench N [VIP] | "
		"ipvs wait PROTOCOL VIP PORT REALS | "
		"ipvs choose PROTOCOL VIP PORT CLIENT FIRST N | "
		"sysctl apply [ROOT] | ruleset apply TEMPLATE | ruleset remove");
}

int main(int argc, char **argv)
{
	struct err e = {0};

	if (run(argc, argv, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	return 0;
}
