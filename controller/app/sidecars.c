/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sidecars.h"

#include <string.h>

#include "app/route_news.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/control.h"
#include "loop/loop.h"

/* usec between two words on a lifeline by which a sidecar knows that we are alive. */
enum { PULSE = 2 * 1000 * 1000 };

struct sidecars {
	struct control_server *server;
	struct scribes *scribes;
	sd_event_source *pulse_timer;
	struct sidecars_ops ops;
	void *ud;
	uid_t refused[LIMIT_CONTROL_REFUSED]; /* that the log has named */
	size_t n_refused;
	struct control_conn *lifelines[LIMIT_CONTROL_CLIENTS];
	size_t n_lifelines;
	struct sidecar_state said;
	struct route_news routes;
	json_t *members; /* the message; NULL: not known yet */
	bool ready;
};

DEFINE_CLEANUP(struct sidecars *, sidecars_free);

static void tell_state(const struct sidecars *s, struct control_conn *c)
{
	control_send(c, json_pack("{s:s, s:b}", "type", "state", "ready", s->ready));
}

static void tell_alive(const struct sidecars *s, struct control_conn *c)
{
	control_send(c, json_pack("{s:s, s:b}", "type", "alive", "keepalived",
				s->ops.has_keepalived(s->ud)));
}

static void on_pulse_time(void *ud)
{
	struct sidecars *s = ud;

	for (size_t i = 0; i < s->n_lifelines; i++)
		tell_alive(s, s->lifelines[i]);
	if (s->n_lifelines > 0)
		loop_timer_arm(s->pulse_timer, PULSE);
}

/*
 * A controller that is not ready does not know of all Services yet: what others have told holds. A
 * state that says it is ready comes behind all.
 */
static void tell_all_routes(const struct sidecars *s, struct control_conn *c)
{
	control_send(c, route_news_all(&s->routes, s->ready));
}

static size_t find_lifeline(const struct sidecars *s, const struct control_conn *c)
{
	size_t i = 0;

	while (i < s->n_lifelines && s->lifelines[i] != c)
		i++;
	return i;
}

static size_t count_in(const json_t *msg, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(msg, key));

	return n > 0 ? (size_t)n : 0;
}

/* A copy; NULL: it is not there. */
static char *text_in(const json_t *msg, const char *key)
{
	const char *text = json_string_value(json_object_get(msg, key));

	return text ? xstrdup(text) : NULL;
}

static void open_lifeline(struct sidecars *s, struct control_conn *c)
{
	if (find_lifeline(s, c) < s->n_lifelines || s->n_lifelines == LIMIT_CONTROL_CLIENTS)
		return;
	s->lifelines[s->n_lifelines++] = c;
	log_info("sidecar.connected");
	tell_alive(s, c);
	loop_timer_arm(s->pulse_timer, PULSE);
	tell_all_routes(s, c);
	tell_state(s, c);
	if (s->members)
		control_send(c, json_incref(s->members));
}

static void forget(struct sidecars *s)
{
	json_decref(s->said.announced);
	json_decref(s->said.bgp);
	json_decref(s->said.l2);
	json_decref(s->said.exec);
	json_decref(s->said.config);
	free(s->said.suspended);
	s->said = (struct sidecar_state){0};
}

