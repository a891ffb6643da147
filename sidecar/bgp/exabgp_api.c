/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp_api.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"

/* A command that is being written; EXABGP_API_COMMAND_SIZE is enough for all of it. */
struct text {
	char *buf;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	size_t room = EXABGP_API_COMMAND_SIZE - t->len;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(t->buf + t->len, room, format, arguments);
	va_end(arguments);
	t->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* The blanks around the commas are needed. */
static void put_peers(struct text *t, peer_set to, const struct exabgp_api_peers *peers)
{
	const char *between = "";
	char addr[IPADDR_TEXT];

	if (to == ((peer_set)1 << peers->n_items) - 1)
		return;
	for (size_t i = 0; i < peers->n_items; i++)
		if (to & (peer_set)1 << i) {
			put(t, "%sneighbor %s", between,
				ipaddr_format(addr, &peers->items[i].address));
			between = " , ";
		}
	put(t, " ");
}

static void put_route(struct text *t, const char *verb, const struct route *r,
	const struct exabgp_api_peers *peers)
{
	char net[IPNET_TEXT], hop[IPADDR_TEXT];

	put_peers(t, r->peers, peers);
	put(t, "%s route %s next-hop %s", verb, ipnet_format(net, &r->net),
		ipaddr_format(hop, &r->next_hop));
}

/* In numbers, for exabgp does not know all names. */
static void put_communities(struct text *t, const struct communities *all)
{
	static const char *const words[COMMUNITY_N_KINDS] = {
		[COMMUNITY_STANDARD] = "community",
		[COMMUNITY_LARGE] = "large-community",
		[COMMUNITY_EXTENDED] = "extended-community",
	};
	char number[COMMUNITY_TEXT];

	for (size_t i = 0; i < all->n_items; i++) {
		const struct community *one = &all->items[i];

		if (i == 0 || one->kind != one[-1].kind)
			put(t, " %s [", words[one->kind]);
		put(t, " %s", community_number(number, one));
		if (i + 1 == all->n_items || one->kind != one[1].kind)
			put(t, " ]");
	}
}

/* An AS path that is said is sent as it is, so our own AS, which exabgp else adds, is in it. */
static void put_attributes(
	struct text *t, const struct attributes *a, bool is_external, uint32_t as)
{
	if (a->said & ATTRIBUTES_LOCAL_PREFERENCE)
		put(t, " local-preference %" PRIu32, a->local_preference);
	if (a->said & ATTRIBUTES_MED)
		put(t, " med %" PRIu32, a->med);
	if (is_external && a->prepend > 0) {
		put(t, " as-path [");
		for (unsigned i = 0; i <= a->prepend; i++)
			put(t, " %" PRIu32, as);
		put(t, " ]");
	}
	put_communities(t, &a->communities);
}

size_t exabgp_api_announce(char ret_buf[static EXABGP_API_COMMAND_SIZE], const struct route *r,
	const struct exabgp_api_peers *peers)
{
	struct text t = {ret_buf, 0};

	put_route(&t, "announce", r, peers);
	if (r->attributes)
		put_attributes(
			&t, r->attributes, (r->peers & peers->kinds.external) != 0, peers->as);
	put(&t, "\n");
	return t.len;
}

size_t exabgp_api_withdraw(char ret_buf[static EXABGP_API_COMMAND_SIZE], const struct route *r,
	const struct exabgp_api_peers *peers)
{
	struct text t = {ret_buf, 0};

	put_route(&t, "withdraw", r, peers);
	put(&t, "\n");
	return t.len;
}

static int read_state(struct exabgp_api_event *ev, const json_t *doc, struct err *e)
{
	const char *state = "", *peer = NULL, *reason = "";
	int r = jsonx_need_str(&peer, doc, "neighbor.address.peer", e);

	if (r == 0)
		r = jsonx_str(&state, doc, "neighbor.state", e);
	if (r == 0)
		r = jsonx_str(&reason, doc, "neighbor.reason", e);
	if (r == 0)
		r = ipaddr_parse(&ev->peer, peer, e);
	if (r < 0)
		return r;
	if (strcmp(state, "up") == 0)
		ev->kind = EXABGP_API_PEER_UP;
	else if (strcmp(state, "connected") == 0)
		ev->kind = EXABGP_API_PEER_CALLED;
	else if (strcmp(state, "down") == 0)
		ev->kind = EXABGP_API_PEER_DOWN;
	snprintf(ev->reason, sizeof ev->reason, "%s", reason);
	return 0;
}

/* "Neighbor 10.0.0.1", of a list of peers. */
static bool read_listed(struct exabgp_api_event *ev, const char *line)
{
	static const char word[] = "Neighbor ";
	struct err unused = {0};

	if (!str_has_prefix(line, word) ||
		ipaddr_parse(&ev->peer, line + strlen(word), &unused) < 0)
		return false;
	ev->kind = EXABGP_API_PEER_LISTED;
	return true;
}

static int read_answer(struct exabgp_api_event *ev, const char *answer, struct err *e)
{
	if (strcmp(answer, "done") == 0)
		ev->kind = EXABGP_API_DONE;
	else if (strcmp(answer, "error") == 0)
		ev->kind = EXABGP_API_ERROR;
	else if (strcmp(answer, "shutdown") != 0 && !read_listed(ev, answer))
		return err_set(e, EINVAL, "neither an answer nor JSON");
	return 0;
}

/* The text of `"key": "text"` in a line that is no JSON; "" if it is not there. */
static void find_text(char *ret, size_t size, const char *line, const char *key)
{
	CLEANUP_FREE char *head = xasprintf("\"%s\": \"", key);
	const char *at = strstr(line, head);

	ret[0] = '\0';
	if (!at)
		return;
	at += strlen(head);
	snprintf(ret, size, "%.*s", (int)strcspn(at, "\""), at);
}

/*
 * What a peer says at the end of a session is in the line as it came, quotes and all, so that it is
 * no JSON then (RFC 8203, RFC 4486): all else comes before it.
 */
static bool salvage_state(struct exabgp_api_event *ev, const char *line)
{
	char peer[IPADDR_TEXT], state[16], type[16];
	struct err ignored = {0};

	find_text(type, sizeof type, line, "type");
	find_text(peer, sizeof peer, line, "peer");
	find_text(state, sizeof state, line, "state");
	if (strcmp(type, "state") != 0 || strcmp(state, "down") != 0 ||
		ipaddr_parse(&ev->peer, peer, &ignored) < 0)
		return false;
	ev->kind = EXABGP_API_PEER_DOWN;
	snprintf(ev->reason, sizeof ev->reason, "what the peer said of it cannot be read");
	return true;
}

/* 5.0 can be told to answer in JSON, too: {"answer": "done", ...}. */
static int read_json(struct exabgp_api_event *ev, const char *line, struct err *e)
{
	json_error_t why;
	CLEANUP(json_decrefp) json_t *doc = json_loads(line, 0, &why);
	const char *type = "", *answer = NULL;
	int r;

	if (!doc && salvage_state(ev, line))
		return 0;
	if (!doc)
		return err_set(e, EINVAL, "%s", why.text);
	r = jsonx_str(&type, doc, "type", e);
	if (r == 0)
		r = jsonx_str(&answer, doc, "answer", e);
	if (r < 0)
		return r;
	if (answer)
		return read_answer(ev, answer, e);
	return strcmp(type, "state") == 0 ? read_state(ev, doc, e) : 0;
}

int exabgp_api_parse(struct exabgp_api_event *ret, const char *line, struct err *e)
{
	struct exabgp_api_event ev = {.kind = EXABGP_API_OTHER};
	int r = line[0] == '{' ? read_json(&ev, line, e) : read_answer(&ev, line, e);

	if (r < 0)
		return err_wrap(e, "line from exabgp");
	*ret = ev;
	return 0;
}
