/* SPDX-License-Identifier: Apache-2.0 */
#include "lifeline.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "control/control.h"
#include "doc/jsonx.h"
#include "loop/loop.h"

enum { RETRY = 1000 * 1000 };

struct lifeline {
	sd_event *loop;
	const char *socket;
	struct control_conn *conn; /* NULL while the controller is away */
	sd_event_source *retry;
	struct lifeline_ops ops;
	void *ud;
	struct grace_facts facts; /* of this connection */
	bool refused;             /* it was said that somebody else holds the name */
	struct prefixes announced;
	struct lifeline_report report; /* its `announced` is the one above */
};

static json_t *texts_of(const struct prefixes *p)
{
	json_t *list = json_array();
	char text[IPNET_TEXT];

	for (size_t i = 0; i < p->n_items; i++)
		json_array_append_new(list, json_string(ipnet_format(text, &p->items[i])));
	return list;
}

static json_t *message(const struct lifeline_report *r)
{
	json_t *msg = jsonx_must(
		json_pack("{ss si si sb sb}", "type", "announced", "sessions", (int)r->sessions,
			"peers", (int)r->peers, "complete", r->complete, "waits", r->waits));

	if (r->bgp)
		jsonx_set(msg, "bgp", json_incref(r->bgp));
	if (r->l2)
		jsonx_set(msg, "l2", json_incref(r->l2));
	if (r->exec)
		jsonx_set(msg, "exec", json_incref(r->exec));
	if (r->config)
		jsonx_set(msg, "config", json_incref(r->config));
	if (r->suspended)
		jsonx_set(msg, "suspended", json_string(r->suspended));
	return msg;
}

static void tell_all(struct lifeline *l)
{
	json_t *msg = message(&l->report);

	json_object_set_new(msg, "prefixes", texts_of(&l->announced));
	control_send(l->conn, msg);
}

/* The whole list takes several times longer than all else that a change of one VIP takes. */
static void tell_changes(struct lifeline *l, const struct prefixes *before)
{
	CLEANUP_PREFIXES struct prefixes gained = prefixes_minus(&l->announced, before, SIZE_MAX);
	CLEANUP_PREFIXES struct prefixes lost = prefixes_minus(before, &l->announced, SIZE_MAX);
	json_t *msg = message(&l->report);

	json_object_set_new(msg, "gained", texts_of(&gained));
	json_object_set_new(msg, "lost", texts_of(&lost));
	control_send(l->conn, msg);
}

static int parse(struct place *ret, const json_t *item, struct err *e)
{
	const char *text = json_string_value(item);

	return place_parse(ret, text ? text : "", e);
}

/* What cannot be read may have been any place. */
static void on_changed(struct lifeline *l, const json_t *msg)
{
	const json_t *list = json_object_get(msg, "places");
	size_t n = 0, n_all = json_array_size(list);
	CLEANUP_FREE struct place *places = xcalloc(n_all, sizeof *places);
	struct err e = {0};

	while (n < n_all && parse(&places[n], json_array_get(list, n), &e) == 0)
		n++;
	if (n < n_all)
		log_warn("controller.unreadable", LOG_ERR(&e));
	l->ops.on_changed(l->ud, places, n < n_all ? 0 : n);
}

/* How many of them can be read; the log says what cannot. */
static size_t read_routes(struct told_route ret[], const json_t *list)
{
	const json_t *item;
	struct err e = {0};
	size_t i, n = 0;

	json_array_foreach(list, i, item)
		if (told_route_decode(&ret[n], item, &e) < 0)
			log_warn("controller.unreadable", LOG_ERR(&e));
		else
			n++;
	return n;
}

static size_t read_nets(struct ipnet ret[], const json_t *list)
{
	const json_t *item;
	struct err e = {0};
	size_t i, n = 0;

	json_array_foreach(list, i, item) {
		const char *text = json_string_value(item);

		if (ipnet_parse(&ret[n], text ? text : "", &e) < 0)
			log_warn("controller.unreadable", LOG_ERR(&e));
		else
			n++;
	}
	return n;
}

static void on_routes(struct lifeline *l, const json_t *msg)
{
	const json_t *set = json_object_get(msg, "set"), *gone = json_object_get(msg, "gone");
	CLEANUP_FREE struct told_route *routes = xcalloc(json_array_size(set), sizeof *routes);
	CLEANUP_FREE struct ipnet *nets = xcalloc(json_array_size(gone), sizeof *nets);
	size_t n_routes = read_routes(routes, set), n_nets = read_nets(nets, gone);

	l->ops.on_routes(
		l->ud, json_is_true(json_object_get(msg, "all")), routes, n_routes, nets, n_nets);
	for (size_t i = 0; i < n_routes; i++)
		attributes_unref(routes[i].attributes);
}

static int read_members(struct ipaddr ret[], const json_t *list, struct err *e)
{
	const json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, item) {
		const char *text = json_string_value(item);

		r = r < 0 ? r : ipaddr_parse(&ret[i], text ? text : "", e);
	}
	return r;
}

