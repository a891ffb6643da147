/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bird_api.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { NUMBER = 4, /* digits before a line */ COLUMNS = 6 };

static const char *const states[] = {
	[BFD_UNKNOWN] = "unknown",
	[BFD_ADMIN_DOWN] = "AdminDown",
	[BFD_DOWN] = "Down",
	[BFD_INIT] = "Init",
	[BFD_UP] = "Up",
};

const char *bfd_state_name(enum bfd_state state)
{
	return states[state];
}

static bool has_number(const char *line, size_t len)
{
	for (size_t i = 0; i < NUMBER; i++)
		if (i >= len || !isdigit((unsigned char)line[i]))
			return false;
	return true;
}

size_t bird_api_whole(const char *text, size_t len)
{
	const char *line = text, *end;

	while ((end = memchr(line, '\n', len - (size_t)(line - text)))) {
		size_t length = (size_t)(end - line);

		if (has_number(line, length) && length > NUMBER && line[NUMBER] == ' ')
			return (size_t)(end + 1 - text);
		line = end + 1;
	}
	return 0;
}

/* The line's words, which are taken apart; up to one more than there may be. */
static size_t split(char *words[static COLUMNS + 1], char *line)
{
	size_t n = 0;
	char *rest = line, *word;

	while (n <= COLUMNS && (word = strsep(&rest, " ")))
		if (*word)
			words[n++] = word;
	return n;
}

/* The header of the table: names change with the version, their order must not. */
static bool is_header(char *words[static COLUMNS + 1], size_t n)
{
	return n == COLUMNS + 1 && strcmp(words[0], "IP") == 0 &&
	       strcmp(words[1], "address") == 0 && strcmp(words[2], "Interface") == 0 &&
	       strcmp(words[3], "State") == 0;
}

static int state_parse(enum bfd_state *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	for (enum bfd_state s = BFD_ADMIN_DOWN; s <= BFD_UP; s++) {
		if (strcmp(text, states[s]) != 0)
			continue;
		*ret = s;
		return 0;
	}
	return err_set(e, EINVAL, "%s is no state of a session", str_quote(quoted, text));
}

static bool has_peer(const struct bird_sessions *s, const struct ipaddr *peer)
{
	for (size_t i = 0; i < s->n_items; i++)
		if (ipaddr_equal(&s->items[i].peer, peer))
			return true;
	return false;
}

/* ADDRESS INTERFACE STATE SINCE INTERVAL TIMEOUT */
static int add_session(
	struct bird_sessions *s, char *words[static COLUMNS + 1], size_t n, struct err *e)
{
	enum bfd_state state = BFD_UNKNOWN;
	struct ipaddr peer;
	int r;

	if (n != COLUMNS)
		return err_set(e, EINVAL, "a session has %s words than it should",
			n < COLUMNS ? "fewer" : "more");
	r = ipaddr_parse(&peer, words[0], e);
	if (r == 0)
		r = state_parse(&state, words[2], e);
	if (r < 0)
		return r;
	if (has_peer(s, &peer))
		return err_set(e, EINVAL, "%s is there twice", words[0]);
	if (s->n_items == LIMIT_BGP_PEERS)
		return err_set(e, EINVAL, "more than %d sessions", LIMIT_BGP_PEERS);
	s->items[s->n_items].peer = peer;
	s->items[s->n_items++].state = state;
	return 0;
}

struct reading {
	struct bird_sessions sessions;
	bool named, headed; /* the protocol's name, the table's header was there */
};

/* The first line: "1020-bfd1:", our one protocol. */
static int take_name(struct reading *r, const char *line, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if (r->named || !str_has_prefix(line, "1020-") || line[strlen(line) - 1] != ':')
		return err_set(e, EINVAL, "%s is not about sessions", str_quote(quoted, line));
	r->named = true;
	return 0;
}

static int take_row(struct reading *r, char *line, struct err *e)
{
	char *words[COLUMNS + 1];
	size_t n = split(words, line);

	if (!r->named)
		return err_set(e, EINVAL, "a row without a protocol");
	if (r->headed)
		return add_session(&r->sessions, words, n, e);
	if (!is_header(words, n))
		return err_set(e, EINVAL, "the table has other columns");
	r->headed = true;
	return 0;
}

static int take_line(struct reading *r, char *line, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if (line[0] == ' ')
		return take_row(r, line, e);
	if (has_number(line, strlen(line)) && line[NUMBER] == '-')
		return take_name(r, line, e);
	return err_set(e, EINVAL, "%s", str_quote(quoted, line));
}

/* Lines of the answer but the last one. */
static int take_lines(struct reading *r, char *text, struct err *e)
{
	char *rest = text, *line = strsep(&rest, "\n");
	char quoted[STR_QUOTED_SIZE];
	int result = 0;

	for (; result == 0 && rest && *rest; line = strsep(&rest, "\n"))
		result = take_line(r, line, e);
	if (result < 0)
		return result;
	if (!r->headed || !str_has_prefix(line, "0000 "))
		return err_set(e, EINVAL, "%s", str_quote(quoted, line));
	return 0;
}

int bird_api_sessions(struct bird_sessions *ret, const char *text, size_t len, struct err *e)
{
	CLEANUP_FREE char *copy = xcalloc(len + 1, 1);
	struct reading r = {0};
	int result;

	memcpy(copy, text, len);
	if (strlen(copy) != len)
		return err_set(e, EINVAL, "answer of BIRD: there is a NUL in it");
	result = take_lines(&r, copy, e);
	if (result < 0)
		return err_wrap(e, "answer of BIRD");
	*ret = r.sessions;
	return 0;
}
