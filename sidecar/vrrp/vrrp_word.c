/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/vrrp_word.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "vrrp/share.h"
#include "vrrp/vrrp_conf.h"

/* What is in front of `end`, of which there has to be one; moves on to what is behind it. */
static char *take_up_to(char **at, const char *end)
{
	char *word = *at, *found = strstr(word, end);

	if (!found)
		return NULL;
	*found = '\0';
	*at = found + strlen(end);
	return word;
}

static bool parse_share(unsigned *ret, const char *name)
{
	struct err e = {0};
	uint64_t share;

	if (!str_has_prefix(name, VRRP_CONF_SHARE) ||
		str_to_u64(&share, name + strlen(VRRP_CONF_SHARE), 0, SHARES - 1, &e) < 0)
		return false;
	*ret = (unsigned)share;
	return true;
}

static enum vrrp_word_kind kind_of(const char *state)
{
	static const struct {
		const char *state;
		enum vrrp_word_kind kind;
	} words[] = {
		{"MASTER", VRRP_OWNS},
		{"BACKUP", VRRP_YIELDS},
		{"FAULT", VRRP_YIELDS},
		{"STOP", VRRP_YIELDS},
		{"DELETED", VRRP_YIELDS},
		{"MASTER_PRIORITY", VRRP_PULSE},
		{"BACKUP_PRIORITY", VRRP_PULSE},
		{"MASTER_RX_LOWER_PRI", VRRP_OTHER},
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(state, words[i].state) == 0)
			return words[i].kind;
	return VRRP_UNREADABLE;
}

static struct vrrp_word word_of(const char *name, const char *state)
{
	bool is_pulse = strcmp(name, VRRP_CONF_PULSE) == 0;
	struct vrrp_word word = {.kind = kind_of(state)};

	if (!is_pulse && !parse_share(&word.share, name))
		word.kind = VRRP_UNREADABLE;
	else if (word.kind != VRRP_UNREADABLE && is_pulse != (word.kind == VRRP_PULSE))
		word.kind = is_pulse || word.kind == VRRP_PULSE ? VRRP_OTHER : word.kind;
	return word;
}

static struct vrrp_word parse(char *line)
{
	const char *type = take_up_to(&line, " \""), *name = take_up_to(&line, "\" ");
	const char *state = take_up_to(&line, " ");
	struct vrrp_word nothing = {0};
	struct err e = {0};
	uint64_t priority;

	if (!type || strcmp(type, "INSTANCE") != 0 || !name || !state ||
		str_to_u64(&priority, line, 0, UINT8_MAX, &e) < 0)
		return nothing;
	return word_of(name, state);
}

static void deliver(
	struct vrrp_words *w, void (*on_word)(void *ud, const struct vrrp_word *word), void *ud)
{
	struct vrrp_word word = {0};

	w->line[w->len] = '\0';
	if (!w->skips && strlen(w->line) == w->len)
		word = parse(w->line);
	w->len = 0;
	w->skips = false;
	on_word(ud, &word);
}

void vrrp_words_read(struct vrrp_words *w, const char *text, size_t len,
	void (*on_word)(void *ud, const struct vrrp_word *word), void *ud)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			deliver(w, on_word, ud);
		else if (w->len < LIMIT_VRRP_LINE)
			w->line[w->len++] = text[i];
		else
			w->skips = true;
}
