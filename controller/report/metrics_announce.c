/* SPDX-License-Identifier: Apache-2.0 */
#include "base/exposition.h"
#include "report/metrics.h"

enum { SHARES = 16 }; /* of the VIPs, as the sidecar has them */

static bool has_share(const json_t *owned, int share)
{
	const json_t *item;
	size_t i;

	json_array_foreach(owned, i, item)
		if (json_integer_value(item) == share)
			return true;
	return false;
}

static void put_shares(FILE *out, const json_t *l2)
{
	const json_t *owned = json_object_get(l2, "owned"),
		     *changes = json_object_get(l2, "changes");

	exposition_help(out, "kago_l2_share", "gauge",
		"Whether this load balancer answers for the share of the VIPs.");
	for (int i = 0; i < SHARES; i++)
		fprintf(out, "kago_l2_share{share=\"%d\"} %d\n", i, has_share(owned, i));
	exposition_help(out, "kago_l2_share_changes_total", "counter",
		"Times the share came or went, since the sidecar started.");
	for (int i = 0; i < SHARES; i++)
		fprintf(out, "kago_l2_share_changes_total{share=\"%d\"} %lld\n", i,
			(long long)json_integer_value(json_array_get(changes, (size_t)i)));
}

/* Without layer 2 there are no such metrics, as there are none of BGP's peers without peers. */
static void put_l2(FILE *out, const struct snapshot *s)
{
	const json_t *l2 = s->sidecar->l2;

	if (!s->on_layer_2)
		return;
	exposition_plain(out, "kago_l2_shares", "gauge",
		"Shares of the VIPs that this load balancer answers for on layer 2, of 16.",
		(uint64_t)json_integer_value(json_object_get(l2, "shares")));
	put_shares(out, l2);
	exposition_plain(out, "kago_l2_rivals", "gauge",
		"VIPs of these shares for which somebody else answers, too.",
		json_array_size(json_object_get(l2, "rivals")));
}

/* Without a program there are no such metrics. */
static void put_exec(FILE *out, const struct snapshot *s)
{
	const json_t *exec = s->sidecar->exec;

	if (!s->by_program)
		return;
	exposition_plain(out, "kago_exec_pending", "gauge",
		"VIPs of which exec.program has yet to tell the network.",
		(uint64_t)json_integer_value(json_object_get(exec, "pending")));
	exposition_plain(out, "kago_exec_failing", "gauge",
		"VIPs for which the last call of exec.program failed.",
		(uint64_t)json_integer_value(json_object_get(exec, "failing")));
}

static void put_program(FILE *out, const char *name, const char *program, bool value)
{
	fprintf(out, "%s{program=\"%s\"} %d\n", name, program, value);
}

/* Of a sidecar that is not there nothing is known. */
static void put_config(FILE *out, const struct snapshot *s)
{
	const json_t *sidecar = s->sidecar->config;
	const char *exabgp = json_string_value(json_object_get(sidecar, "refusedByExabgp"));
	bool there = s->n_sidecars > 0, by_bgp = !s->on_layer_2 && !s->by_program;

	exposition_help(out, "kago_config_restart_pending", "gauge",
		"Whether kago.yaml says what is in use only after a restart.");
	put_program(out, "kago_config_restart_pending", "controller", s->config.restart_pending);
	if (there)
		put_program(out, "kago_config_restart_pending", "sidecar",
			json_is_true(json_object_get(sidecar, "restartPending")));
	exposition_help(out, "kago_config_refused", "gauge",
		"Whether kago.yaml is wrong, so that the one before stands.");
	put_program(out, "kago_config_refused", "controller", s->config.refused);
	if (there)
		put_program(out, "kago_config_refused", "sidecar",
			json_is_true(json_object_get(sidecar, "refused")));
	if (there && by_bgp)
		put_program(out, "kago_config_refused", "exabgp", exabgp && *exabgp);
}

void metrics_put_announce(FILE *out, const struct snapshot *s)
{
	put_config(out, s);
	put_l2(out, s);
	put_exec(out, s);
}