/* Where `net` is in a sorted list of texts, or belongs. */
static size_t position(const json_t *list, const struct ipnet *net)
{
	size_t low = 0, high = json_array_size(list);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *text = json_string_value(json_array_get(list, middle));
		struct ipnet there = {0};
		struct err e = {0};

		if (ipnet_parse(&there, text ? text : "", &e) < 0 || ipnet_cmp(&there, net) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void change_one(json_t *list, const char *text, bool gained)
{
	struct ipnet net;
	struct err e = {0};
	const char *there;
	size_t at;

	if (!text || ipnet_parse(&net, text, &e) < 0)
		return;
	at = position(list, &net);
	there = json_string_value(json_array_get(list, at));
	if (there && strcmp(there, text) == 0) {
		if (!gained)
			json_array_remove(list, at);
	} else if (gained) {
		json_array_insert_new(list, at, json_string(text));
	}
}

static void change_all(json_t *list, const json_t *items, bool gained)
{
	size_t i;
	const json_t *item;

	json_array_foreach(items, i, item)
		change_one(list, json_string_value(item), gained);
}

/* All prefixes that are announced after a message, which says them or what is different; new. */
static json_t *announced_after(json_t *before, const json_t *msg)
{
	json_t *all = json_object_get(msg, "prefixes");
	const json_t *gained = json_object_get(msg, "gained"), *lost = json_object_get(msg, "lost");
	json_t *list;

	if (json_is_array(all))
		return json_incref(all);
	if (!json_is_array(gained) || !json_is_array(lost))
		return NULL;
	list = before ? json_copy(before) : json_array();
	change_all(list, lost, false);
	change_all(list, gained, true);
	return list;
}

static void take_announced(struct sidecars *s, const json_t *msg)
{
	CLEANUP(json_decrefp) json_t *prefixes = NULL;
	size_t sessions = count_in(msg, "sessions");

	prefixes = announced_after(s->said.announced, msg);
	if (!prefixes)
		return;
	if (!json_equal(s->said.announced, prefixes) || s->said.sessions != sessions)
		log_info("sidecar.announces", LOG_UINT("prefixes", json_array_size(prefixes)),
			LOG_UINT("sessions", sessions));
	forget(s);
	s->said = (struct sidecar_state){
		.announced = steal(prefixes),
		.bgp = json_incref(json_object_get(msg, "bgp")),
		.l2 = json_incref(json_object_get(msg, "l2")),
		.exec = json_incref(json_object_get(msg, "exec")),
		.config = json_incref(json_object_get(msg, "config")),
		.sessions = sessions,
		.peers = count_in(msg, "peers"),
		.complete = json_is_true(json_object_get(msg, "complete")),
		.waits = json_is_true(json_object_get(msg, "waits")),
		.suspended = text_in(msg, "suspended"),
	};
	s->ops.on_announced(s->ud);
}

struct question {
	const struct sidecars *asked;
	const char *ns, *name; /* NULL: all of the status */
	struct listen client;
};

static void write_answer(const void *arg, FILE *out)
{
	const struct question *q = arg;
	const struct sidecars *s = q->asked;
	CLEANUP(json_decrefp) json_t *answer = NULL;

	if (q->name) {
		answer = s->ops.explain(s->ud, q->ns, q->name, &q->client);
		json_dumpf(answer, out, JSON_COMPACT | JSON_SORT_KEYS);
	} else {
		s->ops.status(s->ud, out);
	}
	fputc('\n', out);
}

static void answer_apart(struct sidecars *s, struct control_conn *c, const struct question *q)
{
	CLEANUP_CLOSE int fd = control_take_fd(c);
	struct err e = {0};

	if (scribes_start(s->scribes, fd, write_answer, q, NULL, NULL, &e) < 0)
		log_warn("control.unanswered", LOG_ERR(&e));
}

static void explain(struct sidecars *s, struct control_conn *c, const json_t *msg)
{
	struct question q = {s, json_string_value(json_object_get(msg, "namespace")),
		json_string_value(json_object_get(msg, "name")), {{0}, 0}};
	const char *client = json_string_value(json_object_get(msg, "client"));
	struct err e = {0};

	if (q.ns && q.name && (!client || listen_parse(&q.client, client, &e) == 0))
		answer_apart(s, c, &q);
	else
		control_close(c);
}

static void on_message(struct control_conn *c, json_t *msg, void *ud)
{
	struct sidecars *s = ud;
	const char *said = json_string_value(json_object_get(msg, "type"));
	const char *type = said ? said : "";

	if (strcmp(type, "status") == 0)
		answer_apart(s, c, &(struct question){.asked = s});
	else if (strcmp(type, "explain") == 0)
		explain(s, c, msg);
	else if (strcmp(type, "sidecar") == 0)
		open_lifeline(s, c);
	else if (find_lifeline(s, c) == s->n_lifelines)
		control_close(c);
	else if (strcmp(type, "announced") == 0)
		take_announced(s, msg);
}

static void on_refused(uid_t uid, void *ud)
{
	struct sidecars *s = ud;

	for (size_t i = 0; i < s->n_refused; i++)
		if (s->refused[i] == uid)
			return;
	if (s->n_refused == LIMIT_CONTROL_REFUSED)
		return;
	s->refused[s->n_refused++] = uid;
	log_warn("control.refused", LOG_UINT("uid", uid),
		LOG_STR("why", "the control socket is for root and for our own user"),
		LOG_STR("next", "its connections are closed; this is said once"));
}

static void on_close(struct control_conn *c, const char *why, void *ud)
{
	struct sidecars *s = ud;
	size_t i = find_lifeline(s, c);

	if (i == s->n_lifelines)
		return;
	s->lifelines[i] = s->lifelines[--s->n_lifelines];
	log_info("sidecar.disconnected", LOG_STR("reason", why));
	if (s->n_lifelines > 0)
		return;
	forget(s);
	s->ops.on_gone(s->ud);
}

int sidecars_new(struct sidecars **ret, sd_event *loop, const char *socket, struct scribes *scribes,
	const struct sidecars_ops *ops, void *ud, struct err *e)
{
	static const struct control_ops control_ops = {on_message, on_close, on_refused};
	CLEANUP(sidecars_freep) struct sidecars *s = xnew0(struct sidecars);
	int r;

	s->scribes = scribes;
	s->ops = *ops;
	s->ud = ud;
	r = loop_timer_new(&s->pulse_timer, loop, on_pulse_time, s, e);
	if (r == 0)
		r = control_listen(&s->server, loop, socket, &control_ops, s, e);
	if (r < 0)
		return r;
	*ret = steal(s);
	return 0;
}

struct sidecars *sidecars_free(struct sidecars *s)
{
	if (!s)
		return NULL;
	control_server_free(s->server);
	sd_event_source_disable_unref(s->pulse_timer);
	route_news_done(&s->routes);
	json_decref(s->members);
	forget(s);
	free(s);
	return NULL;
}

void sidecars_set_ready(struct sidecars *s, bool ready)
{
	if (s->ready == ready)
		return;
	s->ready = ready;
	for (size_t i = 0; i < s->n_lifelines; i++) {
		if (ready)
			tell_all_routes(s, s->lifelines[i]);
		tell_state(s, s->lifelines[i]);
	}
}

void sidecars_tell_routes(struct sidecars *s, const struct fleet *before, const struct fleet *now)
{
	json_t *msg = route_news_next(&s->routes, before, now);

	for (size_t i = 0; msg && i < s->n_lifelines; i++)
		control_send(s->lifelines[i], json_incref(msg));
	json_decref(msg);
}

static json_t *list_of(const struct place places[], size_t n_places)
{
	json_t *list = json_array();
	char text[PLACE_TEXT];

	for (size_t i = 0; i < n_places; i++)
		json_array_append_new(list, json_string(place_format(text, &places[i])));
	return list;
}

void sidecars_tell_changed(struct sidecars *s, const struct place places[], size_t n_places)
{
	for (size_t i = 0; i < s->n_lifelines; i++)
		control_send(s->lifelines[i], json_pack("{s:s, s:o}", "type", "changed", "places",
						      list_of(places, n_places)));
}

/* A list that has nodes alone says nothing of load balancers. */
void sidecars_tell_members(
	struct sidecars *s, const struct member_address list[], size_t n_addresses)
{
	CLEANUP(json_decrefp) json_t *addresses = json_array();
	char text[IPADDR_TEXT];

	for (size_t i = 0; i < n_addresses; i++)
		if (!list[i].is_node)
			json_array_append_new(
				addresses, json_string(ipaddr_format(text, &list[i].addr)));
	if ((list && json_array_size(addresses) == 0) ||
		(s->members && json_equal(json_object_get(s->members, "addresses"), addresses)))
		return;
	json_decref(s->members);
	s->members = json_pack("{ss sO}", "type", "members", "addresses", addresses);
	for (size_t i = 0; i < s->n_lifelines; i++)
		control_send(s->lifelines[i], json_incref(s->members));
}

size_t sidecars_count(const struct sidecars *s)
{
	return s->n_lifelines;
}

const struct sidecar_state *sidecars_state(const struct sidecars *s)
{
	return &s->said;
}