/* All or none: who is missing in the list would be taken for dead. */
static void on_members(struct lifeline *l, const json_t *msg)
{
	const json_t *list = json_object_get(msg, "addresses");
	size_t n = json_array_size(list);
	CLEANUP_FREE struct ipaddr *addrs = NULL;
	struct err e = {0};
	int r = 0;

	if (!l->ops.on_members)
		return;
	if (!json_is_array(list) || n > LIMIT_MEMBERS) {
		r = err_set(&e, EINVAL, "the members are no list of %d at most", LIMIT_MEMBERS);
	} else {
		addrs = xcalloc(n, sizeof *addrs);
		r = read_members(addrs, list, &e);
	}
	if (r < 0)
		log_warn("controller.unreadable", LOG_ERR(&e));
	else
		l->ops.on_members(l->ud, addrs, n);
}

static void on_alive(struct lifeline *l, const json_t *msg)
{
	l->facts.pulses = true;
	l->facts.lacks_keepalived = json_is_false(json_object_get(msg, "keepalived"));
}

static void on_message(struct control_conn *c, json_t *msg, void *ud)
{
	struct lifeline *l = ud;
	const char *type = "";
	bool ready = false;
	struct err e = {0};

	(void)c;
	l->facts.n_words++;
	if (jsonx_str(&type, msg, "type", &e) < 0 || jsonx_bool(&ready, msg, "ready", &e) < 0)
		log_warn("controller.unreadable", LOG_ERR(&e));
	else if (strcmp(type, "state") == 0 && ready)
		l->ops.on_ready(l->ud);
	else if (strcmp(type, "alive") == 0)
		on_alive(l, msg);
	else if (strcmp(type, "changed") == 0)
		on_changed(l, msg);
	else if (strcmp(type, "routes") == 0)
		on_routes(l, msg);
	else if (strcmp(type, "members") == 0)
		on_members(l, msg);
}

static void on_close(struct control_conn *c, const char *why, void *ud)
{
	struct lifeline *l = ud;

	(void)c;
	l->conn = NULL;
	l->facts = (struct grace_facts){0};
	log_warn("controller.lost", LOG_STR("why", why),
		LOG_STR("effect", "announcements go on following the kernel's IPVS table, for "
				  "node.grace"));
	loop_timer_arm(l->retry, RETRY);
	l->ops.on_lost(l->ud);
}

static const struct control_ops control_ops = {.on_message = on_message, .on_close = on_close};

static void log_absence(struct lifeline *l, const struct err *e)
{
	if (e->code != EACCES || l->refused)
		log_debug("controller.absent", LOG_ERR(e));
	else
		log_warn("controller.refused", LOG_ERR(e),
			LOG_STR("why", "another user's process holds the controller's socket"),
			LOG_STR("next", "tried each second; this is said once"));
	l->refused |= e->code == EACCES;
}

static void dial(void *ud)
{
	struct lifeline *l = ud;
	struct err e = {0};

	if (control_connect(&l->conn, l->loop, l->socket, &control_ops, l, &e) < 0) {
		log_absence(l, &e);
		loop_timer_arm(l->retry, RETRY);
		return;
	}
	log_info("controller.connected");
	l->facts.is_connected = true;
	control_send(l->conn, json_pack("{ss}", "type", "sidecar"));
	tell_all(l);
}

int lifeline_open(struct lifeline **ret, sd_event *loop, const char *socket,
	const struct lifeline_ops *ops, void *ud, struct err *e)
{
	CLEANUP(lifeline_closep) struct lifeline *l = xnew0(struct lifeline);
	int r;

	l->loop = loop;
	l->socket = socket;
	l->ops = *ops;
	l->ud = ud;
	l->report.announced = &l->announced;
	r = loop_timer_new(&l->retry, loop, dial, l, e);
	if (r < 0)
		return r;
	dial(l);
	*ret = steal(l);
	return 0;
}

static void drop_json(const struct lifeline_report *r)
{
	json_decref(r->bgp);
	json_decref(r->l2);
	json_decref(r->exec);
	json_decref(r->config);
}

struct lifeline *lifeline_close(struct lifeline *l)
{
	if (!l)
		return NULL;
	if (l->conn)
		control_close(l->conn);
	sd_event_source_disable_unref(l->retry);
	prefixes_done(&l->announced);
	drop_json(&l->report);
	free(l);
	return NULL;
}

bool lifeline_is_up(const struct lifeline *l)
{
	return l->conn != NULL;
}

static bool same_json(json_t *a, json_t *b)
{
	return a == b || json_equal(a, b);
}

struct grace_facts lifeline_facts(const struct lifeline *l)
{
	return l->facts;
}

static bool same(const struct lifeline_report *a, const struct lifeline_report *b)
{
	return a->sessions == b->sessions && a->peers == b->peers && a->complete == b->complete &&
	       a->waits == b->waits && a->suspended == b->suspended && same_json(a->bgp, b->bgp) &&
	       same_json(a->l2, b->l2) && same_json(a->exec, b->exec) &&
	       same_json(a->config, b->config) && prefixes_equal(a->announced, b->announced);
}

void lifeline_report(struct lifeline *l, const struct lifeline_report *report)
{
	CLEANUP_PREFIXES struct prefixes before = {0};

	if (same(&l->report, report)) {
		drop_json(report);
		return;
	}
	drop_json(&l->report);
	before = l->announced;
	l->announced = prefixes_copy(report->announced);
	l->report = *report;
	l->report.announced = &l->announced;
	if (l->conn)
		tell_changes(l, &before);
}
