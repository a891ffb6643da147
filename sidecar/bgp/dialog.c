/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/dialog.h"

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "bgp/relay.h"
#include "loop/loop.h"

enum {
	BATCH = 256, /* commands sent before their answers are waited for */
	/* Bytes of them: what a socket has room for. */
	BATCH_SIZE = 64 * 1024 + ORDERS_OF_ROUTE * EXABGP_API_COMMAND_SIZE,
	ANSWER_TIMEOUT = 10 * 1000 * 1000,
	PULSE_TIME = 3 * 1000 * 1000, /* without a command until one is sent that does nothing */
	LOSS_TIMEOUT = 1000 * 1000,
};

/* What a command that was sent is about. */
struct command {
	struct ipnet net;
	bool announces, settles;
	bool stays;           /* with `settles`: peers have `settled` then, else nobody has it */
	struct route settled; /* with a reference */
};

/* What was sent and is not yet answered. LIST comes after each RELOAD. */
enum sent { ROUTES, PULSE, RELOAD, LIST };

struct dialog {
	struct relay *relay; /* NULL: there is no exabgp */
	enum { AWAITED, OPEN, LOST } api;
	sd_event *loop;
	sd_event_source *answer_timer, *pulse_timer;
	struct command sent[BATCH]; /* answered in this order, one answer each */
	size_t n_sent, n_answered;
	enum sent what;
	struct ipaddr listed[LIMIT_BGP_PEERS];
	size_t n_listed;
	struct dialog_ops ops;
	void *ud;
	char batch[BATCH_SIZE];
};

static void forget_sent(struct dialog *d)
{
	for (size_t i = 0; i < d->n_sent && d->what == ROUTES; i++)
		attributes_unref(d->sent[i].settled.attributes);
	d->n_sent = d->n_answered = 0;
	d->what = ROUTES;
}

static bool is_idle(const struct dialog *d)
{
	return d->n_answered == d->n_sent;
}

void dialog_give_up(struct dialog *d)
{
	d->api = LOST;
	loop_timer_stop(d->answer_timer);
	loop_timer_stop(d->pulse_timer);
}

/* Whatever is wrong with it, a new one has a known state. */
static void fail(struct dialog *d, const char *why)
{
	dialog_give_up(d);
	d->ops.on_broken(d->ud, why);
}

static void send_text(struct dialog *d, const char *text, size_t len)
{
	struct err e = {0};

	loop_timer_arm(d->answer_timer, ANSWER_TIMEOUT);
	if (relay_send(d->relay, text, len, &e) < 0)
		fail(d, e.msg);
}

/* One command that is no route. */
static void send_one(struct dialog *d, enum sent what, const char *command)
{
	forget_sent(d);
	d->n_sent = 1;
	d->what = what;
	send_text(d, command, strlen(command));
}

/* One that was stopped, or is stuck, would else be noticed by the next change only. */
static void on_pulse_time(void *ud)
{
	struct dialog *d = ud;

	if (dialog_is_free(d))
		send_one(d, PULSE, EXABGP_API_NOTHING);
}

static size_t write_command(
	struct dialog *d, char *buf, const struct order *o, const struct exabgp_api_peers *peers)
{
	struct command *c = &d->sent[d->n_sent++];

	*c = (struct command){
		.net = o->route.net, .announces = o->announces, .settles = o->settles};
	if (o->settled) {
		c->stays = true;
		c->settled = *o->settled;
		attributes_ref(c->settled.attributes);
	}
	return o->announces ? exabgp_api_announce(buf, &o->route, peers)
			    : exabgp_api_withdraw(buf, &o->route, peers);
}

/* As many as there is room for; returns their length. All of a route's are in one batch. */
static size_t build_batch(struct dialog *d, const struct order orders[], size_t n,
	const struct exabgp_api_peers *peers)
{
	size_t len = 0;

	forget_sent(d);
	for (size_t i = 0; i < n; i++) {
		bool begins = i == 0 || orders[i - 1].settles;

		if (begins && len + ORDERS_OF_ROUTE * EXABGP_API_COMMAND_SIZE > BATCH_SIZE)
			break;
		len += write_command(d, d->batch + len, &orders[i], peers);
	}
	return len;
}

/* All that was sent is answered. */
static void finish(struct dialog *d, enum dialog_topic topic)
{
	forget_sent(d);
	loop_timer_stop(d->answer_timer);
	loop_timer_arm(d->pulse_timer, PULSE_TIME);
	d->ops.on_answered(d->ud, topic);
}

static void on_refusal(struct dialog *d, const struct command *c)
{
	char net[IPNET_TEXT];

	log_error("exabgp.refused", LOG_STR("what", c->announces ? "announce" : "withdraw"),
		LOG_STR("prefix", ipnet_format(net, &c->net)), LOG_STR("why", "see exabgp.log"));
	fail(d, "it refused a command, so what it announces is not what it shall");
}

/* Between the commands of one route it is as before, or as it will be. */
static void on_route_answer(struct dialog *d, bool ok)
{
	const struct command *c = &d->sent[d->n_answered];

	if (!ok) {
		on_refusal(d, c);
		return;
	}
	if (c->settles)
		d->ops.on_settled(d->ud, &c->net, c->stays ? &c->settled : NULL);
	d->n_answered++;
	if (is_idle(d))
		finish(d, DIALOG_ROUTES);
}

