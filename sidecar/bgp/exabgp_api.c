/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp_api.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "doc/jsonx.h"

static size_t write_command(
	char *buf, const char *verb, const struct ipnet *net, const struct ipaddr *next_hop)
{
	char prefix[IPNET_TEXT], hop[IPADDR_TEXT];
	int n = snprintf(buf, EXABGP_API_COMMAND_SIZE, "%s route %s next-hop %s\n", verb,
		ipnet_format(prefix, net), ipaddr_format(hop, next_hop));

	return (size_t)n;
}

size_t exabgp_api_announce(char ret_buf[static EXABGP_API_COMMAND_SIZE], const struct ipnet *net,
	const struct ipaddr *next_hop)
{
	return write_command(ret_buf, "announce", net, next_hop);
}

size_t exabgp_api_withdraw(char ret_buf[static EXABGP_API_COMMAND_SIZE], const struct ipnet *net,
	const struct ipaddr *next_hop)
{
	return write_command(ret_buf, "withdraw", net, next_hop);
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
	else if (strcmp(state, "down") == 0)
		ev->kind = EXABGP_API_PEER_DOWN;
	snprintf(ev->reason, sizeof ev->reason, "%s", reason);
	return 0;
}

static int read_answer(struct exabgp_api_event *ev, const char *answer, struct err *e)
{
	if (strcmp(answer, "done") == 0)
		ev->kind = EXABGP_API_DONE;
	else if (strcmp(answer, "error") == 0)
		ev->kind = EXABGP_API_ERROR;
	else if (strcmp(answer, "shutdown") != 0)
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
