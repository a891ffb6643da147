/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/mem.h"
#include "commands.h"
#include "config/config.h"
#include "loop/loop.h"
#include "vrrp/vrrp.h"

/*
 * The sidecar's VRRP alone, in a pod's network namespace: which shares are ours.
 *
 *	kago-sharer KAGO.YAML POD-ADDRESS[,ADDRESS]
 *
 * Each line of its input is an object: "members" is a list of addresses, "impaired" a list of
 * shares, "part" whether it takes part. At the end of its input it ends in order, as at SIGTERM.
 * It writes a line at each change: CLOCK_MONOTONIC in usec, and the shares as bits.
 */
struct sharer {
	sd_event *loop;
	struct config *config;
	struct site site;
	struct vrrp *vrrp;
	bool stopping;
	struct commands commands;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "kago-sharer: %s: %s\n", what, why);
	return 1;
}

static void on_change(void *ud)
{
	const struct sharer *s = ud;

	printf("%" PRIu64 " %" PRIx32 "\n", loop_clock(), vrrp_owned(s->vrrp));
	fflush(stdout);
}

static void on_stopped(void *ud)
{
	const struct sharer *s = ud;

	loop_exit(s->loop, 0);
}

static void on_stop(void *ud)
{
	struct sharer *s = ud;

	if (!s->stopping)
		vrrp_stop(s->vrrp);
	s->stopping = true;
}

static void set_members(struct sharer *s, const json_t *list)
{
	CLEANUP_FREE struct ipaddr *addrs = xcalloc(json_array_size(list), sizeof *addrs);
	const json_t *item;
	struct err e = {0};
	size_t i;

	json_array_foreach(list, i, item)
		if (ipaddr_parse(&addrs[i], json_string_value(item), &e) < 0)
			fail("members", e.msg);
	vrrp_set_members(s->vrrp, addrs, json_array_size(list));
}

static void set_impaired(struct sharer *s, const json_t *list)
{
	uint32_t shares = 0;
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		shares |= (uint32_t)1 << json_integer_value(item);
	vrrp_set_impaired(s->vrrp, shares);
}

static void take(void *ud, const char *line)
{
	struct sharer *s = ud;
	CLEANUP(json_decrefp) json_t *said = json_loads(line, 0, NULL);
	const json_t *members = json_object_get(said, "members");
	const json_t *impaired = json_object_get(said, "impaired");
	const json_t *part = json_object_get(said, "part");

	if (members)
		set_members(s, members);
	if (impaired)
		set_impaired(s, impaired);
	if (part)
		vrrp_take_part(s->vrrp, json_is_true(part));
}

static int run(char *argv[], struct err *e)
{
	static const struct vrrp_ops ops = {on_change, on_stopped};
	static struct sharer s = {.commands = {take, on_stop, &s, "", 0}};
	int r = config_load(&s.config, argv[1], e);

	if (r == 0)
		r = config_check(s.config, e);
	if (r == 0)
		r = commands_addresses(&s.site.pod, argv[2], e);
	if (r == 0)
		r = loop_new(&s.loop, on_stop, &s, e);
	if (r == 0)
		r = vrrp_start(&s.vrrp, s.loop, s.config, &s.site, &ops, &s, e);
	if (r == 0)
		r = commands_read(&s.commands, s.loop);
	return r < 0 ? r : loop_run(s.loop, e);
}

int main(int argc, char *argv[])
{
	struct err e = {0};

	mem_setup();
	if (argc != 3)
		return fail("usage", "KAGO.YAML POD-ADDRESS");
	return run(argv, &e) < 0 ? fail(argv[1], e.msg) : 0;
}