/* 4.2 reads the file after its answer, and carries out the next command after that. */
static void on_reload_answer(struct dialog *d, bool ok)
{
	d->n_listed = 0;
	if (ok)
		send_one(d, LIST, EXABGP_API_LIST);
	else
		fail(d, "it refused to read its configuration anew");
}

static void on_list_answer(struct dialog *d, bool ok)
{
	if (ok)
		finish(d, DIALOG_RELOAD);
	else
		fail(d, "it did not say which peers it has");
}

static void on_answer(struct dialog *d, bool ok)
{
	if (d->api != OPEN || is_idle(d))
		return;
	switch (d->what) {
	case ROUTES:
		on_route_answer(d, ok);
		break;
	case PULSE: /* any answer is a sign of life */
		finish(d, DIALOG_PULSE);
		break;
	case RELOAD:
		on_reload_answer(d, ok);
		break;
	case LIST:
		on_list_answer(d, ok);
		break;
	}
}

static void on_listed(struct dialog *d, const struct ipaddr *peer)
{
	if (d->what == LIST && d->n_listed < LIMIT_BGP_PEERS)
		d->listed[d->n_listed++] = *peer;
}

static void on_line(void *ud, const char *line)
{
	struct dialog *d = ud;
	struct exabgp_api_event ev;
	struct err e = {0};

	if (exabgp_api_parse(&ev, line, &e) < 0) {
		log_debug("exabgp.unreadable", LOG_ERR(&e), LOG_STR("line", line));
		return;
	}
	switch (ev.kind) {
	case EXABGP_API_DONE:
	case EXABGP_API_ERROR:
		on_answer(d, ev.kind == EXABGP_API_DONE);
		break;
	case EXABGP_API_PEER_UP:
	case EXABGP_API_PEER_CALLED:
	case EXABGP_API_PEER_DOWN:
		d->ops.on_session(d->ud, &ev);
		break;
	case EXABGP_API_PEER_LISTED:
		on_listed(d, &ev.peer);
		break;
	case EXABGP_API_OTHER:
		break;
	}
}

static void on_open(void *ud)
{
	struct dialog *d = ud;

	/* A second one in the life of one exabgp: nobody knows what it still knows. */
	if (d->api == LOST)
		return;
	d->api = OPEN;
	log_debug("exabgp.connected");
	loop_timer_arm(d->pulse_timer, PULSE_TIME);
	d->ops.on_open(d->ud);
}

static void on_close(void *ud, const char *why)
{
	struct dialog *d = ud;

	/* Most likely it ends itself. */
	log_debug("exabgp.disconnected", LOG_STR("why", why));
	d->api = LOST;
	loop_timer_arm(d->answer_timer, LOSS_TIMEOUT);
}

static void on_no_answer(void *ud)
{
	fail(ud, "its API does not answer");
}

int dialog_new(
	struct dialog **ret, sd_event *loop, const struct dialog_ops *ops, void *ud, struct err *e)
{
	CLEANUP(dialog_freep) struct dialog *d = xnew0(struct dialog);
	int r;

	d->loop = loop;
	d->ops = *ops;
	d->ud = ud;
	r = loop_timer_new(&d->answer_timer, loop, on_no_answer, d, e);
	if (r == 0)
		r = loop_timer_new(&d->pulse_timer, loop, on_pulse_time, d, e);
	if (r < 0)
		return r;
	*ret = steal(d);
	return 0;
}

struct dialog *dialog_free(struct dialog *d)
{
	if (!d)
		return NULL;
	relay_free(d->relay);
	forget_sent(d);
	sd_event_source_disable_unref(d->answer_timer);
	sd_event_source_disable_unref(d->pulse_timer);
	free(d);
	return NULL;
}

int dialog_listen(struct dialog *d, struct err *e)
{
	static const struct relay_ops ops = {on_open, on_line, on_close};

	dialog_end(d);
	return relay_listen(&d->relay, d->loop, &ops, d, e);
}

void dialog_end(struct dialog *d)
{
	d->relay = relay_free(d->relay);
	d->api = AWAITED;
	forget_sent(d);
	loop_timer_stop(d->answer_timer);
	loop_timer_stop(d->pulse_timer);
}

bool dialog_is_awaited(const struct dialog *d)
{
	return d->api == AWAITED;
}

bool dialog_is_open(const struct dialog *d)
{
	return d->api == OPEN;
}

bool dialog_is_free(const struct dialog *d)
{
	return d->api == OPEN && is_idle(d);
}

bool dialog_tells_routes(const struct dialog *d)
{
	return !is_idle(d) && d->what == ROUTES;
}

void dialog_tell(struct dialog *d, const struct routes_out *taken, const struct routes_out *due,
	const struct exabgp_api_peers *peers)
{
	struct order orders[BATCH];
	size_t n = orders_build(orders, BATCH, taken, due, peers->kinds);
	size_t len = build_batch(d, orders, n, peers);

	if (len > 0)
		send_text(d, d->batch, len);
}

void dialog_reload(struct dialog *d)
{
	send_one(d, RELOAD, EXABGP_API_RELOAD);
}

const struct ipaddr *dialog_peers(const struct dialog *d, size_t *ret_n)
{
	*ret_n = d->n_listed;
	return d->listed;
}
